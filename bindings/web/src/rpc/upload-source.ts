/** The bytes of a stream that is sent, chunk by chunk. */

import { CHUNK_BYTES } from "./protocol.js";

export class UploadSource {
  readonly #from: ReadableStream<Uint8Array>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #rest: Uint8Array | undefined;
  #read = false;
  #spent = false;

  constructor(from: ReadableStream<Uint8Array>) {
    this.#from = from;
  }

  /** It is given once. */
  restart(): void {
    this.#spent = this.#read;
  }

  /** Nobody reads any more: at a stream's end this changes nothing. */
  close(): void {
    // Where the app itself is reading it is the app's.
    const closed = this.#reader ? this.#reader.cancel() : this.#from.cancel();
    closed.catch(() => undefined);
  }

  /** None at the end. Its buffer is its own: it may be transferred. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#spent) throw new Error("the stream was read already, for a tab that ended: hand in a Blob");
    this.#read = true;
    this.#reader ??= this.#from.getReader();
    let piece = this.#rest;
    while (!piece || piece.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      piece = value;
    }
    this.#rest = piece.subarray(CHUNK_BYTES);
    // A copy: the app may go on using what its stream gave.
    return piece.slice(0, CHUNK_BYTES) as Uint8Array<ArrayBuffer>;
  }
}
