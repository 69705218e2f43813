/** Tabs of one device: one holds the store, the others speak to it, and nothing is lost when it ends, however it ends. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Page } from "playwright-core";
import { leads, until, when } from "./browser.js";
import { World, directThread, received, sendText, texts } from "./world.js";

/** Another tab holds the store within this time. */
const TAKEOVER_MS = 2_000;

let world: World;
let bob: Page;
let person = 0;
let user: string;
let first: Page;
let thread: string;

before(async () => {
  world = await World.start();
  bob = await world.person("bob");
});
after(() => world.end());

beforeEach(async () => {
  person += 1;
  user = `tabs-${person}`;
  first = await world.person(user);
  thread = await directThread(first, "bob");
});

/** Numbered messages, all asked for at once; resolved when each is durable. */
function burst(page: Page, name: string, count: number): Promise<number> {
  return page.evaluate(
    async ([thread, name, count]) => {
      const sent = await Promise.all(Array.from({ length: count }, (_, at) => window.client.sendText(thread, `${name} ${at}`)));
      return sent.length;
    },
    [thread, name, count] as const,
  );
}

const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${name} ${at}`);

/** Bob and the device itself hold each of these once, in their order, and nothing twice. */
async function eachOnce(page: Page, expected: string[]): Promise<void> {
  await until("all of it at Bob", async () => (await texts(bob, thread)).filter((text) => expected.includes(text)).length >= expected.length, 60_000);
  for (const reader of [bob, page]) {
    const held = (await texts(reader, thread)).filter((text) => expected.includes(text));
    assert.deepEqual([...held].sort(), [...expected].sort());
  }
}

/** On the screen, and leading because of it: the others may have led before. */
async function onScreen(page: Page): Promise<void> {
  await page.bringToFront();
  await until("the tab on the screen leads", () => leads(page), 30_000);
  // What another tab wished before it was hidden is heard by now.
  await new Promise((resolve) => setTimeout(resolve, 600));
  await until("the tab on the screen leads still, or again", () => leads(page), 30_000);
}

/** One of these leads; how long that took. */
function oneLeads(pages: Page[]): Promise<number> {
  return until("another leads", async () => (await Promise.all(pages.map(leads))).includes(true), TAKEOVER_MS);
}

test("a reload finds the same device and its history", async () => {
  await sendText(first, thread, "before the reload");
  await first.close();
  first = await world.open(user);
  assert.equal(await first.evaluate(() => window.client.account()?.user), user);
  assert.deepEqual(await texts(first, thread), ["before the reload"]);
  await first.evaluate(() => window.client.waitUntilCaughtUp());
});

test("three tabs are one device, and each sees the same events", async () => {
  const tabs = [first, await world.open(user), await world.open(user)];
  await onScreen(first);
  assert.deepEqual(await Promise.all(tabs.map(leads)), [true, false, false]);
  for (const [at, tab] of tabs.entries()) await sendText(tab, thread, `from tab ${at}`);
  await received(bob, "from tab 2");
  await sendText(bob, thread, "to all of you");
  await Promise.all(tabs.map((tab) => received(tab, "to all of you")));
  const told = (tab: Page) =>
    tab.evaluate(() => window.told.flatMap((event) => ("message" in event ? [`${event.type} ${event.message.localId}`] : [])));
  const all = await told(first);
  assert.ok(all.length >= 7);
  for (const tab of tabs) {
    await until("the same events", async () => (await told(tab)).length >= all.length);
    assert.deepEqual((await told(tab)).slice(0, all.length), all);
  }
  assert.equal((await tabs[1]!.evaluate(() => window.client.ownDevices())).length, 1);
});

test("when the tab that leads is closed another takes over within two seconds, and what was under way is sent once", async () => {
  const others = [await world.open(user), await world.open(user)];
  await onScreen(first);
  const sending = others.map((tab, at) => burst(tab, `closed ${at}`, 40));
  const [, took] = await Promise.all([first.close(), oneLeads(others)]);
  console.log(`figure: a closed tab's lead is taken over in ${Math.round(took)} ms`);
  assert.deepEqual(await Promise.all(sending), [40, 40]);
  await eachOnce(others[1]!, [...numbered("closed 0", 40), ...numbered("closed 1", 40)]);
});

