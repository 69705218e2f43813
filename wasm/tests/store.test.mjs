// The store in a browser: what outlives what, and what is said where it cannot be had.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startRelay } from "./relay.mjs";

const { SEALWIRE_PKG, SEALWIRE_RELAY } = process.env;
let browser, relay;
let number = 0;
/** A store, and a user, of each test's own. */
let store, user;

before(async () => {
  relay = await startRelay(SEALWIRE_RELAY);
  browser = await startBrowser(SEALWIRE_PKG);
});
after(async () => {
  await browser?.stop();
  await relay?.stop();
});
beforeEach(() => {
  store = `store-${++number}`;
  user = `user-${number}`;
});

const options = (more = {}) => ({ relay: relay.url, store, ...more });

/** A worker with the store open and one message in it. */
async function withMessage(page, name, text) {
  const worker = await page.worker(name);
  ok(await worker.ask("open", options()));
  ok(await worker.ask("call", "register", user));
  const thread = ok(await worker.ask("call", "directThread", user));
  const { localId } = ok(await worker.ask("call", "sendText", thread, text));
  return { worker, thread, localId };
}

function ok(answer) {
  assert.equal(answer?.thrown, undefined, JSON.stringify(answer?.thrown));
  return answer;
}

const code = (answer) => answer?.thrown?.code;

async function texts(worker, thread) {
  const messages = ok(await worker.ask("call", "messages", thread, undefined, 10));
  return messages.map(({ content }) => content.text);
}

test("what was sent is there after the worker was killed at once, and after a reload", async () => {
  const page = await browser.page();
  const { worker, thread } = await withMessage(page, "first", "kept");
  await worker.kill();
  const second = await page.worker("second");
  ok(await second.ask("open", options()));
  assert.deepEqual(await texts(second, thread), ["kept"]);
  ok(await second.ask("call", "sendText", thread, "kept too"));
  await page.reload();
  const third = await page.worker("third");
  ok(await third.ask("open", options()));
  assert.deepEqual(await texts(third, thread), ["kept too", "kept"]);
  assert.equal(ok(await third.ask("call", "account")).user, user);
  await page.close();
});

test("what was sent is there after the browser ended", async () => {
  const page = await browser.page();
  const { thread } = await withMessage(page, "first", "kept");
  await browser.restart();
  // The origin is the same: the page server lives on.
  const again = await browser.page();
  const worker = await again.worker("second");
  ok(await worker.ask("open", options()));
  assert.deepEqual(await texts(worker, thread), ["kept"]);
  await again.close();
});

test("the file is encrypted under a salt of its own, and never under zeros", async () => {
  const page = await browser.page();
  const { worker } = await withMessage(page, "first", "a secret that stands nowhere in the file");
  ok(await worker.ask("call", "close"));
  const salt = ok(await worker.ask("key", store, "store-salt"));
  assert.equal(Object.values(salt).length, 16);
  assert.ok(Object.values(salt).some((byte) => byte !== 0));

  // The pool's own header has 4,096 bytes; the database stands behind it.
  const files = ok(await worker.ask("files", 4096 + 8192));
  const bytes = files
    .filter(({ path, size }) => path.startsWith(`sealwire/${store}/.opaque/`) && size > 4096)
    .map(({ head }) => Buffer.from(Object.values(head)));
  const database = bytes.find((head) => head.toString("latin1", 0, 8) === "store.db" && head[8] === 0);
  assert.ok(database, "no file of the pool holds the database");
  // The first 16 bytes, where SQLCipher would keep a salt: SQLite's magic, as the salt lies beside the key.
  assert.equal(database.toString("latin1", 4096, 4096 + 16), "SQLite format 3\0");
  for (const head of bytes) assert.ok(!head.includes("a secret that stands"));
  // Beyond the header in the clear nothing looks like a page of SQLite: as good as no zeros in a page full of them.
  const page1 = database.subarray(4096 + 32, 4096 + 4096);
  assert.ok(page1.filter((byte) => byte === 0).length < 64, "the first page is not encrypted");

  // Under the zero salt that the VFS would have led to, the key opens nothing.
  const stranger = await page.worker("second");
  const keys = await stranger.ask("withZeroSalt", store);
  ok(keys);
  assert.equal(code(await stranger.ask("open", options())), "store_wrong_key");
  await page.close();
});

