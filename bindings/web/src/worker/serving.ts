/** One tab at the worker: its calls, its transfers, its events. */

import { asErrorInfo, errorInfo } from "../errors.js";
import type { Event, Progress } from "../records.js";
import type { Rest } from "../rpc/journal.js";
import { CREDIT, EVENT_BUFFER, type Status, type ToHost, type ToTab } from "../rpc/protocol.js";
import type { Company } from "./company.js";
import { withResolvers } from "./own-tab.js";
import { Download, Upload } from "./transfers.js";
import type { WasmClient } from "./wasm.js";

type Call = Extract<ToHost, { t: "call" }>;

/** What a tab may ask; nothing else of the module can be reached. */
const METHODS = new Set([
  "register",
  "registerWithPlatformToken",
  "startLinking",
  "cancelLinking",
  "networkChanged",
  "acceptAccountKey",
  "directThread",
  "sendText",
  "retry",
  "cancel",
  "fetchQueue",
  "syncThread",
  "messages",
  "message",
  "threads",
  "search",
  "countMessages",
  "inbox",
  "inboxThread",
  "countUnread",
  "markRead",
  "receipts",
  "settings",
  "setSettings",
  "block",
  "unblock",
  "blockedUsers",
  "setThreadPreferences",
  "ownDevices",
  "sessionProtocol",
  "disableDevice",
  "removeDevice",
  "setTyping",
]);

/** These change whose device this is. */
const OF_THE_ACCOUNT = new Set(["register", "registerWithPlatformToken", "finishLinking"]);

/** What all tabs have in common. */
export interface Shared {
  readonly client: WasmClient;
  readonly company: Company;
  /** This worker ends, and another one may follow. */
  isClosing(): boolean;
  /** What every tab knows without asking is otherwise now. */
  statusChanged(): void;
  /** The app's wish, which holds also for the next worker. */
  wantsOnline(online: boolean): void;
}

export class Serving {
  readonly #client: WasmClient;
  readonly #post: (message: ToTab, transfer?: Transferable[]) => void;
  readonly #shared: Shared;
  readonly #uploads = new Map<number, Upload>();
  readonly #downloads = new Map<number, Download>();
  /** Ends what does nothing but wait. */
  readonly #waits = new Map<number, () => void>();
  readonly #asked = new Map<number, (yes: boolean) => void>();
  #nextAsk = 1;
  /** Events on their way to the tab, and those that found no room. */
  #unseen = 0;
  #missed = 0;
  #missedUpTo = 0;
  #gone = false;

  constructor(shared: Shared, post: (message: ToTab, transfer?: Transferable[]) => void) {
    this.#client = shared.client;
    this.#post = post;
    this.#shared = shared;
  }