test("when the tab that leads is killed another takes over within two seconds, and what was under way is sent once", async () => {
  const others = [await world.open(user), await world.open(user)];
  await onScreen(first);
  const devtools = await world.browser.devtools(first);
  const sending = others.map((tab, at) => burst(tab, `killed ${at}`, 40));
  // It is never answered: whoever would is dead.
  void devtools.send("Page.crash").catch(() => undefined);
  const took = await oneLeads(others);
  console.log(`figure: a killed tab's lead is taken over in ${Math.round(took)} ms`);
  assert.deepEqual(await Promise.all(sending), [40, 40]);
  await eachOnce(others[0]!, [...numbered("killed 0", 40), ...numbered("killed 1", 40)]);
  // It ended without a word: whoever shows what it may have said is told to read anew.
  assert.ok(await others[0]!.evaluate(() => window.told.some((event) => event.type === "lagged")));
});

test("a tab that is frozen while it leads gives the lead up, and follows when it is thawed", async () => {
  const second = await world.open(user);
  await onScreen(first);
  const sending = burst(second, "frozen", 40);
  const devtools = await world.browser.devtools(first);
  const [, took] = await Promise.all([devtools.send("Page.setWebLifecycleState", { state: "frozen" }), oneLeads([second])]);
  console.log(`figure: a frozen tab's lead is taken over in ${Math.round(took)} ms`);
  assert.equal(await sending, 40);
  await eachOnce(second, numbered("frozen", 40));
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await sendText(first, thread, "thawed");
  assert.equal(await leads(first), false);
  await received(bob, "thawed");
});

test("a tab that is hidden hands over to one on the screen, in order and with every send told", async () => {
  const second = await world.open(user);
  const third = await world.open(user);
  await onScreen(first);
  const sending = burst(third, "handed over", 100);
  await onScreen(second);
  assert.equal(await sending, 100);
  await eachOnce(third, numbered("handed over", 100));
  for (const tab of [first, second, third]) {
    await until("every word", () => tab.evaluate(() => window.told.filter((event) => event.type === "messageSent").length === 100));
  }
});

test("what arrives while the lead is handed over is told to every tab once, in its order, and nothing is said to be missing", async () => {
  const tabs = [first, await world.open(user), await world.open(user)];
  await onScreen(first);
  const expected = numbered(`arriving ${user}`, 150);
  const atBob = await directThread(bob, user);
  const sending = bob.evaluate(
    async ([thread, texts]) => {
      for (const text of texts) await window.client.sendText(thread, text);
    },
    [atBob, expected] as const,
  );
  await onScreen(tabs[1]!);
  await onScreen(tabs[2]!);
  await sending;
  for (const tab of tabs) {
    const told = () =>
      tab.evaluate(() =>
        window.told.flatMap((event) =>
          event.type === "lagged" ? [`lagged ${event.missed}`] : event.type === "messageReceived" && event.message.content.type === "text" ? [event.message.content.text] : [],
        ),
      );
    await until("all of it", async () => (await told()).length >= expected.length, 60_000).catch(() => undefined);
    const words = await told();
    assert.deepEqual(words, expected);
    await eachOnce(tab, expected);
  }
});

test("a linking whose worker ends with a change of the lead says to begin again, and the next one succeeds", async () => {
  const store = `${user}-tablet`;
  const tablet = [await world.open(store), await world.open(store)] as const;
  await onScreen(tablet[0]);
  const begin = (): Promise<unknown> =>
    tablet[0].evaluate(async () => {
      const linking = await window.client.startLinking();
      document.title = linking.code;
      return linking.finish(() => true).catch(({ code, fields }: { code: string; fields: { reason?: string } }) => [code, fields.reason]);
    });
  const shown = async (not?: string): Promise<string> => {
    await when(tablet[0], (not) => document.title.startsWith("sealwire://link?") && document.title !== not, not);
    return tablet[0].title();
  };
  const lost = begin();
  const before = await shown();
  await onScreen(tablet[1]);
  const [code, reason] = (await lost) as [string, string];
  assert.equal(code, "link_state");
  assert.match(reason, /begin again/);
  const linking = begin();
  const device = await first.evaluate((code) => window.client.linkDevice(code, () => true), await shown(before));
  assert.deepEqual(await linking, { user, device });
  await tablet[1].evaluate(() => window.client.waitUntilCaughtUp());
});

test("a file is sent whole although the tab that sends it is closed", async () => {
  const second = await world.open(user);
  await onScreen(first);
  await second.evaluate((thread) => {
    const file = new File([new Uint8Array(3_000_000).map((_, at) => at * 7)], "whole.bin");
    void window.client.sendAttachment(thread, file);
    // Before anything that the closing says: the call is on its way.
    return new Promise((resolve) => setTimeout(resolve, 20));
  }, thread);
  await second.close();
  await when(bob, () => window.told.some((event) => event.type === "messageReceived" && event.message.content.type === "attachment" && event.message.content.file.size === 3_000_000), undefined, 60_000);
});

