/** Bytes between a tab and the module, no more of them at once than were asked for. */

import { CREDIT } from "../rpc/protocol.js";

/** From the tab: it gives as many chunks as were asked for. */
export class Upload {
  readonly stream: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #onTheirWay = 0;
  #ended = false;

  constructor(ask: (chunks: number) => void) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: (controller) => {
          const wanted = Math.max(0, controller.desiredSize ?? 0) - this.#onTheirWay;
          if (wanted <= 0) return;
          this.#onTheirWay += wanted;
          ask(wanted);
        },
        cancel: () => {
          this.#ended = true;
        },
      },
      new CountQueuingStrategy({ highWaterMark: CREDIT }),
    );
  }

  push(bytes: Uint8Array): void {
    this.#onTheirWay -= 1;
    if (!this.#ended) this.#controller?.enqueue(bytes);
  }

  end(failed: string | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    if (failed === undefined) this.#controller?.close();
    else this.#controller?.error(new Error(failed));
  }
}

/** To the tab: it says how many chunks more it takes. */
export class Download {
  #room: number;
  #stopped = false;
  #waiting: (() => void) | undefined;

  constructor(room: number) {
    this.#room = room;
  }

  /** Resolved when one chunk may go. */
  async room(): Promise<void> {
    while (this.#room === 0 && !this.#stopped) await new Promise<void>((resolve) => (this.#waiting = resolve));
    if (this.#stopped) throw new Error("nobody takes the bytes any more");
    this.#room -= 1;
  }

  more(chunks: number): void {
    this.#room += chunks;
    this.#waiting?.();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting?.();
  }
}
