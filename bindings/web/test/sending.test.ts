/** What is said of a send beside its words. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { World, directThread, failure } from "./world.js";

let world: World;
let alice: Page;
let thread: string;

before(async () => {
  world = await World.start();
  alice = await world.person("alice");
  thread = await directThread(alice, "alice");
});
after(() => world.end());

const held = (): Promise<number> => alice.evaluate((thread) => window.client.countMessages(thread), thread);

test("asked again under its key, a message is sent once", async () => {
  const [words, pictures] = await alice.evaluate(async (thread) => {
    const { client } = window;
    const key = new Uint8Array(16).fill(7);
    const words = [await client.sendText(thread, "once", { key }), await client.sendText(thread, "once", { key })];
    const described = { key: new Uint8Array(16).fill(8) };
    const bytes = new Uint8Array(50_000);
    const pictures = [await client.sendAttachment(thread, bytes, described), await client.sendAttachment(thread, bytes, described)];
    return [words, pictures].map((sent) => new Set(sent.map(({ localId }) => localId)).size);
  }, thread);
  assert.deepEqual([words, pictures, await held()], [1, 1, 2]);
  await alice.evaluate((thread) => window.client.sendText(thread, "once"), thread);
  assert.equal(await held(), 3);
});

test("a key of another length is an error, and nothing is sent", async () => {
  const before = await held();
  const refused = [
    await failure(alice, (thread) => window.client.sendText(thread, "never", { key: new Uint8Array(15) }), thread),
    await failure(alice, (thread) => window.client.sendAttachment(thread, new Uint8Array(9), { key: new Uint8Array(17) }), thread),
  ];
  for (const { code, fields } of refused) {
    assert.equal(code, "invalid_id");
    assert.match(String(fields["reason"]), /16 bytes/);
  }
  assert.equal(await held(), before);
});

test("a key that was used for other words is an error, and nothing is sent", async () => {
  await alice.evaluate((thread) => window.client.sendText(thread, "first", { key: new Uint8Array(16).fill(9) }), thread);
  const before = await held();
  const refused = [
    await failure(alice, (thread) => window.client.sendText(thread, "second", { key: new Uint8Array(16).fill(9) }), thread),
    await failure(alice, (thread) => window.client.sendAttachment(thread, new Uint8Array(9), { key: new Uint8Array(16).fill(9) }), thread),
  ];
  assert.deepEqual(refused.map(({ code, kind }) => [code, kind]), Array(2).fill(["send_key_reused", "MessageError"]));
  assert.equal(await held(), before);
});
