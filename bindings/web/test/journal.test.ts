/** The numbers of events, which say to each tab what it has not heard. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Journal } from "../dist/rpc/journal.js";
import type { Event } from "../dist/index.js";

const EVENT = { type: "caughtUp" } as Event;
const LAGGED = { type: "lagged", missed: 1 } as Event;

/** Of a worker that goes on where the one before ended, after so many events of its own. */
function journal(number: number, events: number): Journal {
  const journal = new Journal({ line: "a", number });
  for (let at = 0; at < events; at++) journal.push(EVENT);
  return journal;
}

test("a tab that comes new is told what happens from then on", () => {
  assert.deepEqual(journal(0, 3).since(undefined), { at: { line: "a", number: 3 }, missed: undefined, events: [] });
});

test("a tab that knows a part is told the rest, once", () => {
  assert.equal(journal(5, 3).since({ line: "a", number: 6 }).events.length, 2);
  assert.deepEqual(journal(5, 3).since({ line: "a", number: 8 }), { at: { line: "a", number: 8 }, missed: undefined, events: [] });
});

test("a tab that missed a whole worker is told what the tab that leads now heard of it", () => {
  const leads = journal(2, 4);
  const next = journal(6, 1);
  next.adopt(leads.told);
  const rest = next.since({ line: "a", number: 3 });
  assert.deepEqual([rest.missed, rest.events.length], [undefined, 4]);
});

test("where the tab that leads missed the worker before too, each is told how many it missed", () => {
  const next = journal(6, 1);
  next.adopt(journal(2, 1).told);
  const rest = next.since({ line: "a", number: 3 });
  assert.deepEqual([rest.at.number, rest.missed, rest.events.length], [3, 3, 1]);
});

test("after a worker that died, a tab is told that something may be missing, and then all of the new line", () => {
  const rest = journal(0, 2).since({ line: "of the dead one", number: 40 });
  assert.deepEqual(rest, { at: { line: "a", number: 0 }, missed: 0, events: [EVENT, EVENT] });
});

test("what is not kept any more is counted", () => {
  const rest = journal(0, 1_030).since({ line: "a", number: 2 });
  assert.deepEqual([rest.missed, rest.events.length], [4, 1_024]);
});

test("a tab keeps what it was told as long as nothing is missing between", () => {
  const tab = journal(0, 2);
  tab.goOnFrom({ line: "a", number: 2 });
  tab.push(LAGGED);
  assert.equal(tab.told.events.length, 3);
  tab.goOnFrom({ line: "a", number: 7 });
  assert.deepEqual(tab.told, { line: "a", number: 7, events: [] });
});
