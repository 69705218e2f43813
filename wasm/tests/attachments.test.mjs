// Attachments in a browser: what was sent comes back, from whatever source, and what is not what it was said to be is not sent.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startRelay } from "./relay.mjs";

const { SEALWIRE_PKG, SEALWIRE_RELAY } = process.env;
const MIB = 1_048_576;
let browser, relay, page, worker, thread;

before(async () => {
  relay = await startRelay(SEALWIRE_RELAY);
  browser = await startBrowser(SEALWIRE_PKG);
  page = await browser.page();
  worker = await page.worker("first");
  ok(await worker.ask("open", { relay: relay.url, inMemory: true }));
  ok(await worker.ask("call", "register", "sender"));
  thread = ok(await worker.ask("call", "directThread", "sender"));
});
after(async () => {
  await browser?.stop();
  await relay?.stop();
});

function ok(answer) {
  assert.equal(answer?.thrown, undefined, JSON.stringify(answer?.thrown));
  return answer;
}

test("a stream comes back in equal bytes, whatever the lengths of its pieces", async () => {
  for (const [bytes, pieces] of [
    [3 * MIB + 17, [1, 65_535, 65_537, 200_000]],
    [MIB, [65_536]],
    [65_537, [13]],
    [1, [1]],
    [0, [1]],
  ]) {
    const sent = ok(await worker.ask("sendStream", thread, bytes, pieces, bytes));
    assert.equal(sent.message.content.file.size, bytes);
    assert.equal(ok(await worker.ask("comesBack", sent.message.localId)).hash, sent.hash, `${bytes} bytes`);
  }
});

test("a blob of several reads comes back in equal bytes, and WebCrypto opens each of its chunks", async () => {
  const bytes = 9 * MIB + 100_000;
  const sent = ok(await worker.ask("sendPicture", thread, bytes));
  const { hash, opened } = ok(await worker.ask("comesBack", sent.message.localId));
  assert.equal(hash, sent.hash);
  assert.ok(opened >= bytes / 65_536, `${opened} chunks`);
});

test("a stream that is shorter or longer than it was said to be is not sent", async () => {
  for (const said of [99_999, 100_001]) {
    const refused = await worker.ask("sendStream", thread, 100_000, [30_000], said);
    assert.equal(refused.thrown?.code, "attachment_source", `${said}`);
  }
});
