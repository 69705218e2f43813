/** Headless Chromium with a profile of its own, and its tabs. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, CDPSession, Page } from "playwright-core";
import type * as sealwire from "sealwire";
import { startBrowser, type BrowserProcess } from "./browser-process.js";

declare global {
  interface Window {
    sealwire: typeof sealwire;
    client: sealwire.Client;
    /** Everything that this tab was told. */
    told: sealwire.Event[];
  }
}

export class Browser {
  readonly #profile: string;
  #process: BrowserProcess;

  private constructor(profile: string, process: BrowserProcess) {
    this.#profile = profile;
    this.#process = process;
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "sealwire-web-profile-"));
    return new Browser(profile, await startBrowser(profile));
  }

  get context(): BrowserContext {
    return this.#process.browser.contexts()[0]!;
  }

  /** A new tab on this page. */
  async tab(url: string): Promise<Page> {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => console.error("page error:", error.message));
    page.on("console", (line) => process.env["SEALWIRE_WEB_LOG"] && console.error("page:", line.text()));
    await page.goto(url);
    return page;
  }

  devtools(page: Page): Promise<CDPSession> {
    return this.context.newCDPSession(page);
  }

  /** Ended, and started with what its disk holds. */
  async startAgain(how: "close" | "kill"): Promise<void> {
    await this.#process[how]();
    this.#process = await startBrowser(this.#profile);
  }

  async stop(): Promise<void> {
    await this.#process.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Opens a client in this tab as `window.client`; what it is told from then on is in `window.told`. */
export async function openClient(page: Page, options: sealwire.OpenOptions): Promise<void> {
  await when(page, () => window.sealwire !== undefined, undefined);
  await page.evaluate(async (options) => {
    window.told = [];
    window.client = await window.sealwire.Client.open(options);
    const events = window.client.events();
    void (async () => {
      for await (const event of events) window.told.push(event);
    })();
  }, options);
}

export const leads = (page: Page): Promise<boolean> => page.evaluate(() => window.client.leads());

/**
 * Waits until something holds in this tab, and gives it. (Playwright's own way asks with each frame, and tabs that are not on the
 * screen draw none.)
 */
export async function when<Arg, T>(page: Page, look: (arg: Arg) => T | Promise<T>, arg: Arg, withinMs = 45_000): Promise<T> {
  const begun = performance.now();
  for (;;) {
    const found = await page.evaluate(look as never, arg as never);
    if (found) return found as T;
    if (performance.now() - begun > withinMs) throw new Error(`not within ${withinMs} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

export async function until(what: string, holds: () => Promise<boolean>, withinMs = 40_000): Promise<number> {
  const begun = performance.now();
  while (!(await holds())) {
    if (performance.now() - begun > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return performance.now() - begun;
}
