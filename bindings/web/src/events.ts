/** Streams of events: bounded, in order, and honest about what a slow reader missed. */

import type { Event } from "./records.js";
import { EVENT_BUFFER } from "./rpc/protocol.js";

/**
 * Events from the moment `Client.events` was called until the client is closed.
 *
 * Up to 1,024 events wait for their reader. When it is slower, one `lagged` event stands in the place of those that did not
 * fit, with their number. The store holds everything that events say.
 */
export class EventStream implements AsyncIterableIterator<Event>, AsyncDisposable {
  readonly #waiting: Event[] = [];
  readonly #forget: (stream: EventStream) => void;
  #reader: ((result: IteratorResult<Event>) => void)[] = [];
  #ended = false;

  /** @internal */
  constructor(forget: (stream: EventStream) => void) {
    this.#forget = forget;
  }

  /** The next event; done once the client is closed. */
  next(): Promise<IteratorResult<Event>> {
    const event = this.#waiting.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#reader.push(resolve));
  }

  /** Ends this stream; the client goes on. */
  return(): Promise<IteratorResult<Event>> {
    this.#waiting.length = 0;
    this.end();
    this.#forget(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal */
  push(event: Event): void {
    if (this.#ended) return;
    const reader = this.#reader.shift();
    if (reader) return reader({ done: false, value: event });
    if (this.#waiting.length < EVENT_BUFFER) {
      this.#waiting.push(event);
      return;
    }
    const last = this.#waiting.at(-1);
    const missed = event.type === "lagged" ? event.missed : 1;
    if (last?.type === "lagged") last.missed += missed;
    else this.#waiting.push({ type: "lagged", missed });
  }

  /** The stream ends after what it holds. @internal */
  end(): void {
    this.#ended = true;
    for (const reader of this.#reader.splice(0)) reader({ done: true, value: undefined });
  }
}
