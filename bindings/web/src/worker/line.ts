/**
 * Where the events of the worker before ended, if it ended in order: kept in a small file beside the store's own.
 *
 * Empty while a worker lives. One that dies leaves it so, and the next one begins another line: nobody knows what the dead one
 * would still have said. That the number is read from here and not from a tab matters, because a tab may have missed a whole worker.
 */

import type { Place } from "../rpc/journal.js";

/** Of the file; only workers have it, and one at a time. */
interface SyncHandle {
  getSize(): number;
  read(into: Uint8Array, at: { at: number }): number;
  write(bytes: Uint8Array, at: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

/** A line and a number have less. */
const MAX_BYTES = 256;

export class Line {
  /** What was told last on this line. */
  readonly from: Place;
  readonly #store: string;
  readonly #kept: boolean;

  private constructor(store: string, from: Place | undefined, kept: boolean) {
    this.#store = store;
    this.from = from ?? { line: crypto.randomUUID(), number: 0 };
    this.#kept = kept;
  }

  /** The line of the worker before, or a new one. From here on nobody else goes on with it. */
  static async take(store: string): Promise<Line> {
    try {
      const ended = await inFile(store, (file) => {
        const bytes = new Uint8Array(Math.min(file.getSize(), MAX_BYTES));
        file.read(bytes, { at: 0 });
        file.truncate(0);
        file.flush();
        return bytes;
      });
      return new Line(store, placeIn(ended), true);
    } catch {
      // Only the line is lost by that: whether the store opens, the store says itself.
      return new Line(store, undefined, false);
    }
  }

  /** A line that no other worker will go on with. */
  static ofItsOwn(): Line {
    return new Line("", undefined, false);
  }

  /** Everything was told, up to this number. */
  async end({ line, number }: Place): Promise<void> {
    if (!this.#kept) return;
    const bytes = new TextEncoder().encode(JSON.stringify({ line, number }));
    // Where that fails the next line is another one.
    await inFile(this.#store, (file) => {
      file.write(bytes, { at: 0 });
      file.flush();
    }).catch(() => undefined);
  }
}

async function inFile<T>(store: string, act: (file: SyncHandle) => T): Promise<T> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle("sealwire", { create: true });
  const handle = (await folder.getFileHandle(`${store}.line`, { create: true })) as unknown as { createSyncAccessHandle(): Promise<SyncHandle> };
  const file = await handle.createSyncAccessHandle();
  try {
    return act(file);
  } finally {
    file.close();
  }
}

function placeIn(bytes: Uint8Array): Place | undefined {
  try {
    const { line, number } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Place>;
    return typeof line === "string" && Number.isSafeInteger(number) ? { line, number: number as number } : undefined;
  } catch {
    return undefined;
  }
}
