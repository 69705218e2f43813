/** The web chat as people use it: two of them, a phone, a second tab; and its pictures for the docs. */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { Browser, openClient, until, when } from "./browser.js";
import { servePages, type PageServer } from "./page-server.js";
import { Relay } from "./relay.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PICTURES = join(ROOT, "target/web/screenshots");
/** `SEALWIRE_KEEP_SCREENSHOTS=1` puts them into the docs. */
const DOCS = process.env["SEALWIRE_KEEP_SCREENSHOTS"] ? join(ROOT, "docs/guide") : undefined;

/** Each is more than one event, and 1,024 of them wait for a tab. */
const MISSED = 600;

let relay: Relay;
let pages: PageServer;
let browser: Browser;
let mira: Page;
let jonas: Page;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [relay, pages, browser] = await Promise.all([Relay.start(), servePages(join(ROOT, "examples/web-chat/dist")), Browser.start()]);
});
after(async () => {
  await browser.stop();
  pages.close();
  await relay.stop();
});

const address = (device: string): string => `${pages.origin}/?relay=${encodeURIComponent(relay.url)}&device=${device}`;

async function register(name: string): Promise<Page> {
  const page = await browser.tab(address(name));
  await page.setViewportSize({ width: 1000, height: 680 });
  await page.fill("input[name=user]", name);
  await page.keyboard.press("Enter");
  await there(page, ".chat");
  await there(page, '.state[data-state="online"]');
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  const path = join(PICTURES, `${name}.png`);
  await page.screenshot({ path, animations: "disabled" });
  if (DOCS) copyFileSync(path, join(DOCS, `${name}.png`));
}

async function say(page: Page, text: string): Promise<void> {
  await page.bringToFront();
  await page.fill(".composer textarea", text);
  await page.keyboard.press("Enter");
  await when(page, (text) => [...document.querySelectorAll(".own .body")].some((body) => body.textContent === text), text);
}

const there = (page: Page, selector: string, withinMs?: number): Promise<unknown> =>
  when(page, (selector) => document.querySelector(selector) !== null, selector, withinMs);

const shows = (page: Page, text: string): Promise<unknown> =>
  when(page, (text) => [...document.querySelectorAll(".message .body")].some((body) => body.textContent?.includes(text)), text);

test("two people register, and one begins a conversation with the keyboard alone", async () => {
  mira = await register("mira");
  jonas = await register("jonas");
  await mira.bringToFront();
  await mira.keyboard.press("n");
  await there(mira, "dialog[open] input");
  await mira.keyboard.type("jonas");
  await mira.keyboard.press("Enter");
  await there(mira, ".composer textarea:focus");
  await say(mira, "Morning! Are we still on for the ferry?");
  await there(jonas, ".inbox .unread");
  await jonas.bringToFront();
  await jonas.keyboard.press("Escape");
  await jonas.focus(".inbox button");
  await jonas.keyboard.press("Enter");
  await shows(jonas, "still on for the ferry");
});

test("states go up to read, and typing is seen", async () => {
  await there(mira, ".own .tick.read", 60_000);
  await jonas.bringToFront();
  await jonas.click(".composer textarea");
  await jonas.keyboard.type("Yes, 9:40 from pier 3");
  await when(mira, () => document.querySelector(".typing")?.textContent === "types …", undefined);
  await jonas.keyboard.press("Enter");
  await shows(mira, "9:40 from pier 3");
  await say(mira, "それでは、また後で！");
  await say(jonas, "Πολύ ωραία, see you there");
});

test("a picture is sent with a preview, and its bytes arrive", async () => {
  await mira.setInputFiles('.composer input[type="file"]', join(ROOT, "xtask/assets/picture.png"));
  for (const page of [mira, jonas]) {
    await page.bringToFront();
    await when(page, () => {
      const image = document.querySelector<HTMLImageElement>(".picture.there img");
      return image !== null && image.complete && image.naturalWidth > 0;
    }, undefined, 60_000);
  }
  await jonas.bringToFront();
  await jonas.click(".picture.there");
  await there(jonas, "dialog.large[open] img");
  await jonas.keyboard.press("Escape");
  await until("the large picture goes", async () => (await jonas.$("dialog.large")) === null);
  await there(jonas, ".composer");
  await say(jonas, "What a morning that was");
  await when(mira, () => document.querySelectorAll(".own .tick.read").length >= 3, undefined, 60_000);
  await mira.bringToFront();
  const shown = await mira.evaluate(() => [...document.querySelectorAll<HTMLElement>(".message")].map(({ dataset }) => dataset["id"]));
  assert.equal(new Set(shown).size, shown.length, "each message once");
  await mira.emulateMedia({ colorScheme: "light" });
  await picture(mira, "web-chat-light");
  await mira.emulateMedia({ colorScheme: "dark" });
  await picture(mira, "web-chat-dark");
});

