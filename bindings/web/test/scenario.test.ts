/** The scenario that every door passes (docs/scenario.md), in a browser, against the relay as a process. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { until, when } from "./browser.js";
import { World, directThread, received, sendText, texts, type Failed } from "./world.js";

/** A debug build of the relay, and machines that do other things meanwhile. */
const BURST_MS = 180_000;

let world: World;
let alice: Page;
let bob: Page;
let thread: string;

/** Names and words in the scripts of eight languages. */
const GREETINGS = [
  "Grüße aus Köln, Jörg",
  "Здравствуйте, Наташа",
  "こんにちは、さくらさん",
  "你好，小明",
  "안녕하세요, 민준 씨",
  "مرحبا يا ليلى",
  "नमस्ते, अनन्या",
  "สวัสดี คุณสมชาย",
];

before(async () => {
  world = await World.start();
});
after(() => world.end());

test("a person registers, and writes to another", async () => {
  alice = await world.person("alice");
  bob = await world.person("bob");
  assert.equal(await alice.evaluate(() => window.client.account()?.user), "alice");
  thread = await directThread(alice, "bob");
  await sendText(alice, thread, "hello");
  await received(bob, "hello");
});

test("a second device is linked, and reads what comes from then on", async () => {
  const tablet = await world.open("tablet");
  const linking = tablet.evaluate(async () => {
    const linking = await window.client.startLinking();
    document.title = linking.code;
    return linking.finish(({ user }) => user === "alice");
  });
  await when(tablet, () => document.title.startsWith("sealwire://link"), undefined);
  const device = await alice.evaluate((code) => window.client.linkDevice(code, ({ identityKey }) => identityKey.length === 33), await tablet.title());
  assert.deepEqual(await linking, { user: "alice", device });
  await tablet.evaluate(() => window.client.waitUntilCaughtUp());
  await sendText(bob, await directThread(bob, "alice"), "to both of your devices");
  await Promise.all([received(alice, "to both of your devices"), received(tablet, "to both of your devices")]);
  await tablet.close();
});

test("texts go both ways in eight scripts, and their states go up to read", async () => {
  const last = GREETINGS.length - 1;
  for (const [at, text] of GREETINGS.entries()) {
    const [from, to] = at % 2 === 0 ? [alice, bob] : [bob, alice];
    const id = await sendText(from, thread, text);
    await received(to, text);
    await to.evaluate((thread) => window.client.markRead(thread), thread);
    await when(from, (id) => window.told.some((event) => event.type === "messageRead" && event.message.localId === id), id, 15_000);
    if (at === last) {
      const state = await from.evaluate(async (id) => (await window.client.message(id))?.state.type, id);
      assert.equal(state, "read");
      const receipts = await from.evaluate((id) => window.client.receipts(id), id);
      assert.deepEqual(receipts.map(({ user, state }) => [user, state]), [["alice", "read"]]);
    }
  }
  assert.deepEqual((await texts(bob, thread)).slice(-GREETINGS.length), GREETINGS);
});