test("the key gone but the file there: key_missing, and never a new device", async () => {
  const page = await browser.page();
  const { worker, thread } = await withMessage(page, "first", "still here");
  ok(await worker.ask("call", "close"));
  const saved = [];
  for (const name of ["store-key", "store-salt", "store-anchor"]) saved.push([name, ok(await worker.ask("key", store, name))]);
  ok(await worker.ask("clearKeys", store));
  assert.equal(code(await worker.ask("open", options())), "key_missing");
  // Put back, it opens what was there.
  for (const [name, secret] of saved) ok(await worker.ask("putKey", store, name, Object.values(secret)));
  ok(await worker.ask("open", options()));
  assert.deepEqual(await texts(worker, thread), ["still here"]);
  await page.close();
});

test("the file gone but its key there: store_missing", async () => {
  const page = await browser.page();
  const { worker } = await withMessage(page, "first", "gone");
  ok(await worker.ask("call", "close"));
  await worker.kill();
  const second = await page.worker("second");
  ok(await second.ask("removeStore", store));
  assert.equal(code(await second.ask("open", options())), "store_missing");
  await page.close();
});

test("a browser without files of its own: storage_unavailable, and no store in memory instead", async () => {
  const page = await browser.page();
  const worker = await page.worker("first");
  ok(await worker.ask("hideFiles"));
  const refused = await worker.ask("open", options());
  assert.equal(code(refused), "storage_unavailable");
  assert.equal(refused.thrown.retryable, false);
  // Asked for by name, memory works.
  ok(await worker.ask("open", { relay: relay.url, inMemory: true }));
  await page.close();
});

test("no room: disk_full, what was there stays, and with room again it goes on", async () => {
  const page = await browser.page();
  const { worker, thread } = await withMessage(page, "first", "before");
  await page.limitQuota(browser.origin, 1);
  let failed;
  for (let tries = 0; tries < 500 && failed === undefined; tries++) {
    failed = code(await worker.ask("call", "sendText", thread, "x".repeat(20_000)));
  }
  assert.equal(failed, "disk_full");
  await page.limitQuota(browser.origin, undefined);
  assert.ok((await texts(worker, thread)).length > 0);
  ok(await worker.ask("call", "sendText", thread, "after"));
  assert.equal((await texts(worker, thread))[0], "after");

  await page.limitQuota(browser.origin, 1);
  const fresh = await page.worker("second");
  assert.equal(code(await fresh.ask("open", options({ store: `${store}-new` }))), "disk_full");
  await page.limitQuota(browser.origin, undefined);
  await page.close();
});

test("another worker has the store: store_in_use, and it opens as soon as that one closed, or slept", async () => {
  const page = await browser.page();
  const { worker, thread } = await withMessage(page, "first", "one");
  const second = await page.worker("second");
  assert.equal(code(await second.ask("open", options())), "store_in_use");
  ok(await worker.ask("call", "suspend"));
  ok(await second.ask("open", options()));
  assert.deepEqual(await texts(second, thread), ["one"]);
  assert.equal(code(await worker.ask("call", "resume")), "store_in_use");
  ok(await second.ask("call", "sendText", thread, "two"));
  ok(await second.ask("call", "close"));
  ok(await worker.ask("call", "resume"));
  assert.deepEqual(await texts(worker, thread), ["two", "one"]);
  ok(await worker.ask("call", "close"));
  ok(await worker.ask("open", options()));
  assert.deepEqual(await texts(worker, thread), ["two", "one"]);
  await page.close();
});

test("a panic says so before the instance dies, and the next worker finds everything", async () => {
  const page = await browser.page();
  const { worker, thread } = await withMessage(page, "first", "before the panic");
  await worker.ask("panic");
  assert.match(await worker.panicked(), /^wasm\/src\/start\.rs:\d+$/);
  await worker.kill();
  const second = await page.worker("second");
  ok(await second.ask("open", options()));
  assert.deepEqual(await texts(second, thread), ["before the panic"]);
  await page.close();
});

test("a picture goes up and comes back in equal bytes, with progress", async () => {
  const page = await browser.page();
  const { worker, thread } = await withMessage(page, "first", "look");
  const sent = ok(await worker.ask("sendPicture", thread, 300_001));
  assert.equal(sent.message.content.file.size, 300_001);
  assert.equal(sent.message.content.file.name, "picture.png");
  assert.equal(ok(await worker.ask("comesBack", sent.message.localId)).hash, sent.hash);
  const events = ok(await worker.ask("events"));
  const progress = events.filter(({ type }) => type === "progress");
  assert.ok(progress.length > 1);
  assert.equal(progress.at(-1).done, progress.at(-1).total);
  await page.close();
});