test("search finds a message and shows it in its place", async () => {
  await mira.bringToFront();
  await mira.fill('input[type="search"]', "pier");
  await when(mira, () => document.querySelector(".inbox .last")?.textContent?.includes("pier 3"), undefined);
  await mira.click(".inbox button");
  await there(mira, ".message.found");
  await mira.fill('input[type="search"]', "また");
  await when(mira, () => document.querySelector(".inbox .last")?.textContent?.includes("また"), undefined);
  await mira.focus('input[type="search"]');
  await mira.keyboard.press("Escape");
});

test("a second tab shows the same conversation, and goes on when the first is closed", async () => {
  const second = await browser.tab(address("mira"));
  await second.setViewportSize({ width: 390, height: 780 });
  await there(second, ".inbox button");
  await second.emulateMedia({ colorScheme: "light" });
  await picture(second, "web-chat-phone-inbox");
  await second.click(".inbox button");
  await shows(second, "What a morning that was");
  // One of the two on a phone's width, never both.
  assert.deepEqual(
    await second.evaluate(() => [".side", ".conversation"].map((part) => document.querySelector(part)!.getClientRects().length > 0)),
    [false, true],
  );
  await mira.close();
  await say(second, "From my other tab");
  await shows(jonas, "From my other tab");
  await when(second, () => document.documentElement.scrollWidth <= innerWidth, undefined);
  await picture(second, "web-chat-phone");
  await second.keyboard.press("Escape");
  await there(second, ".side .inbox button");
});

test("a conversation that missed hundreds of messages shows each of them once, in order", async () => {
  const plain = await servePages(join(ROOT, "bindings/web"));
  const lena = await browser.tab(`${plain.origin}/empty.html`);
  await openClient(lena, { relay: relay.url, store: "lena" });
  const thread = await lena.evaluate(async () => {
    await window.client.register("lena");
    const thread = await window.client.directThread("jonas");
    await window.client.sendText(thread, "the first");
    return thread;
  });
  await jonas.bringToFront();
  await jonas.keyboard.press("Escape");
  await when(jonas, () => document.querySelector(".inbox .last")?.textContent?.includes("the first"), undefined);
  await jonas.click(".inbox button");
  await shows(jonas, "the first");
  // A page that is busy takes no events: more come than wait for it.
  const busy = jonas.evaluate(() => {
    for (const until = performance.now() + 12_000; performance.now() < until; );
  });
  await lena.evaluate(
    async ([thread, count]) => {
      for (let at = 1; at <= count; at++) await window.client.sendText(thread, `told ${at}`);
    },
    [thread, MISSED] as const,
  );
  await busy;
  // However long a busy machine takes: as long as more of them come, it goes on.
  const last = (): Promise<string> => jonas.evaluate(() => [...document.querySelectorAll(".message .body")].at(-1)?.textContent ?? "");
  for (let shown = await last(); shown !== `told ${MISSED}`; shown = await last()) {
    await when(jonas, (shown) => [...document.querySelectorAll(".message .body")].at(-1)?.textContent !== shown, shown, 60_000);
  }
  const all = ["the first", ...Array.from({ length: MISSED }, (_, at) => `told ${at + 1}`)];
  await when(jonas, (count) => document.querySelectorAll(".message").length >= count, all.length, 60_000).catch(() => undefined);
  assert.deepEqual(await jonas.evaluate(() => [...document.querySelectorAll(".message .body")].map((body) => body.textContent)), all);
  await lena.close();
  plain.close();
});

test("a relay that goes away shows, and what is written meanwhile is sent when it is back", async () => {
  await relay.kill();
  await when(jonas, () => !["online", "catchingUp"].includes(document.querySelector<HTMLElement>(".state")!.dataset["state"]!), undefined, 60_000);
  await say(jonas, "Written on the ferry");
  await there(jonas, ".own .tick.pending");
  await relay.startAgain();
  await jonas.evaluate(() => dispatchEvent(new Event("online")));
  await when(jonas, () => document.querySelector(".own .tick.pending") === null, undefined, 60_000);
});
