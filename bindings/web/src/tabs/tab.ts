/**
 * One tab of an app. Of all tabs that have the same store open, one leads: its worker owns the store. The others speak to that
 * worker. When the tab that leads ends, another one leads, and what was asked of the old worker is asked of the new one.
 */

import { SealwireError, errorInfo, toError } from "../errors.js";
import type { ConnectionState, Event } from "../records.js";
import { Calls, type CallParts } from "../rpc/calls.js";
import { Journal } from "../rpc/journal.js";
import { PROTOCOL, bulletinName, leaderLock, tabLock, type Bulletin, type News, type ErrorInfo, type Status, type ToTab } from "../rpc/protocol.js";
import { Leadership, type LeaderOptions } from "./leadership.js";
import { TabChannel, type Link } from "./links.js";

/** Nothing heard for so long, although the worker was asked: its tab is frozen, or the system is very busy. */
const SILENCE_MS = 2_500;
const PING_EVERY_MS = 1_000;
/** A hand-over takes less. */
const WITHOUT_WORKER_MS = 1_000;
/** A tab on the screen leads rather than one that the browser may freeze; not for a glance. */
const WISH_AFTER_MS = 500;
/** So often the worker learns how many events were taken. */
const SEEN_EVERY = 32;
/** So long the other tabs leave the lead to the one that it is handed to. */
const STAND_BACK_MS = 1_500;
/** A store that does not open is tried after twice as long each time, at the latest after this; sooner where somebody asks. */
const TRY_AGAIN_MAX_MS = 60_000;

const WAITING = { type: "waitingForTab" } as const;

