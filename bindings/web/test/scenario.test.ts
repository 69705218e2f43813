/** The scenario that every door passes (docs/scenario.md, whose steps have these numbers), in a browser. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import type { Message } from "sealwire";
import { until, when } from "./browser.js";
import { World, directThread, failure, sendText, texts } from "./world.js";

const LINES = [
  "Ein Gruß aus Köln, Straße am Dom 👋",
  "Rendez-vous à la gare, dès l'été",
  "東京で会いましょう",
  "你好，明天见",
  "서울에서 만나요",
  "مرحبا، أراك غدا",
  "נתראה מחר בבוקר",
  "कल सुबह मिलते हैं",
];
const PATIENCE_MS = 90_000;

declare global {
  interface Window {
    reader: Reader;
  }
}

/** What the slow reader of step 11 has: each message once, and those that it was told again. */
interface Reader {
  known: [localId: number, text: string][];
  twice: number[];
}

let world: World;
let alice: Page;
let bob: Page;
let thread: string;
let atBob: string;

before(async () => {
  world = await World.start();
});
after(() => world.end());

/** Bob holds these in the end, in this order. */
async function bobHolds(expected: string[]): Promise<void> {
  const last = expected.at(-1)!;
  await until(`"${last}" at Bob`, async () => (await texts(bob, atBob, 1))[0] === last, PATIENCE_MS);
  assert.deepEqual(await texts(bob, atBob, expected.length), expected);
}

test("1: alice registers, once", async () => {
  alice = await world.open("alice");
  assert.equal(await alice.evaluate(() => window.client.account() === undefined), true);
  assert.equal(await alice.evaluate(() => window.client.register("alice")), 1);
  assert.deepEqual(await alice.evaluate(() => window.client.account()), { user: "alice", device: 1 });
  assert.equal((await failure(alice, () => window.client.register("alice"))).code, "already_registered");
});

test("2: a tablet is linked; and not, when its person says no", async () => {
  for (const agreed of [false, true]) {
    const tablet = await world.open(`tablet-${agreed}`);
    const linking = tablet.evaluate(async (agreed) => {
      const linking = await window.client.startLinking();
      document.title = linking.code;
      return linking.finish(({ user }) => agreed && user === "alice").catch((error: { code: string }) => error.code);
    }, agreed);
    await when(tablet, () => document.title.startsWith("sealwire://link?"), undefined);
    const linked = await alice.evaluate(
      (code) => window.client.linkDevice(code, ({ identityKey }) => identityKey.length === 33).catch((error: { code: string }) => error.code),
      await tablet.title(),
    );
    if (agreed) {
      assert.deepEqual(await linking, { user: "alice", device: linked });
      const devices = await alice.evaluate(async () => (await window.client.ownDevices()).map(({ device }) => device));
      assert.deepEqual(devices, [1, linked]);
    } else {
      assert.deepEqual([await linking, linked], ["link_declined", "link_declined"]);
      assert.equal(await tablet.evaluate(() => window.client.account() === undefined), true);
    }
    await tablet.close();
  }
});

test("3: eight lines in eight languages arrive in order, and their states go up to read", async () => {
  bob = await world.person("bob");
  thread = await directThread(alice, "bob");
  atBob = await directThread(bob, "alice");
  let last = 0;
  for (const line of LINES) last = await sendText(alice, thread, line);
  await bobHolds(LINES);
  const state = (wanted: string) =>
    when(
      alice,
      ([id, wanted]) => window.told.some((event) => event.type === wanted && "message" in event && event.message.localId === id),
      [last, wanted] as const,
      PATIENCE_MS,
    );
  await state("messageDelivered");
  const at = await bob.evaluate(async (thread) => {
    const [newest] = await window.client.messages(thread, undefined, 1);
    const { threads } = await window.client.inbox(10);
    return { newest, threads: threads.length, unread: await window.client.countUnread() };
  }, atBob);
  assert.deepEqual([at.newest?.state.type, at.newest?.sender, at.threads, at.unread], ["received", "alice", 1, 8]);
  await bob.evaluate((thread) => window.client.markRead(thread), atBob);
  assert.equal(await bob.evaluate(() => window.client.countUnread()), 0);
  await state("messageRead");
  const receipts = await alice.evaluate((id) => window.client.receipts(id), last);
  assert.deepEqual(receipts.map(({ user, state }) => [user, state]), [["bob", "read"]]);
  await sendText(bob, atBob, "Antwort");
  await until("the answer", async () => (await texts(alice, thread, 1))[0] === "Antwort", PATIENCE_MS);
});

