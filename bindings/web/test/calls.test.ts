/** A tab's calls and streams by themselves, with a worker that the test plays: the moments that a browser shows once in a thousand runs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStream } from "../dist/events.js";
import { Calls } from "../dist/rpc/calls.js";
import { Serving, type Shared } from "../dist/worker/serving.js";
import { CHUNK_BYTES, type ToHost } from "../dist/rpc/protocol.js";

/** What a worker was told. */
class Heard {
  readonly all: ToHost[] = [];
  readonly post = (message: ToHost): void => void this.all.push(structuredClone(message));

  of<T extends ToHost["t"]>(t: T): Extract<ToHost, { t: T }>[] {
    return this.all.filter((message): message is Extract<ToHost, { t: T }> => message.t === t);
  }
}

const soon = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const code = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === "string" ? code : (name ?? String(error));
};
const welcome = (calls: Calls): Heard => {
  const heard = new Heard();
  calls.attach(heard.post);
  return heard;
};

/** Counts who listens. */
class Signal extends AbortController {
  listeners = 0;

  constructor() {
    super();
    const { signal } = this;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => (this.listeners++, add(...args)),
      removeEventListener: (...args: Parameters<typeof remove>) => (this.listeners--, remove(...args)),
    });
  }
}

test("a call that ends leaves no listener at its signal, however it ends", async () => {
  const calls = new Calls();
  welcome(calls);
  const leaving = new Signal();
  const ends = [1, 2, 3].map(() => calls.start("message", [1], { signal: leaving.signal }).catch(code));
  calls.take({ t: "result", id: 1, value: "found" });
  calls.take({ t: "failed", id: 2, error: { code: "unknown_message", group: "message", text: "", detail: "", retryable: false, fields: {} } });
  calls.fail({ code: "closed", group: "client", text: "", detail: "", retryable: false, fields: {} }, "all");
  assert.deepEqual(await Promise.all(ends), ["found", "unknown_message", "closed"]);
  assert.equal(leaving.listeners, 0);
});

test("waiting that is given up is forgotten here and at the worker, so that giving up for ever holds nothing", async () => {
  const calls = new Calls();
  const heard = welcome(calls);
  for (let at = 0; at < 100; at++) {
    const leaving = new AbortController();
    const waiting = calls.start("waitUntilCaughtUp", [], { signal: leaving.signal }).catch(code);
    leaving.abort();
    assert.equal(await waiting, "AbortError");
  }
  assert.equal(calls.waiting, 0);
  assert.deepEqual(heard.of("stop").map(({ id }) => id), heard.of("call").map(({ id }) => id));
});

test("a worker ends what waits for a tab when the tab gives it up, and all of it when the tab is gone", async () => {
  const left: string[] = [];
  const wait = (what: string) => (ended: Promise<void>) => ended.then(() => {
    left.push(what);
    throw { code: "closed" };
  });
  const client = { waitUntilCaughtUp: wait("caught up"), waitUntilSent: (id: number, ended: Promise<void>) => wait(`sent ${id}`)(ended) };
  const company = { leave: () => Promise.resolve() };
  const serving = new Serving({ client, company, isClosing: () => false } as unknown as Shared, () => undefined);
  serving.heard({ t: "call", id: 1, method: "waitUntilCaughtUp", args: [], again: false });
  for (const id of [2, 3]) serving.heard({ t: "call", id, method: "waitUntilSent", args: [id], again: false });
  await soon();
  assert.deepEqual(left, []);
  serving.heard({ t: "stop", id: 2 });
  await soon();
  assert.deepEqual(left, ["sent 2"]);
  serving.end();
  await soon();
  assert.deepEqual(left, ["sent 2", "caught up", "sent 3"]);
});

test("a send that is given up is asked of the next worker all the same, once, and tells nobody of its progress", async () => {
  const calls = new Calls();
  welcome(calls);
  const leaving = new AbortController();
  const steps: number[] = [];
  const onProgress = ({ done }: { done: number }): void => void steps.push(done);
  const sending = calls.start("sendAttachment", ["t", {}], { signal: leaving.signal, onProgress }).catch(code);
  leaving.abort();
  assert.equal(await sending, "AbortError");
  calls.take({ t: "progress", id: 1, progress: { done: 1, total: 2 } });
  calls.detach();
  assert.deepEqual(welcome(calls).of("call").map(({ method, again }) => [method, again]), [["sendAttachment", true]]);
  assert.deepEqual(steps, []);
});

test("a writer that fails with the last chunk fails the download, though the worker has said that it is done", async () => {
  const calls = new Calls();
  welcome(calls);
  const sink = async (): Promise<void> => {
    await soon();
    throw new Error("the disk is full");
  };
  const download = calls.start("downloadAttachment", [1], { sink }).then(() => "done", code);
  calls.take({ t: "bytes", id: 1, bytes: new Uint8Array(10) });
  calls.take({ t: "result", id: 1, value: undefined });
  assert.equal(await download, "attachment_sink");
});