  post(message: ToTab, transfer?: Transferable[]): void {
    // What the tab asked for goes on without it; its channel is closed.
    if (!this.#gone) this.#post(message, transfer);
  }

  /** What every tab knows, then what this one has not heard. */
  welcome(status: Status, { at, missed, events }: Rest): void {
    this.post({ t: "welcome", status, at });
    let { number } = at;
    if (missed !== undefined) {
      number += missed;
      this.#send({ t: "missed", missed, number });
    }
    for (const event of events) this.tell(event, ++number);
  }

  /** A tab that takes nothing, a frozen one perhaps, is told later how many it missed. */
  tell(event: Event, number: number): void {
    if (this.#unseen < EVENT_BUFFER && this.#missed === 0) return this.#send({ t: "event", event, number });
    this.#missed += event.type === "lagged" ? event.missed : 1;
    this.#missedUpTo = number;
  }

  heard(message: ToHost): void {
    switch (message.t) {
      case "call":
        return void this.#call(message);
      case "answer":
        this.#asked.get(message.ask)?.(message.value === true);
        return void this.#asked.delete(message.ask);
      case "bytes":
        return this.#uploads.get(message.id)?.push(message.bytes);
      case "end":
        return this.#uploads.get(message.id)?.end(message.failed);
      case "more":
        return this.#downloads.get(message.id)?.more(message.chunks);
      case "stop":
        this.#waits.get(message.id)?.();
        return this.#downloads.get(message.id)?.stop();
      case "seen":
        return this.#seen(message.events);
      case "ping":
        return this.post({ t: "pong" });
      case "follow":
      case "bye":
    }
  }

  /** The tab is gone: whoever waits for it stops. Its sends go on. */
  end(): void {
    this.#gone = true;
    for (const answer of this.#asked.values()) answer(false);
    for (const upload of this.#uploads.values()) upload.end("the tab was closed");
    for (const download of this.#downloads.values()) download.stop();
    for (const leave of this.#waits.values()) leave();
    this.#shared.company.leave(this).catch(() => undefined);
  }

  #send(message: Extract<ToTab, { t: "event" | "missed" }>): void {
    this.#unseen += 1;
    this.post(message);
  }

  #seen(events: number): void {
    this.#unseen -= events;
    if (this.#missed === 0) return;
    const missed = this.#missed;
    this.#missed = 0;
    this.#send({ t: "missed", missed, number: this.#missedUpTo });
  }

  async #call(call: Call): Promise<void> {
    try {
      const value = await this.#answerOf(call);
      if (OF_THE_ACCOUNT.has(call.method)) this.#shared.statusChanged();
      this.post({ t: "result", id: call.id, value });
    } catch (error) {
      const info = asErrorInfo(error);
      // Not for the app: the next worker is asked again.
      if (info.code === "closed" && this.#shared.isClosing()) return;
      this.post({ t: "failed", id: call.id, error: info });
    }
  }

  async #answerOf(call: Call): Promise<unknown> {
    const { id, method, args } = call;
    switch (method) {
      case "watchThreads":
        return this.#shared.company.watch(this, args[0] as string[]);
      case "setPresence":
        return this.#shared.company.setPresence(this, args[0] as boolean);
      case "goOnline":
      case "goOffline":
        await this.#client[method]();
        return this.#shared.wantsOnline(method === "goOnline");
      case "sendAttachment":
        return this.#upload(call);
      case "downloadAttachment":
        return this.#download(id, args as [number]);
      case "finishLinking":
        return this.#finishLinking(call);
      case "waitUntilCaughtUp":
        return this.#wait(id, (left) => this.#client.waitUntilCaughtUp(left));
      case "waitUntilSent":
        return this.#wait(id, (left) => this.#client.waitUntilSent(args[0] as number, left));
      case "linkDevice":
        return this.#client.linkDevice(args[0] as string, (question) => this.#ask(id, question));
    }
    if (!METHODS.has(method)) throw errorInfo("internal", `no method ${method}`);
    try {
      return await this.#plain(method, args);
    } catch (error) {
      if (call.again) return this.#doneBefore(method, args, error);
      throw error;
    }
  }

  #plain(method: string, args: unknown[]): unknown {
    const methods = this.#client as unknown as Record<string, (...args: unknown[]) => unknown>;
    return methods[method]?.(...args);
  }

  /** A call that was asked of a worker before, which may have done it and ended before it said so. */
  async #doneBefore(method: string, args: unknown[], error: unknown): Promise<unknown> {
    const { code } = asErrorInfo(error);
    const account = this.#client.account();
    if (code === "already_registered" && method.startsWith("register") && account?.user === args[0]) return account?.device;
    if (code === "unknown_device" && method === "removeDevice") return undefined;
    if (code === "not_failed" && method === "retry") return this.#client.message(args[0] as number);
    throw error;
  }

  async #finishLinking({ id, again }: Call): Promise<unknown> {
    try {
      return await this.#client.finishLinking((question) => this.#ask(id, question));
    } catch (error) {
      if (asErrorInfo(error).code !== "link_state") throw error;
      const account = this.#client.account();
      if (again && account) return account;
      // Its keys were in the memory of the worker that began it.
      throw errorInfo("link_state", "the linking is over, because another tab took the lead or it was finished or given up before: begin again with `startLinking`");
    }
  }

  async #wait(id: number, waiting: (left: Promise<void>) => Promise<unknown>): Promise<unknown> {
    const left = withResolvers<void>();
    this.#waits.set(id, () => left.resolve());
    try {
      return await waiting(left.promise);
    } finally {
      this.#waits.delete(id);
      // The module holds on to a promise that never settles.
      left.resolve();
    }
  }

  async #upload({ id, args, source }: Call): Promise<unknown> {
    const [thread, about] = args as [string, object];
    const told = (progress: Progress): void => this.post({ t: "progress", id, progress });
    if (source) return this.#client.sendAttachment(thread, source, about, told);
    const upload = new Upload((chunks) => this.post({ t: "more", id, chunks }));
    this.#uploads.set(id, upload);
    try {
      return await this.#client.sendAttachment(thread, upload.stream, about, told);
    } finally {
      this.#uploads.delete(id);
    }
  }

  async #download(id: number, [localId]: [number]): Promise<void> {
    const download = new Download(CREDIT);
    this.#downloads.set(id, download);
    const write = async (chunk: Uint8Array): Promise<void> => {
      await download.room();
      // A copy where the module's own memory is behind it; handed over otherwise.
      const bytes = chunk.byteLength === chunk.buffer.byteLength ? chunk : chunk.slice();
      this.post({ t: "bytes", id, bytes }, [bytes.buffer as ArrayBuffer]);
    };
    try {
      await this.#client.downloadAttachmentTo(localId, write, (progress) => this.post({ t: "progress", id, progress }));
    } finally {
      this.#downloads.delete(id);
    }
  }

  #ask(id: number, question: unknown): Promise<boolean> {
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      this.#asked.set(ask, resolve);
      this.post({ t: "ask", ask, id, question });
    });
  }
}