test("a tab of another release of this package is waited for, not misread, and asked for the lead", async () => {
  const store = `${user}-releases`;
  // What a later release would do: it holds the lead, and says things that this one does not know.
  const other = await world.browser.tab(`${world.pages.origin}/bare.html`);
  await other.evaluate((store) => {
    const heard: { t: string; tab?: string; protocol: number }[] = [];
    const bulletin = new BroadcastChannel(`sealwire/${store}`);
    bulletin.onmessage = ({ data }) => {
      heard.push(data);
      bulletin.postMessage({ t: "leading", protocol: 2, epoch: "theirs" });
    };
    const led = new Promise<void>((lead) => {
      void navigator.locks.request(`sealwire/${store}/leader`, () => {
        lead();
        return new Promise<void>((handOver) => Object.assign(window, { heard, handOver }));
      });
    });
    return led;
  }, store);
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  await page.bringToFront();
  const opening = page.evaluate(
    async ([relay, store]) => {
      const client = await window.sealwire.Client.open({ relay, store, onWaiting: () => (document.title = "waits") });
      return [document.title, client.leads(), client.account()];
    },
    [world.relay.url, store] as const,
  );
  await when(page, () => document.title === "waits", undefined);
  await when(other, () => (window as unknown as { heard: { t: string; protocol: number }[] }).heard.some(({ t, protocol }) => t === "wish" && protocol === 1), undefined);
  await other.evaluate(() => (window as unknown as { handOver(): void }).handOver());
  assert.deepEqual(await opening, ["waits", true, undefined]);
});

test("a worker that dies in the middle of sending is started again, and everything is sent once", async () => {
  const second = await world.open(user);
  const sending = [burst(first, "worker 0", 60), burst(second, "worker 1", 60)];
  await new Promise((resolve) => setTimeout(resolve, 60));
  const worker = [...first.workers(), ...second.workers()].at(-1);
  await worker!.evaluate(() => self.close()).catch(() => undefined);
  assert.deepEqual(await Promise.all(sending), [60, 60]);
  await eachOnce(second, [...numbered("worker 0", 60), ...numbered("worker 1", 60)]);
});

test("a silent leader is waited for, not robbed", async () => {
  const second = await world.open(user);
  await onScreen(first);
  const [worker] = first.workers();
  const busy = worker!.evaluate(() => {
    const until = Date.now() + 12_000;
    while (Date.now() < until);
  });
  // The worker has begun by then, and hears no call.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const sending = burst(second, "patient", 1);
  await when(second, () => window.client.connection().type === "waitingForTab", undefined, 11_000);
  assert.equal(await leads(second), false);
  await busy;
  assert.equal(await sending, 1);
  await when(second, () => window.client.connection().type !== "waitingForTab", undefined);
  assert.equal(await leads(first), true);
  await eachOnce(second, ["patient 0"]);
});

test("a tab that opens while the leader is silent waits for it, and then knows whose device it is", async () => {
  await onScreen(first);
  const [worker] = first.workers();
  const busy = worker!.evaluate(() => {
    const until = Date.now() + 4_000;
    while (Date.now() < until);
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  const [waited, account] = await page.evaluate(
    async ([relay, store]) => {
      let waited = 0;
      const client = await window.sealwire.Client.open({ relay, store, onWaiting: () => waited++ });
      return [waited, client.account()?.user] as const;
    },
    [world.relay.url, user] as const,
  );
  await busy;
  assert.deepEqual([waited, account], [1, user]);
});

test("the last tab that closes closes the store, and the next one opens it", async () => {
  const second = await world.open(user);
  await sendText(second, thread, "kept");
  await first.evaluate(() => window.client.close());
  await until("the other tab leads", () => leads(second), 30_000);
  await second.evaluate(() => window.client.close());
  const third = await world.open(user);
  assert.equal(await leads(third), true);
  assert.deepEqual(await texts(third, thread), ["kept"]);
});

test("what is written without a network is sent when it is back", async () => {
  const second = await world.open(user);
  // A dead network for every tab and worker: the relay itself is away.
  await world.relay.kill();
  await burst(second, "offline", 5);
  assert.equal(await second.evaluate(async () => (await window.client.search("offline", undefined, undefined, 10)).length), 5);
  await world.relay.startAgain();
  await first.evaluate(() => dispatchEvent(new Event("online")));
  await bob.evaluate(() => dispatchEvent(new Event("online")));
  await eachOnce(second, numbered("offline", 5));
});