test("a download that is aborted while its last chunk is written stops waiting at once", async () => {
  const calls = new Calls();
  welcome(calls);
  const leaving = new AbortController();
  const download = calls.start("downloadAttachment", [1], { sink: () => soon(500), signal: leaving.signal }).then(() => "done", code);
  calls.take({ t: "bytes", id: 1, bytes: new Uint8Array(10) });
  calls.take({ t: "result", id: 1, value: undefined });
  await soon();
  leaving.abort();
  assert.equal(await Promise.race([download, soon(100).then(() => "waits")]), "AbortError");
});

test("a download that a worker has finished is neither asked again nor failed when that worker ends", async () => {
  const calls = new Calls();
  welcome(calls);
  const download = calls.start("downloadAttachment", [1], { sink: () => soon(20) }).then(() => "done", code);
  calls.take({ t: "bytes", id: 1, bytes: new Uint8Array(10) });
  calls.take({ t: "result", id: 1, value: undefined });
  calls.fail({ code: "internal", group: "client", text: "", detail: "", retryable: false, fields: {} }, "sent");
  calls.detach();
  assert.deepEqual(welcome(calls).of("call"), []);
  assert.equal(await download, "done");
});

test("bytes of a download that the next worker brings again are written once", async () => {
  const calls = new Calls();
  welcome(calls);
  const written: number[] = [];
  const download = calls.start("downloadAttachment", [1], { sink: (bytes) => void written.push(...bytes) });
  calls.take({ t: "bytes", id: 1, bytes: Uint8Array.of(1, 2, 3) });
  calls.detach();
  welcome(calls);
  calls.take({ t: "bytes", id: 1, bytes: Uint8Array.of(1, 2) });
  calls.take({ t: "bytes", id: 1, bytes: Uint8Array.of(3, 4) });
  calls.take({ t: "result", id: 1, value: undefined });
  await download;
  assert.deepEqual(written, [1, 2, 3, 4]);
});

test("a blob goes to each worker that is asked to send it", async () => {
  const calls = new Calls();
  const first = welcome(calls);
  const source = new Blob(["whole"]);
  void calls.start("sendAttachment", ["t", {}], { source });
  calls.detach();
  const second = welcome(calls);
  for (const worker of [first, second]) assert.equal(worker.of("call")[0]?.source?.size, 5);
});

test("the stream of an upload that changes hands while its bytes are read gives the next worker nothing from its middle", async () => {
  const calls = new Calls();
  const first = welcome(calls);
  const source = new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(new Uint8Array(CHUNK_BYTES)) });
  void calls.start("sendAttachment", ["t", {}], { source });
  // Asked for in three messages: two of them wait for the first one's bytes when the worker ends.
  for (let asked = 0; asked < 3; asked++) calls.take({ t: "more", id: 1, chunks: 1 });
  await Promise.resolve();
  calls.detach();
  const second = welcome(calls);
  calls.take({ t: "more", id: 1, chunks: 1 });
  await soon(50);
  assert.deepEqual([first.of("bytes"), second.of("bytes")], [[], []]);
  assert.match(String(second.of("end")[0]?.failed), /hand in a Blob/);
});

test("the stream of an upload that fails is cancelled: whoever writes to it learns that nobody reads", async () => {
  const calls = new Calls();
  welcome(calls);
  let cancelled = false;
  const source = new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(new Uint8Array(10)), cancel: () => void (cancelled = true) });
  const sending = calls.start("sendAttachment", ["t", {}], { source }).catch(code);
  calls.take({ t: "more", id: 1, chunks: 1 });
  await soon();
  calls.take({ t: "failed", id: 1, error: { code: "network", group: "network", text: "", detail: "", retryable: true, fields: {} } });
  assert.equal(await sending, "network");
  await soon();
  assert.equal(cancelled, true);
});

test("an argument that cannot cross to the worker fails its own call and no other", async () => {
  const calls = new Calls();
  const poison = calls.start("sendText", ["t", () => undefined]).then(() => "sent", code);
  const other = calls.start("countUnread", []);
  const heard = welcome(calls);
  assert.equal(await poison, "configuration");
  assert.deepEqual(heard.of("call").map(({ method }) => method), ["countUnread"]);
  calls.take({ t: "result", id: 2, value: 0 });
  assert.equal(await other, 0);
});

test("a yes that was said to one worker is no answer to another's question", async () => {
  const calls = new Calls();
  welcome(calls);
  let say: (yes: boolean) => void = () => undefined;
  const confirm = (): Promise<boolean> => new Promise((resolve) => (say = resolve));
  void calls.start("linkDevice", ["code"], { confirm });
  calls.take({ t: "ask", ask: 1, id: 1, question: { device: 2 } });
  const yes = say;
  calls.detach();
  const second = welcome(calls);
  calls.take({ t: "ask", ask: 1, id: 1, question: { device: 66 } });
  yes(true);
  await soon();
  assert.deepEqual(second.of("answer"), []);
});

test("a stream of events that begins after the end has ended", async () => {
  const stream = new EventStream(() => undefined);
  stream.end();
  assert.equal((await stream.next()).done, true);
});
