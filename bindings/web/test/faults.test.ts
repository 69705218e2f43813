/** What goes wrong inside: a module that panics, a browser without what a store needs, keys that are gone. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { leads, until, when } from "./browser.js";
import { World, directThread, received, sendText, texts } from "./world.js";

let world: World;
before(async () => {
  world = await World.start();
});
after(() => world.end());

test("a panic answers every call under way with internal, in every tab; the next call works", async () => {
  const page = await world.person("alice");
  const second = await world.open("alice");
  const thread = await directThread(page, "alice");
  await sendText(page, thread, "before");
  await until("the tab on the screen leads", () => leads(second));
  const waiting = [page, second].map((tab) =>
    tab.evaluate(async (thread) => {
      await window.client.goOffline();
      const { localId } = await window.client.sendText(thread, "waits for a network");
      const sent = window.client.waitUntilSent(localId);
      document.title = "waits";
      return sent.then(
        () => "answered",
        (error: { code: string; message: string; fields: { reason?: string } }) => [error.code, error.message, error.fields.reason ?? ""],
      );
    }, thread),
  );
  for (const tab of [page, second]) await when(tab, () => document.title === "waits", undefined);
  // Asked before the module dies, over either way.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const [worker] = second.workers();
  await worker!
    .evaluate(async () => {
      const module = (await import("/dist/pkg/sealwire_wasm.js" as string)) as { panicForTest(): void };
      module.panicForTest();
    })
    .catch(() => undefined);
  for (const [code, message, reason] of await Promise.all(waiting)) {
    assert.equal(code, "internal");
    // Where it happened. Its own words may hold what somebody wrote.
    assert.match(String(reason), /^wasm\/src\/start\.rs:\d+$/);
    assert.doesNotMatch(String(message), /asked for by a test/);
  }
  for (const tab of [page, second]) {
    await sendText(tab, thread, "after");
    assert.equal((await texts(tab, thread))[0], "before");
    // The app's wish outlives the worker that was told.
    assert.equal(await tab.evaluate(() => window.client.connection().type), "offline");
  }
  for (const tab of [second, page]) {
    await tab.evaluate(() => window.client.close());
    await until("its worker is gone", async () => tab.workers().length === 0);
  }
});

test("an argument that is not what a call takes has the code of what is wrong with it", async () => {
  const page = await world.person("erin");
  const thread = await directThread(page, "erin");
  const codes = await page.evaluate(async (thread) => {
    const { client } = window;
    const code = (asked: Promise<unknown>): Promise<string> => asked.then(() => "done", (error: { code?: string }) => error.code ?? String(error));
    const anything = (value: unknown): never => value as never;
    return [
      await code(client.sendText(thread, "x", { ttlSeconds: 1.5 })),
      await code(client.sendText(thread, "x", { ttlSeconds: Number.NaN })),
      await code(client.sendText(thread, "x", { ttlSeconds: anything("soon") })),
      await code(client.sendAttachment(thread, new Blob(["x"]), { ttlSeconds: 0.5 })),
      await code(client.sendAttachment(thread, new Blob(["x"]), { caption: anything(7) })),
      await code(client.sendAttachment(thread, anything("no file"), { size: 7 })),
      await code(client.setSettings(anything({ directMessages: "x" }))),
      await code(client.setThreadPreferences(thread, anything("loud"))),
    ];
  }, thread);
  const [ttl, form] = ["ttl_invalid", "configuration"];
  assert.deepEqual(codes, [ttl, ttl, form, ttl, form, form, form, form]);
  assert.deepEqual(await texts(page, thread), []);
});

test("who wants the log is told it line by line: level, words and values, of the SDK alone", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  await page.evaluate(async (relay) => {
    const lines: unknown[] = [];
    Object.assign(window, { lines });
    window.sealwire.init({ logLevel: "debug", logger: (line) => void lines.push(line) });
    window.client = await window.sealwire.Client.open({ relay, store: "logged", startOffline: true });
    window.sealwire.init();
  }, world.relay.url);
  await page.workers()[0]!
    .evaluate(async () => ((await import("/dist/pkg/sealwire_wasm.js" as string)) as { panicForTest(): void }).panicForTest())
    .catch(() => undefined);
  const lines = (): Promise<{ level: string; target: string; text: string; fields: Record<string, string> }[]> =>
    page.evaluate(() => (window as unknown as { lines: never[] }).lines);
  await until("the fault is told", async () => (await lines()).some(({ level }) => level === "error"));
  const [fault] = (await lines()).filter(({ level }) => level === "error");
  assert.deepEqual({ ...fault, fields: Object.keys(fault!.fields) }, { level: "error", target: "sealwire", text: "a fault of the SDK", fields: ["place"] });
  assert.match(fault!.fields["place"]!, /^wasm\/src\/start\.rs:\d+$/);
  for (const { target } of await lines()) assert.match(target, /^sealwire/);
  await page.close();
});

test("a browser without a private file system says storage_unavailable, and nothing is kept in memory instead", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  const [code, leads] = await page.evaluate(async (relay) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    // The worker's own scope is out of reach: its script is started behind a line that takes OPFS away.
    const script = `delete StorageManager.prototype.getDirectory; import(${JSON.stringify(new URL("/dist/worker.js", location.href).href)}).then(() => held.forEach((event) => self.onmessage(event))); const held = []; self.onmessage = (event) => held.push(event);`;
    window.sealwire.init({ workerUrl: URL.createObjectURL(new Blob([script], { type: "text/javascript" })) });
    try {
      const client = await window.sealwire.Client.open({ relay, store: "nowhere" });
      return ["opened", client.leads()];
    } catch (error) {
      return [error instanceof window.sealwire.StoreError ? error.code : String(error), false];
    }
  }, world.relay.url);
  assert.deepEqual([code, leads], ["storage_unavailable", false]);
  await page.close();
});

test("a store whose key is gone is key_missing, and never silently a new device", async () => {
  const page = await world.person("carol");
  const thread = await directThread(page, "carol");
  await sendText(page, thread, "kept");
  const codes = await page.evaluate(async (relay) => {
    await window.client.close();
    const secrets = new Map<string, Uint8Array>();
    const open = async (): Promise<string> => {
      try {
        const keyStore = {
          get: async (name: string) => secrets.get(name),
          put: async (name: string, secret: Uint8Array) => void secrets.set(name, secret),
        };
        const client = await window.sealwire.Client.open({ relay, store: "carol", keyStore, startOffline: true });
        await client.close();
        return "opened";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const codes = [await open(), await open()];
    const client = await window.sealwire.Client.open({ relay, store: "carol", startOffline: true });
    codes.push(client.account()?.user ?? "nobody");
    await client.close();
    return codes;
  }, world.relay.url);
  assert.deepEqual(codes, ["key_missing", "key_missing", "carol"]);
});

test("a store that does not open again says why in every place, is tried now and then, and at once when a call asks", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  await page.evaluate(async (relay) => {
    const secrets = new Map<string, Uint8Array>();
    const shown = { lost: false, workers: 0, states: [] as string[] };
    Object.assign(window, { shown });
    const keyStore = {
      get: async (name: string) => (shown.lost ? undefined : secrets.get(name)),
      put: async (name: string, secret: Uint8Array) => void secrets.set(name, secret),
    };
    const Plain = window.Worker;
    window.Worker = class extends Plain {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        shown.workers += 1;
      }
    };
    window.client = await window.sealwire.Client.open({ relay, store: "away", keyStore, startOffline: true });
    const events = window.client.events();
    void (async () => {
      for await (const event of events) if (event.type === "connection") shown.states.push(event.state.type === "refused" ? event.state.code : event.state.type);
    })();
    shown.lost = true;
  }, world.relay.url);
  const shown = (): Promise<{ workers: number; states: string[] }> => page.evaluate(() => (window as unknown as { shown: { workers: number; states: string[] } }).shown);
  await page.workers()[0]!.evaluate(() => self.close()).catch(() => undefined);
  await until("the app is told", async () => (await shown()).states.includes("key_missing"));
  assert.deepEqual(await page.evaluate(() => { const state = window.client.connection(); return [state.type, "code" in state ? state.code : ""]; }), ["refused", "key_missing"]);
  // Tried after 1.5 s, 3 s and 6 s: not every time that it could be.
  const { workers } = await shown();
  await new Promise((resolve) => setTimeout(resolve, 11_500));
  const tried = (await shown()).workers - workers;
  assert.ok(tried >= 1 && tried <= 3, `${tried} workers`);
  const asked = () => page.evaluate(() => window.client.countMessages().catch((error: { code: string }) => error.code));
  assert.equal(await asked(), "key_missing");
  await page.evaluate(() => void ((window as unknown as { shown: { lost: boolean } }).shown.lost = false));
  const began = performance.now();
  assert.equal(await asked(), 0);
  assert.ok(performance.now() - began < 9_000, "the next try waited for its time");
  assert.equal(await page.evaluate(() => window.client.connection().type), "offline");
  assert.equal((await shown()).states.at(-1), "offline");
  await page.evaluate(() => window.client.close());
  await page.close();
});

test("what the package cannot load is said to be a matter of the configuration, with its address", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  const reasons = await page.evaluate(async (relay) => {
    const reasons: string[] = [];
    for (const [name, options] of [["worker", { workerUrl: "/nowhere.js" }], ["wasm", { wasmUrl: "/nowhere.wasm" }], ["origin", { workerUrl: `${relay}/worker.js` }]] as const) {
      window.sealwire.init(options);
      const opened = window.sealwire.Client.open({ relay, store: `unloaded-${name}` });
      reasons.push(await opened.then(() => "opened", (error: { code: string }) => error.code));
    }
    window.sealwire.init();
    return reasons;
  }, world.relay.url);
  assert.deepEqual(reasons, ["configuration", "configuration", "configuration"]);
  await page.close();
});

test("a key that the app wipes after the opening is still the key of the next worker", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  await when(page, () => window.sealwire !== undefined, undefined);
  const short = await page.evaluate(async (relay) => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    window.client = await window.sealwire.Client.open({ relay, store: "wiped", key, startOffline: true });
    key.fill(0);
    return window.sealwire.Client.open({ relay, store: "short", key: new Uint8Array(31) }).then(() => "opened", (error: { code: string }) => error.code);
  }, world.relay.url);
  assert.equal(short, "configuration");
  const [worker] = page.workers();
  await worker!.evaluate(() => self.close()).catch(() => undefined);
  assert.equal(await page.evaluate(() => window.client.countMessages().catch((error: { code: string }) => error.code)), 0);
  await page.close();
});

test("a browser that is killed while messages are written keeps every one that was durable", async () => {
  const bob = await world.person("bob");
  const dave = await world.person("dave");
  const thread = await directThread(dave, "bob");
  const durable = await dave.evaluate(async (thread) => {
    let durable = 0;
    void (async () => {
      for (let at = 0; ; at++) {
        await window.client.sendText(thread, `written ${at}`);
        durable = at + 1;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 700));
    return durable;
  }, thread);
  await world.browser.startAgain("kill");
  assert.ok(durable > 10);
  const again = await world.open("dave");
  const held = await texts(again, thread);
  assert.deepEqual(held.slice(0, durable), Array.from({ length: durable }, (_, at) => `written ${at}`));
  assert.equal(new Set(held).size, held.length);
  const reader = await world.open("bob");
  await again.evaluate(() => window.client.waitUntilCaughtUp());
  await sendText(again, thread, "the last");
  await Promise.race([received(reader, "the last"), when(reader, async (thread) => {
    const [last] = await window.client.messages(thread, undefined, 1);
    return last?.content.type === "text" && last.content.text === "the last";
  }, thread)]);
  assert.deepEqual(await texts(reader, thread), [...held, "the last"]);
  assert.ok(bob.isClosed());
});
