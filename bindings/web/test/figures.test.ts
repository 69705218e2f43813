/** The figures that are promised for the web, and those that are printed. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { when } from "./browser.js";
import { World, directThread, received, sendText } from "./world.js";

/** Loaded and ready with everything in the browser's cache, the relay on this machine: milliseconds. */
const READY_MS = 600;
/** Encrypting and hashing an attachment, of what the browser's own ciphers take for the same chunks. */
const SEAL_FACTOR = 1.3;

let world: World;
before(async () => {
  world = await World.start();
});
after(() => world.end());

test("a page is loaded and its client ready within 600 ms", async () => {
  const page = await world.person("early");
  const took: number[] = [];
  for (let run = 0; run < 6; run++) {
    await page.reload();
    await when(page, () => window.sealwire !== undefined, undefined);
    took.push(
      await page.evaluate(async (relay) => {
        const client = await window.sealwire.Client.open({ relay, store: "early" });
        const ready = performance.now();
        if (client.account()?.user !== "early") throw new Error("another device");
        await client.close();
        return ready;
      }, world.relay.url),
    );
  }
  const best = Math.min(...took);
  console.log(`figure: loaded and ready in ${Math.round(best)} ms (of ${took.map(Math.round).join(", ")})`);
  assert.ok(best <= READY_MS);
});

test("16 MiB are encrypted and hashed within 1.3 times what bare WebCrypto takes", async () => {
  const page = await world.person("sealer");
  const [worker] = page.workers();
  const { bare, ours } = await worker!.evaluate(async () => {
    const size = 16 * 1024 * 1024;
    const chunk = 64 * 1024;
    const bytes = new Uint8Array(size).map((_, at) => at * 31);
    const blob = new Blob([bytes]);
    const key = await crypto.subtle.importKey("raw", crypto.getRandomValues(new Uint8Array(32)), "AES-GCM", false, ["encrypt"]);
    const withWebCrypto = async (): Promise<void> => {
      for (let at = 0; at < size; at += chunk) {
        const piece = await blob.slice(at, at + chunk).arrayBuffer();
        const iv = new Uint8Array(12);
        new DataView(iv.buffer).setUint32(8, at / chunk);
        const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, piece);
        await crypto.subtle.digest("SHA-256", sealed);
      }
    };
    // Typed by hand: the module lies beside the worker, in the package that the page serves.
    const module = (await import("/dist/pkg/sealwire_wasm.js" as string)) as {
      sealForTest(source: Blob, size: number): Promise<number>;
    };
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const begun = performance.now();
      await work();
      return performance.now() - begun;
    };
    let [bare, ours] = [Infinity, Infinity];
    for (let run = 0; run < 5; run++) {
      bare = Math.min(bare, await timed(withWebCrypto));
      ours = Math.min(ours, await timed(() => module.sealForTest(blob, size)));
    }
    return { bare, ours };
  });
  console.log(`figure: 16 MiB sealed and hashed in ${Math.round(ours)} ms, bare WebCrypto ${Math.round(bare)} ms: ${(ours / bare).toFixed(2)} times`);
  assert.ok(ours <= bare * SEAL_FACTOR);
});

test("what a call costs, and how long a text takes to arrive", async () => {
  const alice = await world.person("alice");
  const bob = await world.person("bob");
  const thread = await directThread(alice, "bob");
  await sendText(alice, thread, "warm");
  await received(bob, "warm");
  const second = await world.open("alice");
  for (const [name, page] of [["the tab that leads", alice], ["another tab", second]] as const) {
    const each = await page.evaluate(async () => {
      const begun = performance.now();
      for (let call = 0; call < 300; call++) await window.client.countUnread();
      return (performance.now() - begun) / 300;
    });
    console.log(`figure: an async call from ${name} ${(1000 * each).toFixed(0)} µs`);
  }
  const took: number[] = [];
  for (let at = 0; at < 40; at++) {
    const begun = performance.now();
    await sendText(alice, thread, `timed ${at}`);
    await received(bob, `timed ${at}`);
    took.push(performance.now() - begun);
  }
  took.sort((a, b) => a - b);
  console.log(`figure: a text from page to page in ${took[took.length >> 1]!.toFixed(1)} ms (median of ${took.length}, looked for with each frame)`);
});
