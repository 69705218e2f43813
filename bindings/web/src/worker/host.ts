/**
 * What the worker does for all tabs: it answers their calls and tells each of them every event, once: those too that the worker
 * before told while a tab did not listen.
 */

import type { Event } from "../records.js";
import { Journal, type Rest, type Told } from "../rpc/journal.js";
import {
  PROTOCOL,
  bulletinName,
  channelName,
  tabLock,
  type Bulletin,
  type ErrorInfo,
  type Opening,
  type Sealed,
  type Status,
  type ToHost,
  type ToTab,
} from "../rpc/protocol.js";
import { Company } from "./company.js";
import type { Line } from "./line.js";
import type { OwnTab } from "./own-tab.js";
import { Serving, type Shared } from "./serving.js";
import type { WasmClient } from "./wasm.js";

export class Host {
  readonly #opening: Opening;
  readonly #client: WasmClient;
  readonly #own: Serving;
  readonly #shared: Shared;
  #online: boolean;
  readonly #tabs = new Map<string, Serving>();
  /** What is said before its numbers are known. */
  readonly #early: Event[] = [];
  #line: Line | undefined;
  #journal: Journal | undefined;
  /** None before the tab that leads has said what it was told. */
  #bulletin: BroadcastChannel | undefined;
  #over = false;
  /** Resolved when every event of the client was told. */
  readonly #told: Promise<void>;

  constructor(opening: Opening, client: WasmClient, tab: OwnTab) {
    this.#opening = opening;
    this.#client = client;
    this.#online = !opening.startOffline;
    this.#shared = {
      client,
      company: new Company(client),
      isClosing: () => this.#over,
      statusChanged: () => this.#tellStatus(),
      wantsOnline: (online) => {
        this.#online = online;
        this.#tellStatus();
      },
    };
    this.#own = new Serving(this.#shared, (message, transfer) => tab.post(message, transfer));
    this.#told = new Promise((all) => {
      client.subscribe((event) => this.#happened(event), all);
    });
  }

  /** The numbers of the worker before go on here. */
  goOnWith(line: Line): void {
    this.#line = line;
    this.#journal = new Journal(line.from);
    for (const event of this.#early.splice(0)) this.#journal.push(event);
  }

  heardFromOwnTab(message: ToHost): void {
    if (message.t === "follow") return this.#begin(message.told);
    // The tab that leads says good-bye by closing.
    if (message.t !== "bye") this.#own.heard(message);
  }

  /** The other tabs come after it: it may bring what they have not heard. */
  #begin(told: Told | undefined): void {
    const journal = this.#journal;
    if (!journal || this.#bulletin || this.#over) return;
    if (told) journal.adopt(told);
    this.#own.welcome(this.#status(), journal.since(told));
    const { store, epoch } = this.#opening;
    this.#bulletin = new BroadcastChannel(bulletinName(store));
    this.#bulletin.onmessage = ({ data }: MessageEvent<Bulletin>) => {
      if (data.t === "hello" && data.protocol === PROTOCOL) this.#welcome(data.tab, journal.since(data.told));
    };
    // Said on the channel itself that hears the answers: a tab that greets on anybody else's word may greet nobody.
    this.#bulletin.postMessage({ t: "leading", epoch, protocol: PROTOCOL } satisfies Bulletin);
  }

  /** What is under way is committed, the store closed, and everybody told. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#bulletin?.close();
    try {
      await this.#client.close();
    } catch {
      // It is closed all the same, and what was committed is durable.
    }
    // The last word says that nothing is missing.
    await this.#told;
    if (this.#journal) await this.#line?.end(this.#journal.place);
    this.#toAll({ t: "over" });
  }

  /** The instance is dead: nothing of it will ever answer. */
  panicked(error: ErrorInfo): void {
    this.#over = true;
    this.#bulletin?.close();
    this.#toAll({ t: "panicked", error });
  }

  #toAll(lastWord: ToTab): void {
    for (const serving of this.#tabs.values()) serving.post(lastWord);
    // Last, because it ends this worker then.
    this.#own.post(lastWord);
  }

  /** Those that were welcomed. */
  #each(act: (serving: Serving) => void): void {
    for (const serving of this.#tabs.values()) act(serving);
    if (this.#bulletin) act(this.#own);
  }

  #happened(event: Event): void {
    if (this.#over && event.type === "connection") return;
    if (changesStatus(event)) this.#tellStatus();
    const number = this.#journal?.push(event);
    if (number === undefined) this.#early.push(event);
    else this.#each((serving) => serving.tell(event, number));
  }

  #tellStatus(): void {
    if (this.#over) return;
    const status = this.#status();
    this.#each((serving) => serving.post({ t: "status", status }));
  }

  #status(): Status {
    const account = this.#client.account();
    return {
      ...(account === undefined ? {} : { account }),
      connection: this.#client.connection(),
      wantsOnline: this.#online,
      maxTextBytes: this.#client.maxTextBytes(),
    };
  }

  #welcome(tab: string, rest: Rest): void {
    if (this.#tabs.has(tab) || this.#over) return;
    const { store, epoch } = this.#opening;
    const channel = new BroadcastChannel(channelName(store, tab));
    const post = (body: ToTab): void => channel.postMessage({ epoch, body } satisfies Sealed<ToTab>);
    const serving = new Serving(this.#shared, post);
    const leave = (): void => {
      if (!this.#tabs.delete(tab)) return;
      serving.end();
      channel.close();
    };
    channel.onmessage = ({ data }: MessageEvent<Sealed<ToHost>>) => {
      if (data.epoch !== epoch) return;
      if (data.body.t === "bye") return leave();
      serving.heard(data.body);
    };
    this.#tabs.set(tab, serving);
    serving.welcome(this.#status(), rest);
    // Held by the tab for as long as it lives, however it ends.
    void navigator.locks.request(tabLock(store, tab), leave);
  }
}

function changesStatus(event: Event): boolean {
  return event.type === "connection" || event.type === "deviceLinked" || event.type === "deviceRevoked";
}