export class Tab {
  readonly id = crypto.randomUUID();
  readonly calls = new Calls();
  readonly #options: LeaderOptions;
  readonly #heardEvent: (event: Event) => void;
  readonly #bulletin: BroadcastChannel;
  readonly #channel: TabChannel;
  readonly #ended = new AbortController();
  #status: Status = { connection: { type: "offline" }, wantsOnline: true, maxTextBytes: 0 };
  #link: Link | undefined;
  #leadership: Leadership | undefined;
  #candidacy: AbortController | undefined;
  /** How often in a row the store did not open again. */
  #refusals = 0;
  #trying: { timer: ReturnType<typeof setTimeout>; soonest: number } | undefined;
  /** What this tab was told, by whichever worker; none before it had one. */
  #told: Journal | undefined;
  /** When the worker was asked whether it lives, if nothing was heard since. */
  #askedAt: number | undefined;
  #taken = 0;
  #shownWaiting = false;
  readonly #standing = new Map<string, unknown[]>();
  #toldConnection: ConnectionState["type"] | undefined;
  #settleOpening: ((error?: ErrorInfo) => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LeaderOptions, heardEvent: (event: Event) => void) {
    this.#options = options;
    this.#heardEvent = heardEvent;
    this.#bulletin = new BroadcastChannel(bulletinName(options.store));
    this.#bulletin.onmessage = ({ data }: MessageEvent<Bulletin>) => this.#read(data);
    this.#channel = new TabChannel(options.store, this.id, (epoch, message) => this.#heardOn(epoch, message));
  }

  get status(): Status {
    return this.#shownWaiting ? { ...this.#status, connection: WAITING } : this.#status;
  }

  /** Whether this tab's worker owns the store. */
  get leads(): boolean {
    return this.#leadership?.isOpen ?? false;
  }

  /** Opens, or follows whoever has opened; or waits for a tab that has and says nothing: without it nobody knows whose device this is. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    let leave = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        leave = () => reject(signal?.reason);
        if (signal?.aborted) return leave();
        signal?.addEventListener("abort", leave);
        this.#settleOpening = (error) => (error ? reject(toError(error)) : resolve());
        // Held for as long as this tab lives: the worker looks whom it still serves.
        const held = navigator.locks.request(tabLock(this.#options.store, this.id), () => {
          this.#begin();
          return aborted(this.#ended.signal);
        });
        held.catch((error: unknown) => this.#settleOpening?.(errorInfo("storage_unavailable", String(error))));
      });
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", leave);
      this.#settleOpening = undefined;
    }
  }

  call(method: string, args: unknown[], parts?: CallParts): Promise<unknown> {
    if (this.#ended.signal.aborted) {
      return Promise.reject(toError(errorInfo("closed")));
    }
    const asked = this.calls.start(method, args, parts);
    if (this.#trying) this.#tryAgainIn(this.#trying.soonest - performance.now());
    if (method === "watchThreads" || method === "setPresence") this.#keepSaying(method, args, asked);
    return asked;
  }

  /** What holds until it is said otherwise is said to the next worker as well; what was refused is not. */
  #keepSaying(method: string, args: unknown[], asked: Promise<unknown>): void {
    const before = this.#standing.get(method);
    this.#standing.set(method, args);
    asked.catch((error: unknown) => {
      if (!(error instanceof SealwireError) || this.#standing.get(method) !== args) return;
      if (before) this.#standing.set(method, before);
      else this.#standing.delete(method);
    });
  }

  /** Leaves the store to the other tabs; the last one closes it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ended.abort();
    this.#candidacy?.abort();
    this.calls.fail(errorInfo("closed"), "all");
    this.#link?.post({ t: "bye" });
    await this.#leadership?.release("inOrder");
    this.#detach();
    this.#bulletin.close();
    this.#channel.close();
  }

  #begin(): void {
    const { signal } = this.#ended;
    if (signal.aborted) return;
    this.#stand();
    this.#hello();
    const pinging = setInterval(() => this.#ping(), PING_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(pinging));
    document.addEventListener("visibilitychange", () => this.#wishToLead(), { signal });
    // A frozen page's worker is frozen with it, and a page that is put away may never come back. There is no time for more.
    document.addEventListener("freeze", () => this.#rest(), { signal });
    addEventListener("pagehide", () => this.#rest(), { signal });
    document.addEventListener("resume", () => this.#wake(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.#wake(), { signal });
    addEventListener("online", () => this.#networkChanged(), { signal });
    setTimeout(() => this.#withoutWorker(), WITHOUT_WORKER_MS);
    this.#wishToLead();
  }

  // --- who leads

  /** Takes part in who leads next. */
  #stand(): void {
    if (this.#candidacy || this.#leadership || this.#ended.signal.aborted) return;
    clearTimeout(this.#trying?.timer);
    this.#trying = undefined;
    const candidacy = new AbortController();
    this.#candidacy = candidacy;
    const lead = async (): Promise<void> => {
      if (candidacy.signal.aborted) return;
      this.#candidacy = undefined;
      await this.#lead();
    };
    navigator.locks.request(leaderLock(this.#options.store), { signal: candidacy.signal }, lead).catch((error: unknown) => {
      if (!candidacy.signal.aborted) throw error;
    });
  }

  #standBack(): void {
    this.#candidacy?.abort();
    this.#candidacy = undefined;
  }

  /** With the lock held, until it is given up. */
  async #lead(): Promise<void> {
    const leadership = new Leadership(this.#options, {
      startOffline: () => (this.#told ? !this.#status.wantsOnline : this.#options.startOffline),
      opened: (link) => {
        this.#detach();
        this.#attach(link);
        link.post({ t: "follow", told: this.#told?.told });
      },
      heard: (epoch, message) => this.#heardOn(epoch, message),
      ended: () => this.#detach(),
    });
    this.#leadership = leadership;
    this.#wishToLead();
    const refused = await leadership.over;
    this.#leadership = undefined;
    this.#detach();
    if (refused) {
      this.#settleOpening?.(refused);
      this.calls.fail(refused, "all");
    }
    if (this.#ended.signal.aborted) return;
    if (refused) this.#refused(refused.code);
    else setTimeout(() => this.#stand(), STAND_BACK_MS);
  }

  /** The store was open and does not open again: the app is told, and it is tried now and then. */
  #refused(code: string): void {
    const wait = Math.min(STAND_BACK_MS * 2 ** this.#refusals, TRY_AGAIN_MAX_MS);
    this.#refusals += 1;
    const soonest = performance.now() + STAND_BACK_MS;
    this.#trying = { timer: setTimeout(() => undefined), soonest };
    this.#tryAgainIn(wait);
    this.#shownWaiting = false;
    this.#status = { ...this.#status, connection: { type: "refused", code, nextTryAtMs: Date.now() + wait } };
    this.#tellEvent({ type: "connection", state: this.#status.connection });
    // Of a relay that refuses too the app is told anew.
    this.#toldConnection = undefined;
  }

  #tryAgainIn(ms: number): void {
    if (!this.#trying) return;
    clearTimeout(this.#trying.timer);
    const stand = (): void => {
      this.#stand();
      setTimeout(() => this.#withoutWorker(), WITHOUT_WORKER_MS);
    };
    this.#trying.timer = setTimeout(stand, Math.max(0, ms));
  }

  /** A tab that is on the screen and does not lead asks one that is not to hand over. */
  #wishToLead(): void {
    setTimeout(() => this.#wish(), WISH_AFTER_MS);
  }

  #wish(): void {
    if (isVisible() && !this.#leadership) this.#tell({ t: "wish", tab: this.id });
  }

  #rest(): void {
    this.#standBack();
    void this.#leadership?.release("atOnce");
  }

  #wake(): void {
    this.#stand();
    this.#hello();
  }

  // --- the worker

  #hello(): void {
    this.#tell({ t: "hello", tab: this.id, told: this.#told?.place });
  }

  #tell(news: News): void {
    if (!this.#ended.signal.aborted) this.#bulletin.postMessage({ ...news, protocol: PROTOCOL } satisfies Bulletin);
  }

  #read(bulletin: Bulletin): void {
    switch (bulletin.t) {
      case "leading":
        if (this.#leadership) return;
        if (bulletin.epoch !== this.#link?.epoch) this.#detach();
        this.#stand();
        // Of another release of this package: its worker is waited for as a silent one is.
        if (bulletin.protocol !== PROTOCOL) return void setTimeout(() => this.#withoutWorker(), WITHOUT_WORKER_MS);
        return this.#hello();
      case "wish":
        if (this.#leadership?.isOpen && !isVisible()) {
          this.#tell({ t: "yield", to: bulletin.tab });
          void this.#leadership.release("inOrder");
        }
        return;
      case "yield":
        if (bulletin.to !== this.id) {
          this.#standBack();
          setTimeout(() => this.#stand(), STAND_BACK_MS);
        }
    }
  }

  #attach(link: Link): void {
    if (this.#ended.signal.aborted) return;
    this.#link = link;
    this.#askedAt = undefined;
    this.#taken = 0;
  }

  #detach(): void {
    if (!this.#link) return;
    this.#link = undefined;
    this.calls.detach();
    setTimeout(() => this.#withoutWorker(), WITHOUT_WORKER_MS);
  }

  #heardOn(epoch: string, message: ToTab): void {
    if (this.#ended.signal.aborted) return;
    if (message.t === "welcome" && epoch !== this.#link?.epoch) {
      // The own worker's link is there before its first word: this is another tab's.
      if (this.#leadership) return;
      this.#detach();
      this.#attach(this.#channel.to(epoch));
    }
    if (epoch !== this.#link?.epoch) return;
    this.#askedAt = undefined;
    this.#heard(message, this.#link);
  }

  #heard(message: ToTab, link: Link): void {
    switch (message.t) {
      case "welcome":
        this.#told ??= new Journal(message.at);
        this.#told.goOnFrom(message.at);
        this.#refusals = 0;
        this.#know(message.status);
        this.calls.attach((to, transfer) => link.post(to, transfer));
        for (const [method, args] of this.#standing) this.calls.start(method, args).catch(() => undefined);
        this.#settleOpening?.();
        break;
      case "status":
        this.#status = message.status;
        break;
      case "event":
        this.#countTaken(link);
        this.#take(message.event, message.number);
        break;
      case "missed":
        this.#countTaken(link);
        this.#told?.goOnFrom({ ...this.#told.place, number: message.number });
        this.#tellEvent({ type: "lagged", missed: message.missed });
        break;
      case "over":
        this.#link = undefined;
        this.calls.detach();
        setTimeout(() => this.#withoutWorker(), WITHOUT_WORKER_MS);
        return;
      case "panicked":
        this.calls.fail(message.error, "sent");
        this.#detach();
        return;
      case "pong":
        break;
      default:
        this.calls.take(message);
    }
    if (this.#shownWaiting) this.#know(this.#status);
  }

  #countTaken(link: Link): void {
    this.#taken += 1;
    if (this.#taken < SEEN_EVERY) return;
    this.#taken = 0;
    link.post({ t: "seen", events: SEEN_EVERY });
  }

  #take(event: Event, number: number): void {
    // The worker before may have told it after this one was asked for it.
    if (!this.#told || number <= this.#told.place.number) return;
    this.#told.push(event);
    if (event.type !== "connection") return this.#tellEvent(event);
    // A tab that waited was told already where the connection stands.
    const known = this.#toldConnection === event.state.type;
    this.#status = { ...this.#status, connection: event.state };
    if (!known) this.#tellEvent(event);
  }

  #know(status: Status): void {
    this.#shownWaiting = false;
    this.#status = status;
    if (this.#toldConnection !== status.connection.type) this.#tellEvent({ type: "connection", state: status.connection });
  }

  #ping(): void {
    // Whoever leads may have been on the screen when it was asked before, or have handed over to a third.
    this.#wish();
    if (!this.#link) return this.#hello();
    if (this.#link.own || (!isVisible() && this.calls.waiting === 0)) {
      this.#askedAt = undefined;
      return;
    }
    this.#link.post({ t: "ping" });
    // Since it was asked, not since it spoke: a browser calls a hidden tab once a minute.
    this.#askedAt ??= performance.now();
    if (performance.now() - this.#askedAt > SILENCE_MS) this.#showWaiting();
  }

  #withoutWorker(): void {
    if (this.#link || this.#leadership || this.#trying || this.#ended.signal.aborted) return;
    this.#showWaiting();
    if (this.#settleOpening) this.#options.onWaiting?.();
  }

  #showWaiting(): void {
    if (this.#shownWaiting) return;
    this.#shownWaiting = true;
    this.#tellEvent({ type: "connection", state: WAITING });
  }

  #networkChanged(): void {
    if (this.#leadership) this.calls.start("networkChanged", []).catch(() => undefined);
  }

  #tellEvent(event: Event): void {
    if (event.type === "connection") this.#toldConnection = event.state.type;
    this.#heardEvent(event);
  }
}

function isVisible(): boolean {
  return document.visibilityState === "visible";
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
