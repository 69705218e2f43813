/** The tab that leads, with workers that the test plays. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Leadership, type Hearers, type LeaderOptions } from "../dist/tabs/leadership.js";

const ROW = { group: "store", text: "", detail: "", retryable: true, fields: {} } as const;

/** A worker that is answered that the store is in use, or says nothing. */
class Played {
  static all: Played[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: unknown = null;
  ended = false;
  constructor(readonly opening: "in use" | "silent") {
    Played.all.push(this);
  }
  postMessage(message: { t: string }): void {
    if (message.t !== "open" || this.opening === "silent") return;
    setTimeout(() => this.onmessage?.({ data: { t: "notOpened", error: { ...ROW, code: "store_in_use" } } }), 1);
  }
  terminate(): void {
    this.ended = true;
  }
}

const HEARERS: Hearers = { startOffline: () => false, opened: () => undefined, heard: () => undefined, ended: () => undefined };
/** With workers that open so, one after the other. */
const lead = (...openings: ("in use" | "silent")[]): Leadership =>
  new Leadership({ spawn: () => new Played(openings.shift() ?? "silent") as unknown as Worker, store: "s" } as LeaderOptions, HEARERS);
const within = (ms: number, what: Promise<unknown>): Promise<string> =>
  Promise.race([what.then(() => "over"), new Promise<string>((resolve) => setTimeout(() => resolve("hangs"), ms))]);

beforeEach(() => {
  Played.all = [];
});

test("a tab that is closed while the store is still in somebody's hands gives up, and starts no worker any more", async () => {
  const leadership = lead("in use");
  // In the pause between two tries.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await within(1_000, leadership.release("inOrder")), "over");
  const { length } = Played.all;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(Played.all.length, length);
  assert.ok(Played.all.every(({ ended }) => ended));
});

test("a tab that is closed while its worker opens ends it at once", async () => {
  const leadership = lead("silent");
  assert.equal(await within(1_000, leadership.release("inOrder")), "over");
  assert.deepEqual(Played.all.map(({ ended }) => ended), [true]);
});

test("a worker that the browser does not let be made is an error of the configuration, not a wait for ever", async () => {
  const spawn = (): Worker => {
    throw new DOMException("another origin's script", "SecurityError");
  };
  const leadership = new Leadership({ spawn, store: "s" } as LeaderOptions, HEARERS);
  assert.equal(await within(1_000, leadership.over), "over");
  const refused = await leadership.over;
  assert.equal(refused?.code, "configuration");
  assert.match(String(refused?.fields.reason), /another origin's script/);
});
