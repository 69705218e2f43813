/**
 * A tab's calls under way. They outlive the worker that was asked: the next one is asked again, and what may not be done twice
 * carries a key that says so.
 */

import { errorInfo, toError } from "../errors.js";
import type { Progress } from "../records.js";
import { UploadSource } from "./upload-source.js";
import type { ErrorInfo, ToHost, ToTab } from "./protocol.js";

/** What goes with a call beside its arguments. */
export interface CallParts {
  /** Ends the waiting, never the work. */
  signal?: AbortSignal | undefined;
  /** The bytes of an upload. */
  source?: Blob | ReadableStream<Uint8Array>;
  /** Takes the bytes of a download. */
  sink?: (bytes: Uint8Array) => Promise<void> | void;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Answers what the call asks back. */
  confirm?: ((question: unknown) => Promise<boolean> | boolean) | undefined;
}

interface Pending extends CallParts {
  id: number;
  method: string;
  args: unknown[];
  sent: boolean;
  /** Nobody waits any more. */
  left: boolean;
  /** The worker has done its part: only the sink is still busy. */
  answered: boolean;
  upload?: UploadSource;
  /** Bytes of a download that the sink has, and those that a second asking brings again. */
  taken: number;
  again: number;
  /** Chunks go to the sink one after the other. */
  writing: Promise<void>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Lets go of what the call held. */
  release: () => void;
}

/** These do nothing but wait: given up, they leave nothing to be done. */
const ONLY_WAIT = new Set(["waitUntilCaughtUp", "waitUntilSent"]);

type Post = (message: ToHost, transfer?: Transferable[]) => void;

export class Calls {
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #post: Post | undefined;

  get waiting(): number {
    return this.#pending.size;
  }

  /** The worker to ask from now on; what was asked of another is asked anew, in the order of asking. */
  attach(post: Post): void {
    this.#post = post;
    for (const call of [...this.#pending.values()]) this.#send(call);
  }

  detach(): void {
    this.#post = undefined;
  }

  start(method: string, args: unknown[], parts: CallParts = {}): Promise<unknown> {
    const { signal } = parts;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const call: Pending = {
        ...parts,
        id: this.#next++,
        method,
        args,
        sent: false,
        left: false,
        answered: false,
        taken: 0,
        again: 0,
        writing: Promise.resolve(),
        resolve,
        reject,
        release: () => {
          signal?.removeEventListener("abort", leave);
          call.upload?.close();
        },
      };
      const leave = (): void => this.#leave(call, signal?.reason);
      // A blob goes to the worker as it is, and its bytes stay with the browser; a stream is read here.
      if (parts.source && !(parts.source instanceof Blob)) call.upload = new UploadSource(parts.source);
      this.#pending.set(call.id, call);
      signal?.addEventListener("abort", leave);
      this.#send(call);
    });
  }

  /** Ends every call, or those alone that the worker was asked. */
  fail(error: ErrorInfo, which: "all" | "sent"): void {
    for (const call of [...this.#pending.values()]) {
      if (which === "all" || (call.sent && !call.answered)) this.#settle(call.id, () => call.reject(toError(error)));
    }
  }

  /** Whether the message was one of a call's. */
  take(message: ToTab): void {
    switch (message.t) {
      case "result":
        return this.#answered(message.id, message.value);
      case "failed":
        return this.#settle(message.id, (call) => call.reject(toError(message.error)));
      case "progress":
        return told(this.#pending.get(message.id), message.progress);
      case "more":
        return this.#upload(message.id, message.chunks);
      case "bytes":
        return this.#download(message.id, message.bytes);
      case "ask":
        if (message.id !== "keyStore") void this.#answer(message.id, message.ask, message.question);
    }
  }

  #send(call: Pending): void {
    if (!this.#post || call.answered) return;
    const { id, method, args, sent } = call;
    call.upload?.restart();
    call.again = call.taken;
    try {
      const { source } = call;
      this.#post({ t: "call", id, method, args, again: sent, ...(source instanceof Blob ? { source } : {}) });
      call.sent = true;
    } catch (error) {
      // An argument that cannot be copied: no worker will ever hear of this call.
      const info = errorInfo("configuration", String(error));
      this.#settle(id, () => call.reject(toError(info)));
    }
  }

  /** A download is over when its last bytes are written, which may yet fail. */
  #answered(id: number, value: unknown): void {
    const call = this.#pending.get(id);
    if (!call?.sink) return this.#settle(id, () => call?.resolve(value));
    call.answered = true;
    void call.writing.then(() => this.#settle(id, () => call.resolve(value)));
  }

  #settle(id: number, how: (call: Pending) => void): void {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#pending.delete(id);
    call.release();
    how(call);
  }

  /** The work goes on, and is asked for again should its worker end: only what is for nobody then is stopped or forgotten. */
  #leave(call: Pending, reason: unknown): void {
    call.left = true;
    call.reject(reason);
    if (!call.sink && !ONLY_WAIT.has(call.method)) return;
    this.#settle(call.id, () => undefined);
    if (call.sent) this.#post?.({ t: "stop", id: call.id });
  }

  #upload(id: number, chunks: number): void {
    const call = this.#pending.get(id);
    const post = this.#post;
    const upload = call?.upload;
    if (!upload || !post) return;
    // One chunk after the other, however many were asked for meanwhile.
    call.writing = call.writing.then(async () => {
      try {
        // Another worker may be asked by now: it asks for its own bytes, from the first one on.
        for (let chunk = 0; chunk < chunks && this.#post === post; chunk++) {
          const bytes = await upload.next();
          if (this.#post !== post) return;
          if (!bytes) return post({ t: "end", id });
          post({ t: "bytes", id, bytes }, [bytes.buffer]);
        }
      } catch (error) {
        if (this.#post === post) post({ t: "end", id, failed: String(error) });
      }
    });
  }

  #download(id: number, bytes: Uint8Array): void {
    const call = this.#pending.get(id);
    const post = this.#post;
    if (!call?.sink) return;
    const { sink } = call;
    const known = Math.min(call.again, bytes.length);
    call.again -= known;
    const fresh = bytes.subarray(known);
    call.taken += fresh.length;
    call.writing = call.writing
      .then(() => (fresh.length > 0 ? sink(fresh) : undefined))
      .then(() => {
        if (this.#post === post) post?.({ t: "more", id, chunks: 1 });
      })
      .catch((error: unknown) => {
        post?.({ t: "stop", id });
        const info = errorInfo("attachment_sink", String(error));
        this.#settle(id, () => call.reject(toError(info)));
      });
  }

  async #answer(id: number, ask: number, question: unknown): Promise<void> {
    const call = this.#pending.get(id);
    const post = this.#post;
    let value = false;
    try {
      value = (await call?.confirm?.(question)) ?? false;
    } catch {
      // What throws does not agree.
    }
    // Another worker asks anew, under numbers of its own.
    if (this.#post === post) post?.({ t: "answer", ask, value });
  }
}

function told(call: Pending | undefined, progress: Progress): void {
  if (!call || call.left) return;
  try {
    call.onProgress?.(progress);
  } catch (error) {
    // A transfer goes on, whatever the app does when it is told of it.
    queueMicrotask(() => {
      throw error;
    });
  }
}
