/** What the worker does for all tabs: it answers their calls and tells each of them every event. */

import type { Event } from "../records.js";
import {
  EVENT_BUFFER,
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
import type { OwnTab } from "./own-tab.js";
import { Serving, type Shared } from "./serving.js";
import type { WasmClient } from "./wasm.js";

/** Tabs that followed another worker find this one within this time, or are told that they missed something. */
const FINDING_MS = 4_000;

export class Host {
  readonly #opening: Opening;
  readonly #client: WasmClient;
  readonly #own: Serving;
  readonly #shared: Shared;
  #online: boolean;
  readonly #tabs = new Map<string, Serving>();
  readonly #bulletin: BroadcastChannel;
  /** What happened since the beginning, while tabs are still finding this worker. */
  #early: Event[] | undefined = [];
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
    this.#own.post({ t: "welcome", status: this.#status() });
    this.#bulletin = new BroadcastChannel(bulletinName(opening.store));
    this.#bulletin.onmessage = ({ data }: MessageEvent<Bulletin>) => {
      if (data.t === "hello") this.#welcome(data.tab, data.following);
    };
    setTimeout(() => (this.#early = undefined), FINDING_MS);
  }

  heardFromOwnTab(message: ToHost): void {
    // The tab that leads says good-bye by closing.
    if (message.t !== "bye") this.#own.heard(message);
  }

  /** What is under way is committed, the store closed, and everybody told. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#bulletin.close();
    try {
      await this.#client.close();
    } catch {
      // It is closed all the same, and what was committed is durable.
    }
    // The last word says that nothing is missing.
    await this.#told;
    this.#each((serving) => serving.post({ t: "over" }));
  }

  /** The instance is dead: nothing of it will ever answer. */
  panicked(error: ErrorInfo): void {
    this.#over = true;
    this.#bulletin.close();
    this.#each((serving) => serving.post({ t: "panicked", error }));
  }

  #each(act: (serving: Serving) => void): void {
    for (const serving of this.#tabs.values()) act(serving);
    // Last, because it ends this worker then.
    act(this.#own);
  }

  #happened(event: Event): void {
    if (this.#over && event.type === "connection") return;
    if (changesStatus(event)) this.#tellStatus();
    if (this.#early && this.#early.length < EVENT_BUFFER) this.#early.push(event);
    else this.#early = undefined;
    this.#each((serving) => serving.tell(event));
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

  #welcome(tab: string, following: boolean): void {
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
    serving.post({ t: "welcome", status: this.#status() });
    if (following) for (const event of this.#early ?? []) serving.tell(event);
    // Held by the tab for as long as it lives, however it ends.
    void navigator.locks.request(tabLock(store, tab), leave);
  }
}

function changesStatus(event: Event): boolean {
  return event.type === "connection" || event.type === "deviceLinked" || event.type === "deviceRevoked";
}