test("4: a picture arrives with equal bytes, as bytes and as a stream, with progress", async () => {
  const sent = await alice.evaluate(async (thread) => {
    const bytes = new Uint8Array(300_000).map((_, at) => (at * 2654435761) >>> 24);
    const file = new File([bytes], "Strand ☀.png", { type: "image/png" });
    const steps: number[] = [];
    await window.client.sendAttachment(thread, file, {
      caption: "Am Strand",
      onProgress: ({ done, total }) => steps.push(done, total),
    });
    return { hash: [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))], steps };
  }, thread);
  assert.ok(sent.steps.at(-1)! >= 300_000);
  assert.equal(sent.steps.at(-2), sent.steps.at(-1));
  await until("the picture", async () => (await texts(bob, atBob, 1))[0] === "attachment", PATIENCE_MS);
  const arrived = await bob.evaluate(async (thread) => {
    const [message] = await window.client.messages(thread, undefined, 1);
    if (message?.content.type !== "attachment") throw new Error("no picture");
    const { file, caption } = message.content;
    let progress = { done: 0, total: 1 };
    const bytes = await window.client.downloadAttachment(message, { onProgress: (step) => (progress = step) });
    const written: Uint8Array[] = [];
    await window.client.downloadAttachmentTo(message, new WritableStream({ write: (chunk) => void written.push(chunk) }));
    const streamed = new Uint8Array(await new Blob(written as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    const hash = async (bytes: Uint8Array<ArrayBuffer>) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
    return { file, caption, progress, hashes: [await hash(bytes), await hash(streamed)] };
  }, atBob);
  assert.deepEqual(arrived.hashes, [sent.hash, sent.hash]);
  const { name, mime, size } = arrived.file;
  assert.deepEqual([name, mime, size, arrived.caption], ["Strand ☀.png", "image/png", 300_000, "Am Strand"]);
  assert.ok(arrived.progress.done === arrived.progress.total && arrived.progress.done >= 300_000);
  const without = await failure(bob, async () => {
    const [text] = await window.client.search("gare", undefined, undefined, 1);
    await window.client.downloadAttachment(text!);
  });
  assert.equal(without.code, "no_attachment");
});

test("5: a device that was offline catches up in order", async () => {
  await bob.evaluate(() => window.client.goOffline());
  await when(bob, () => window.client.connection().type === "offline", undefined);
  assert.equal(await bob.evaluate(() => (window.client.connection() as { nextTryAtMs?: number }).nextTryAtMs), undefined);
  const missed = Array.from({ length: 30 }, (_, at) => `offline ${at + 1}`);
  for (const text of missed) await sendText(alice, thread, text);
  assert.equal((await texts(bob, atBob, 1))[0], "attachment");
  await bob.evaluate(async () => {
    await window.client.goOnline();
    await window.client.waitUntilCaughtUp();
  });
  await bobHolds(missed);
});

test("6: search finds words, beginnings, Chinese, Japanese, Korean, and what has accents", async () => {
  for (const [query, line] of [["köln", 1], ["koln", 1], ["Straß", 1], ["gare", 2], ["東京", 3], ["好", 4], ["서울", 5], ["nirgends", 0]] as const) {
    const hits = await bob.evaluate(async (query) => {
      const hits = await window.client.search(query, undefined, undefined, 10);
      return hits.map(({ content }) => (content.type === "text" ? content.text : content.type));
    }, query);
    assert.deepEqual(hits, line === 0 ? [] : [LINES[line - 1]], query);
  }
});

test("7: what goes wrong is an error with its code and its values", async () => {
  const max = await alice.evaluate(() => window.client.maxTextBytes());
  const long = await failure(alice, ([thread, bytes]) => window.client.sendText(thread, "x".repeat(bytes)), [thread, max + 1] as const);
  assert.deepEqual([long.code, long.fields["bytes"], long.fields["maxBytes"], long.kind], ["text_too_long", max + 1, max, "MessageError"]);
  assert.equal((await failure(alice, (thread) => window.client.sendText(thread, ""), thread)).code, "empty_text");
  assert.equal((await failure(alice, () => window.client.directThread("not a name"))).code, "invalid_id");
  const other = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(other, () => window.sealwire !== undefined, undefined);
  const opened = (options: object) =>
    failure(
      other,
      async ([relay, options]) => {
        const { broken, bytes, ...rest } = options as { broken?: boolean; bytes?: number };
        const keyStore = { get: () => Promise.reject(new Error("the vault is shut")), put: () => Promise.resolve() };
        const client = await window.sealwire.Client.open({
          relay,
          startOffline: true,
          ...rest,
          ...(broken ? { keyStore } : {}),
          ...(bytes === undefined ? {} : { key: new Uint8Array(32).fill(bytes) }),
        });
        await client.close();
      },
      [world.relay.url, options] as const,
    );
  assert.equal((await opened({ store: "locked", bytes: 1 })).code, "none");
  assert.deepEqual(await opened({ store: "locked", bytes: 2 }).then(({ code, kind }) => [code, kind]), ["store_wrong_key", "StoreError"]);
  assert.equal((await opened({ store: "locked", bytes: 1 })).code, "none");
  const shut = await opened({ store: "vault", broken: true });
  assert.equal(shut.code, "key_store");
  assert.match(String(shut.fields["reason"]), /the vault is shut/);
  await other.close();
  await world.relay.kill();
  const down = await failure(alice, () => window.client.ownDevices());
  assert.deepEqual([down.code, down.retryable, down.kind], ["network", true, "NetworkError"]);
  await world.relay.startAgain();
  for (const page of [alice, bob]) {
    await page.evaluate(async () => {
      await window.client.networkChanged();
      await window.client.waitUntilCaughtUp();
    });
  }
});

