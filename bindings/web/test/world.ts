/** A relay, a page's origin that is not the relay's, a browser; and tabs in which people open their devices. */

import type { Page } from "playwright-core";
import type { SessionPolicy } from "sealwire";
import { Browser, openClient, when } from "./browser.js";
import { servePages, type PageServer } from "./page-server.js";
import { Relay } from "./relay.js";

export class World {
  private constructor(
    readonly relay: Relay,
    readonly pages: PageServer,
    readonly browser: Browser,
  ) {}

  static async start(): Promise<World> {
    const [relay, pages, browser] = await Promise.all([
      Relay.start(),
      servePages(new URL("..", import.meta.url).pathname),
      Browser.start(),
    ]);
    return new World(relay, pages, browser);
  }

  async end(): Promise<void> {
    await this.browser.stop();
    this.pages.close();
    await this.relay.stop();
  }

  /** A tab with the client of this device open. Tabs of one device share its store. */
  async open(store: string, options: { startOffline?: boolean; sessionPolicy?: SessionPolicy } = {}): Promise<Page> {
    const page = await this.browser.tab(`${this.pages.origin}/empty.html`);
    await openClient(page, { relay: this.relay.url, store, ...options });
    return page;
  }

  /** A new person's first device, connected. Its store is named after them. */
  async person(user: string): Promise<Page> {
    const page = await this.open(user);
    await page.evaluate(async (user) => {
      await window.client.register(user);
      await window.client.waitUntilCaughtUp();
    }, user);
    return page;
  }
}

/** What a thread says in the store, oldest first. */
export function texts(page: Page, thread: string, limit = 2000): Promise<string[]> {
  return page.evaluate(
    async ([thread, limit]) => {
      const page = await window.client.messages(thread, undefined, limit);
      return page.reverse().map(({ content }) => (content.type === "text" ? content.text : content.type));
    },
    [thread, limit] as const,
  );
}

export function directThread(page: Page, user: string): Promise<string> {
  return page.evaluate((user) => window.client.directThread(user), user);
}

export function sendText(page: Page, thread: string, text: string): Promise<number> {
  return page.evaluate(async ([thread, text]) => (await window.client.sendText(thread, text)).localId, [thread, text] as const);
}

/** Waits until this tab was told of a message of somebody else with this text. */
export async function received(page: Page, text: string, withinMs = 45_000): Promise<void> {
  await when(page, (text) =>
      window.told.some(
        (event) => event.type === "messageReceived" && event.message.content.type === "text" && event.message.content.text === text,
      ), text, withinMs);
}

/** The error of a call that fails; `none`, if it did not. */
export function failure<Arg = undefined>(page: Page, call: (arg: Arg) => Promise<unknown>, arg?: Arg): Promise<Failed> {
  return page.evaluate(
    async ([call, arg]) => {
      try {
        await (new Function("arg", `return (${call})(arg)`) as (arg: unknown) => Promise<unknown>)(arg);
        return { code: "none", kind: "", retryable: false, fields: {} };
      } catch (error) {
        if (!(error instanceof window.sealwire.SealwireError)) throw error;
        return { code: error.code, kind: error.name, retryable: error.retryable, fields: { ...error.fields } };
      }
    },
    [call.toString(), arg] as const,
  );
}

export interface Failed {
  code: string;
  /** Its class. */
  kind: string;
  retryable: boolean;
  fields: Record<string, unknown>;
}
