/** The tab that leads, with workers that the test plays. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Leadership, type Hearers, type LeaderOptions } from "../dist/tabs/leadership.js";

const ROW = { group: "store", text: "", detail: "", retryable: true, fields: {} } as const;

type Way = "in use" | "silent" | "opens";

/** A worker that opens, is answered that the store is in use, or says nothing. */
class Played {
  static all: Played[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  ended = false;
  #epoch = "";
  constructor(readonly opening: Way) {
    Played.all.push(this);
  }
  postMessage(message: { t: string; epoch?: string }): void {
    if (message.t === "close") setTimeout(() => this.says({ t: "over" }), 1);
    if (message.t !== "open" || this.opening === "silent") return;
    this.#epoch = message.epoch ?? "";
    const answer = this.opening === "opens" ? { t: "opened" } : { t: "notOpened", error: { ...ROW, code: "store_in_use" } };
    setTimeout(() => this.says(answer), 1);
  }
  says(data: unknown): void {
    this.onmessage?.({ data });
  }
  terminate(): void {
    this.ended = true;
  }
  /** The browser finds that it is gone: whoever asked for its lock gets it. */
  lockFreed(): void {
    for (const [name, granted] of asked) if (name.endsWith(`/${this.#epoch}`)) granted();
  }
}

/** Who waits for which lock. */
const asked = new Map<string, () => void>();
const locks = { request: (name: string, granted: () => void) => void asked.set(name, granted) };
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });

const HEARERS: Hearers = { startOffline: () => false, opened: () => undefined, heard: () => undefined, ended: () => undefined };
/** With workers that open so, one after the other. */
const lead = (...openings: Way[]): Leadership =>
  new Leadership({ spawn: () => new Played(openings.shift() ?? "silent") as unknown as Worker, store: "s" } as LeaderOptions, HEARERS);
const within = (ms: number, what: Promise<unknown>): Promise<string> =>
  Promise.race([what.then(() => "over"), new Promise<string>((resolve) => setTimeout(() => resolve("hangs"), ms))]);

beforeEach(() => {
  Played.all = [];
  asked.clear();
});

/** The worker that was started as this one, once it is open. */
async function opened(nth: number): Promise<Played> {
  await soon(() => asked.size > nth);
  return Played.all[nth]!;
}

async function soon(holds: () => boolean): Promise<void> {
  for (let at = 0; at < 500 && !holds(); at++) await new Promise((resolve) => setTimeout(resolve, 2));
}

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

test("a worker's end is one end, however often it is told: the next worker can still be asked to give the store up", async () => {
  for (const dies of [(worker: Played) => worker.says({ t: "panicked", error: { ...ROW, code: "internal" } }), (worker: Played) => worker.onerror?.({ message: "", preventDefault: () => undefined })]) {
    Played.all = [];
    asked.clear();
    const leadership = lead("opens", "opens");
    const first = await opened(0);
    dies(first);
    await opened(1);
    // The browser frees a lock when it finds the time.
    first.lockFreed();
    assert.equal(await within(1_000, leadership.release("inOrder")), "over");
    assert.deepEqual(Played.all.map(({ ended }) => ended), [true, true]);
  }
});

test("a worker that dies long after the lead began is followed by one that may find the store still in use", async (t) => {
  const shift = clock(t);
  const leadership = lead("opens", "in use", "opens");
  const first = await opened(0);
  shift(6_000);
  first.lockFreed();
  await soon(() => Played.all.length === 3);
  assert.equal(Played.all.length, 3);
  assert.equal(await within(1_000, leadership.release("atOnce")), "over");
  assert.equal(await leadership.over, undefined);
});

test("workers that die now and then, each after a long life, are followed for ever; those that die at once are not", async (t) => {
  const shift = clock(t);
  const leadership = lead(...Array.from({ length: 20 }, () => "opens" as const));
  for (let nth = 0; nth < 8; nth++) {
    const worker = await opened(nth);
    shift(3_600_000);
    worker.lockFreed();
  }
  for (let nth = 8; nth < 14; nth++) (await opened(nth)).lockFreed();
  assert.equal(await within(1_000, leadership.over), "over");
  assert.equal((await leadership.over)?.code, "internal");
  assert.equal(Played.all.length, 14);
});

/** A clock that goes on by leaps. */
function clock(t: { after: (end: () => void) => void }): (ms: number) => void {
  let ahead = 0;
  const now = performance.now.bind(performance);
  const played = mock.method(performance, "now", () => now() + ahead);
  t.after(() => played.mock.restore());
  return (ms) => void (ahead += ms);
}