test("8: a call that is aborted stops waiting, and its message arrives once", async () => {
  const reason = await alice.evaluate(async (thread) => {
    await window.client.goOffline();
    const { localId } = await window.client.sendText(thread, "cancelled");
    const leaving = new AbortController();
    const sent = window.client.waitUntilSent(localId, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), 50);
    const reason = await sent.then(() => "sent", (error: Error) => error.name);
    // A send that nobody waits for is a send.
    const early = new AbortController();
    const sending = window.client.sendText(thread, "nobody waits", { signal: early.signal });
    early.abort();
    await sending.catch(() => undefined);
    await window.client.goOnline();
    await window.client.sendText(thread, "after it");
    return reason;
  }, thread);
  assert.equal(reason, "AbortError");
  await bobHolds(["cancelled", "nobody waits", "after it"]);
});

test("9: closing while events are read and a call waits ends both", async () => {
  const page = await world.open("closing", { startOffline: true });
  const end = await page.evaluate(async () => {
    const events = window.client.events();
    const reading = (async () => {
      for await (const _ of events);
      return "ended";
    })();
    const code = (error: { code: string }) => error.code;
    const waiting = window.client.waitUntilCaughtUp().catch(code);
    await Promise.all([window.client.close(), window.client.close()]);
    const { done } = await window.client.events().next();
    return [await reading, await waiting, await window.client.countUnread().catch(code), done];
  });
  assert.deepEqual(end, ["ended", "closed", "closed", true]);
  const early = await page.evaluate(
    (relay) => window.sealwire.Client.open({ relay, signal: AbortSignal.abort() }).then(() => "opened", (error: Error) => error.name),
    world.relay.url,
  );
  assert.equal(early, "AbortError");
  await until("its worker is gone", async () => page.workers().length === 0);
  await page.close();
});

test("10: reopened cold the history is the same", async () => {
  const history = (page: Page, thread: string) => page.evaluate((thread) => window.client.messages(thread, undefined, 500), thread);
  const settled = () => alice.evaluate(async (thread) => (await window.client.messages(thread, undefined, 1))[0]?.state.type, thread);
  await until("the last is delivered", async () => (await settled()) === "delivered", PATIENCE_MS);
  const before = [await history(alice, thread), await history(bob, atBob)];
  await world.browser.startAgain("close");
  alice = await world.open("alice", { startOffline: true });
  bob = await world.open("bob", { startOffline: true });
  assert.deepEqual([await history(alice, thread), await history(bob, atBob)], before);
  assert.deepEqual(await alice.evaluate(() => window.client.account()), { user: "alice", device: 1 });
});

test("11: of a thousand messages none is lost to a slow reader", async () => {
  // A tab that is not on the screen has its timers slowed down to one a second.
  await bob.bringToFront();
  await bob.evaluate(async (thread) => {
    await window.client.goOnline();
    const events = window.client.events();
    const reader: Reader = { known: [], twice: [] };
    window.reader = reader;
    const known = new Set<number>();
    const told = new Set<number>();
    const knows = ({ localId, content }: Message): void => {
      if (content.type !== "text" || !content.text.startsWith("burst ") || known.has(localId)) return;
      known.add(localId);
      reader.known.push([localId, content.text]);
    };
    void (async () => {
      for await (const event of events) {
        // Of what it missed the store knows more than the events do.
        if (event.type === "lagged") (await window.client.messages(thread, undefined, 1010)).forEach(knows);
        if (event.type !== "messageReceived") continue;
        const { message } = event;
        if (told.has(message.localId)) reader.twice.push(message.localId);
        told.add(message.localId);
        knows(message);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
  }, atBob);
  const burst = Array.from({ length: 1000 }, (_, at) => `burst ${at + 1}`);
  await alice.evaluate(
    async ([thread, burst]) => {
      await window.client.goOnline();
      await Promise.all(burst.map((text) => window.client.sendText(thread, text)));
    },
    [thread, burst] as const,
  );
  await until("the last of the burst", async () => (await texts(bob, atBob, 1))[0] === burst.at(-1), 2 * PATIENCE_MS);
  assert.deepEqual(await texts(bob, atBob, burst.length), burst);
  await when(bob, (count) => window.reader.known.length >= count, burst.length, PATIENCE_MS);
  const { known, twice } = await bob.evaluate(() => window.reader);
  assert.deepEqual(known.sort(([a], [b]) => a - b).map(([, text]) => text), burst);
  assert.deepEqual(twice, []);
});