test("a picture of 300 KB arrives with equal bytes and with progress", async () => {
  const sent = await alice.evaluate(async (thread) => {
    const bytes = new Uint8Array(300_000).map((_, at) => (at * 2654435761) >>> 24);
    const file = new File([bytes], "picture.png", { type: "image/png" });
    const steps: number[] = [];
    const message = await window.client.sendAttachment(thread, file, {
      caption: "the harbour at dusk",
      media: { width: 640, height: 480 },
      onProgress: ({ done, total }) => steps.push(done / total),
    });
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return { hash: [...new Uint8Array(hash)], steps, localId: message.localId };
  }, thread);
  assert.equal(sent.steps.at(-1), 1);
  assert.ok(sent.steps.length > 2 && sent.steps.every((step, at) => at === 0 || step >= sent.steps[at - 1]!), `${sent.steps}`);
  const find = () =>
    bob.evaluate(() =>
      window.told.findLast((event) => event.type === "messageReceived" && event.message.content.type === "attachment"),
    );
  await until("the picture", async () => (await find()) !== undefined);
  const arrived = await bob.evaluate(async () => {
    const event = window.told.findLast((event) => event.type === "messageReceived" && event.message.content.type === "attachment");
    if (event?.type !== "messageReceived" || event.message.content.type !== "attachment") throw new Error("no picture");
    const { file, caption } = event.message.content;
    let progress = 0;
    const bytes = await window.client.downloadAttachment(event.message, { onProgress: ({ done, total }) => (progress = done / total) });
    const written: Uint8Array[] = [];
    await window.client.downloadAttachmentTo(event.message, new WritableStream({ write: (chunk) => void written.push(chunk) }));
    const streamed = new Uint8Array(await new Blob(written as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    const hash = async (bytes: Uint8Array<ArrayBuffer>) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
    return { file, caption, progress, hash: await hash(bytes), streamed: await hash(streamed) };
  });
  assert.deepEqual([arrived.hash, arrived.streamed], [sent.hash, sent.hash]);
  assert.equal(arrived.progress, 1);
  assert.equal(arrived.caption, "the harbour at dusk");
  const { name, mime, size, media } = arrived.file;
  assert.deepEqual([name, mime, size, media.width, media.height], ["picture.png", "image/png", 300_000, 640, 480]);
});

test("a device that was offline catches up in order", async () => {
  await bob.evaluate(() => window.client.goOffline());
  const missed = Array.from({ length: 20 }, (_, at) => `while you were away ${at}`);
  for (const text of missed) await sendText(alice, thread, text);
  await bob.evaluate(async () => {
    await window.client.goOnline();
    await window.client.waitUntilCaughtUp();
  });
  await received(bob, missed.at(-1)!);
  assert.deepEqual((await texts(bob, thread)).slice(-missed.length), missed);
});

test("search finds words, beginnings, Chinese, and what was written with accents", async () => {
  const found = (query: string) =>
    bob.evaluate(async (query) => {
      const hits = await window.client.search(query, undefined, undefined, 10);
      return hits.map(({ content }) => (content.type === "text" ? content.text : content.type));
    }, query);
  assert.deepEqual(await found("Köln"), [GREETINGS[0]]);
  assert.deepEqual(await found("здравств"), [GREETINGS[1]]);
  assert.deepEqual(await found("小明"), [GREETINGS[3]]);
  assert.deepEqual(await found("grusse jorg"), await found("Grüsse Jörg"));
  assert.deepEqual(await found("koln"), [GREETINGS[0]]);
  assert.deepEqual(await found("harbour"), ["attachment"]);
  assert.deepEqual(await found("nobody said this"), []);
});

test("an oversized text, a thread that is not known and no relay are errors with their code and values", async () => {
  const failure = (page: Page, work: string): Promise<Failed> =>
    page.evaluate(async ([work, thread]) => {
      const call = new Function("client", "thread", `return ${work}`) as (client: unknown, thread: string) => Promise<unknown>;
      try {
        await call(window.client, thread);
      } catch (error) {
        if (!(error instanceof window.sealwire.SealwireError)) throw error;
        return { code: error.code, retryable: error.retryable, fields: { ...error.fields }, isError: error instanceof Error };
      }
      throw new Error("it did not fail");
    }, [work, thread] as const);
  const max = await alice.evaluate(() => window.client.maxTextBytes());
  const long = await failure(alice, `client.sendText(thread, "x".repeat(${max + 1}))`);
  assert.deepEqual([long.code, long.retryable, long.fields["bytes"], long.fields["maxBytes"]], ["text_too_long", false, max + 1, max]);
  assert.equal((await failure(alice, `client.sendText(thread.replace(/.$/, (last) => (last === "0" ? "1" : "0")), "hi")`)).code, "unknown_thread");
  assert.equal((await failure(alice, `client.directThread("")`)).code, "invalid_id");
  await world.relay.kill();
  const down = await failure(alice, `client.ownDevices()`);
  assert.deepEqual([down.code, down.retryable], ["network", true]);
  await world.relay.startAgain();
  await alice.evaluate(() => window.client.networkChanged());
  await bob.evaluate(() => window.client.networkChanged());
  await Promise.all([alice, bob].map((page) => page.evaluate(() => window.client.waitUntilCaughtUp())));
});

test("a wrong key opens nothing and changes nothing", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  const codes = await page.evaluate(async (relay) => {
    const open = async (byte: number) => {
      try {
        const client = await window.sealwire.Client.open({ relay, store: "locked", key: new Uint8Array(32).fill(byte), startOffline: true });
        await client.close();
        return "opened";
      } catch (error) {
        return error instanceof window.sealwire.StoreError ? error.code : String(error);
      }
    };
    return [await open(1), await open(2), await open(1)];
  }, world.relay.url);
  assert.deepEqual(codes, ["opened", "store_wrong_key", "opened"]);
  await page.close();
});

test("a call that is aborted stops waiting, and its message arrives once", async () => {
  const reason = await alice.evaluate(async (thread) => {
    const leaving = new AbortController();
    const sending = window.client.sendText(thread, "aborted, not unsent", { signal: leaving.signal });
    leaving.abort();
    return sending.then(() => "sent", (error: Error) => error.name);
  }, thread);
  assert.equal(reason, "AbortError");
  await received(bob, "aborted, not unsent");
  await sendText(alice, thread, "after it");
  await received(bob, "after it");
  const times = (await texts(bob, thread)).filter((text) => text === "aborted, not unsent");
  assert.equal(times.length, 1);
});

test("a thousand messages in a burst reach a reader that is slow, or it is told how many it missed; the store has all", async () => {
  const count = 1000;
  // A tab that is not on the screen has its timers slowed down to one a second.
  await bob.bringToFront();
  await bob.evaluate(() => {
    const events = window.client.events();
    const seen = { messages: 0, missed: 0 };
    Object.assign(window, { seen });
    void (async () => {
      for await (const event of events) {
        if (event.type === "messageReceived") seen.messages += 1;
        if (event.type === "lagged") seen.missed += event.missed;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
  });
  await alice.evaluate(
    ([thread, count]) => Promise.all(Array.from({ length: count }, (_, at) => window.client.sendText(thread, `burst ${at}`))),
    [thread, count] as const,
  );
  await received(bob, `burst ${count - 1}`, BURST_MS);
  const expected = Array.from({ length: count }, (_, at) => `burst ${at}`);
  assert.deepEqual((await texts(bob, thread)).slice(-count), expected);
  await when(bob, (count) => {
    const { seen } = window as unknown as { seen: { messages: number; missed: number } };
    return seen.messages + seen.missed >= count;
  }, count, BURST_MS);
});

test("closing while events are read ends the stream, and every call says closed", async () => {
  const before = await texts(alice, thread);
  const end = await alice.evaluate(async () => {
    const events = window.client.events();
    const reading = (async () => {
      for await (const _ of events);
      return "ended";
    })();
    await window.client.close();
    const late = await window.client.countUnread().catch((error: { code: string }) => error.code);
    return [await reading, late, await window.client.close()];
  });
  assert.deepEqual(end.slice(0, 2), ["ended", "closed"]);
  await alice.close();

  await world.browser.startAgain("close");
  alice = await world.open("alice", { startOffline: true });
  assert.deepEqual(await texts(alice, thread), before);
  assert.equal(await alice.evaluate(() => window.client.account()?.user), "alice");
});
