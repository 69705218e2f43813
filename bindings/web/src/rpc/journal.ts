/**
 * What was told lately, in order and numbered: whoever comes late learns exactly what they have not heard, or how much of it
 * is not kept any more.
 *
 * Numbers belong to a line: it goes on from one worker to the next as long as each of them ended in order. Where one did not,
 * nobody knows what it would still have said, and another line begins.
 */

import type { Event } from "../records.js";
import { EVENT_BUFFER } from "./protocol.js";

/** How far somebody was told. Numbers begin at 1. */
export interface Place {
  line: string;
  number: number;
}

/** What a tab was told, as it gives it to a worker that follows another one. */
export interface Told extends Place {
  /** The last ones up to there, with nothing missing between them. */
  events: Event[];
}

/** What is to be told to somebody who knows less. */
export interface Rest {
  /** Where that begins. */
  at: Place;
  /** So many numbers before the first of the events are not kept: none at all where that is only possible. */
  missed: number | undefined;
  events: Event[];
}

export class Journal {
  #line: string;
  #last: number;
  #events: Event[] = [];

  constructor({ line, number }: Place) {
    this.#line = line;
    this.#last = number;
  }

  get place(): Place {
    return { line: this.#line, number: this.#last };
  }

  get told(): Told {
    return { ...this.place, events: [...this.#events] };
  }

  /** What happened next; its number. */
  push(event: Event): number {
    this.#events.push(event);
    if (this.#events.length > EVENT_BUFFER) this.#events.shift();
    this.#last += 1;
    return this.#last;
  }

  /** Goes on from there; what was before is kept only where nothing is missing between. */
  goOnFrom(place: Place): void {
    if (place.line === this.#line && place.number === this.#last) return;
    this.#line = place.line;
    this.#last = place.number;
    this.#events = [];
  }

  /** Takes in what somebody was told before the first event here, if it reaches as far. */
  adopt(told: Told): void {
    if (told.line !== this.#line || told.number !== this.#before) return;
    this.#events = [...told.events, ...this.#events].slice(-EVENT_BUFFER);
  }

  /** What somebody does not know who was told up to that place; nothing, if they come new. */
  since(told: Place | undefined): Rest {
    if (!told) return { at: this.place, missed: undefined, events: [] };
    const known = told.line === this.#line && told.number <= this.#last;
    const at = known ? told : { line: this.#line, number: 0 };
    const gap = this.#before - at.number;
    return { at, missed: !known || gap > 0 ? gap : undefined, events: this.#events.slice(Math.max(-gap, 0)) };
  }

  /** The number before the first event that is kept. */
  get #before(): number {
    return this.#last - this.#events.length;
  }
}
