/** The browser's device in tests/together: requests come as lines of JSON, each is answered by one. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Page } from "playwright-core";
import type { Linking, Message } from "sealwire";
import { startBrowser, type BrowserProcess } from "./browser-process.js";
import { openClient } from "./browser.js";
import { servePages, type PageServer } from "./page-server.js";

declare global {
  interface Window {
    linking: Linking;
    /** A thread in the store, newest first. */
    page: (thread: string) => Promise<Message[]>;
  }
}

interface Wait {
  thread: string;
  count: number;
  withinMs: number;
}

/** A device, once it is opened. */
class Peer {
  #opened: { pages: PageServer; browser: BrowserProcess; page: Page } | undefined;

  get page(): Page {
    if (!this.#opened) throw new Error("not opened");
    return this.#opened.page;
  }

  /** The store lies in the browser's profile, and belongs to the page's origin: both are kept in the folder. */
  async open({ relay, folder }: { relay: string; folder: string }): Promise<void> {
    const kept = join(folder, "port");
    const pages = await servePages(new URL("..", import.meta.url).pathname, existsSync(kept) ? Number(readFileSync(kept)) : 0);
    writeFileSync(kept, new URL(pages.origin).port);
    mkdirSync(join(folder, "profile"), { recursive: true });
    const browser = await startBrowser(join(folder, "profile"));
    const page = await browser.browser.contexts()[0]!.newPage();
    this.#opened = { pages, browser, page };
    page.on("pageerror", (error) => console.error("page error:", error.message));
    await page.goto(`${pages.origin}/empty.html`);
    await openClient(page, { relay });
    await page.evaluate(() => {
      // More than the story has.
      window.page = (thread) => window.client.messages(thread, undefined, 200);
    });
  }

  /** May be called again. */
  async close(): Promise<void> {
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    try {
      await opened.page.evaluate(() => window.client.close());
    } finally {
      await opened.browser.close();
      opened.pages.close();
    }
  }

  register({ user }: { user: string }): Promise<number> {
    return this.page.evaluate((user) => window.client.register(user), user);
  }

  startLinking(): Promise<string> {
    return this.page.evaluate(async () => {
      window.linking = await window.client.startLinking();
      return window.linking.code;
    });
  }

  finishLinking(): Promise<number> {
    return this.page.evaluate(async () => {
      const { device } = await window.linking.finish(() => true);
      await window.client.waitUntilCaughtUp();
      return device;
    });
  }

  linkDevice({ code }: { code: string }): Promise<number> {
    return this.page.evaluate((code) => window.client.linkDevice(code, () => true), code);
  }

  directThread({ user }: { user: string }): Promise<string> {
    return this.page.evaluate((user) => window.client.directThread(user), user);
  }

  sendText(what: { thread: string; text: string }): Promise<void> {
    return this.page.evaluate(async ({ thread, text }) => void (await window.client.sendText(thread, text)), what);
  }

  /** As a person picks a file. */
  async sendPicture({ thread, path, caption }: { thread: string; path: string; caption: string }): Promise<void> {
    await this.page.evaluate(() => {
      document.body.innerHTML = '<input type="file" id="picture">';
    });
    await this.page.setInputFiles("#picture", path);
    await this.page.evaluate(
      async ({ thread, caption }) => {
        const [file] = document.querySelector<HTMLInputElement>("#picture")!.files!;
        await window.client.sendAttachment(thread, file!, { mime: "image/png", caption });
      },
      { thread, caption },
    );
  }

  goOffline(): Promise<void> {
    return this.page.evaluate(() => window.client.goOffline());
  }

  goOnline(): Promise<void> {
    return this.page.evaluate(async () => {
      await window.client.goOnline();
      await window.client.waitUntilCaughtUp();
    });
  }

  waitForMessages(wait: Wait): Promise<void> {
    return this.#wait("messages", wait, undefined);
  }

  waitUntilRead(wait: Wait): Promise<void> {
    return this.#wait("read messages", wait, "read");
  }

  markRead({ thread }: { thread: string }): Promise<void> {
    return this.page.evaluate((thread) => window.client.markRead(thread), thread);
  }

  countMessages({ thread }: { thread: string }): Promise<number> {
    return this.page.evaluate((thread) => window.client.countMessages(thread), thread);
  }

  countUnread(): Promise<number> {
    return this.page.evaluate(() => window.client.countUnread());
  }

  /** Oldest first, with the digests of the downloaded pictures. */
  history({ thread }: { thread: string }): Promise<{ rows: object[]; states: string[] }> {
    return this.page.evaluate(async (thread) => {
      const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const messages = (await window.page(thread)).reverse();
      const rows = [];
      for (const message of messages) {
        const { content } = message;
        let text = content.type === "text" ? content.text : `<${JSON.stringify(content)}>`;
        let picture: string | null = null;
        if (content.type === "attachment") {
          text = content.caption;
          picture = hex(await crypto.subtle.digest("SHA-256", await window.client.downloadAttachment(message)));
        }
        rows.push({ id: message.id ?? "", sender: message.sender, device: message.senderDevice, text, picture });
      }
      return { rows, states: messages.map(({ state }) => state.type) };
    }, thread);
  }

  /** Looks again with each event. */
  async #wait(what: string, { thread, count, withinMs }: Wait, state: string | undefined): Promise<void> {
    const there = await this.page.evaluate(
      async ({ thread, count, withinMs, wanted }) => {
        // From before the first look.
        const events = window.client.events();
        const limit = setTimeout(() => void events.return(), withinMs);
        const look = async () => (await window.page(thread)).filter(({ state }) => wanted === undefined || state.type === wanted).length;
        let there = await look();
        while (there < count && !(await events.next()).done) there = await look();
        clearTimeout(limit);
        await events.return();
        return there;
      },
      { thread, count, withinMs, wanted: state },
    );
    if (there < count) throw new Error(`waited ${withinMs} ms for ${count} ${what}: there are ${there}`);
  }
}

const peer = new Peer();
// Nobody hears the answer: then nobody asks any more either, and the browser is closed below.
process.stdout.on("error", () => undefined);
try {
  for await (const line of createInterface(process.stdin)) {
    const { do: what, ...how } = JSON.parse(line) as { do: Exclude<keyof Peer, "page"> };
    const answer = await (peer[what] as (how: unknown) => Promise<unknown>)
      .call(peer, how)
      .then((ok) => ({ ok: ok ?? null }))
      .catch((error: unknown) => ({ error: String(error) }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
} finally {
  await peer.close();
}
