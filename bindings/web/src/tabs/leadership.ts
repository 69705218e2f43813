/** What the tab that leads does: it owns the worker, starts another one when it dies, and gives the store up when it is asked to. */

import { errorInfo } from "../errors.js";
import type { LogLine } from "../init.js";
import type { Close, ErrorInfo, Opened, Opening, ToTab } from "../rpc/protocol.js";
import { PROTOCOL, workerLock } from "../rpc/protocol.js";
import { ownLink, type Link } from "./links.js";

/** How a store is opened, by whichever tab leads. */
export interface LeaderOptions extends Omit<Opening, "t" | "protocol" | "epoch" | "appKeyStore"> {
  spawn: () => Worker;
  /** Told when another tab holds the store and does not answer. */
  onWaiting?: () => void;
  /** Told every line of the log. */
  logger?: (line: LogLine) => void;
  keyStore?: { get(name: string): Promise<Uint8Array | undefined>; put(name: string, secret: Uint8Array): Promise<void> };
}

export interface Hearers {
  /** Whether the app wants the next worker to begin offline. */
  startOffline(): boolean;
  /** The worker is there; its first word to this tab comes next. */
  opened(link: Link): void;
  heard(epoch: string, message: ToTab): void;
  /** The worker is gone. */
  ended(): void;
}

/** A worker that does not end in order within this time is ended. */
const END_WITHIN_MS = 3_000;
/** The handles of a worker that was ended are given back by and by. */
const IN_USE_FOR_MS = 5_000;
const ASK_AGAIN_MS = 40;
const NO_SCRIPT = 'its script is not where it was looked for; `init({ workerUrl })` says where it is, and Vite before 8 needs optimizeDeps.exclude: ["sealwire"]';
/** A worker that dies again and again is not started for ever. */
const DEATHS_MAX = 5;
/** One that lived so long did not die of being started. */
const LIVED_MS = 60_000;

type End = { why: "refused"; error: ErrorInfo } | { why: "released" } | { why: "died" };

export class Leadership {
  /** Done when the store is given up; with an error, when it could not be opened. */
  readonly over: Promise<ErrorInfo | undefined>;
  readonly #options: LeaderOptions;
  readonly #hearers: Hearers;
  #release: ((how: "inOrder" | "atOnce") => void) | undefined;
  #isOpen = false;
  #released: "inOrder" | "atOnce" | undefined;

  constructor(options: LeaderOptions, hearers: Hearers) {
    this.#options = options;
    this.#hearers = hearers;
    this.over = this.#live();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** In order: what is under way is committed and told, then the store is closed. At once: as if the process had ended. */
  async release(how: "inOrder" | "atOnce"): Promise<void> {
    this.#released = how;
    this.#release?.(how);
    await this.over;
  }

  async #live(): Promise<ErrorInfo | undefined> {
    let deaths = 0;
    // Since when the store is asked for: the lead began then, or a worker that held it died.
    let asking = performance.now();
    while (this.#released === undefined) {
      const started = performance.now();
      const end = await this.#worker();
      this.#isOpen = false;
      if (this.#released !== undefined || end.why === "released") return undefined;
      if (end.why === "died") {
        this.#hearers.ended();
        asking = performance.now();
        deaths = asking - started < LIVED_MS ? deaths + 1 : 0;
        if (deaths > DEATHS_MAX) return errorInfo("internal", "the worker died again and again");
        continue;
      }
      const waits = end.error.code === "store_in_use" && performance.now() - asking < IN_USE_FOR_MS;
      if (!waits) return end.error;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
    return undefined;
  }

  /** The life of one worker. */
  #worker(): Promise<End> {
    const { spawn, keyStore, logger, onWaiting: _, ...plain } = this.#options;
    const epoch = crypto.randomUUID();
    let worker: Worker;
    try {
      worker = spawn();
    } catch (error) {
      // Of another origin, or forbidden by the page's policy.
      return Promise.resolve({ why: "refused", error: notStarted(String(error)) });
    }
    return new Promise<End>((resolve) => {
      let ended = false;
      const end = (how: End): void => {
        // Told twice of many an end: once by the worker, and once by its lock, when the next one lives already.
        if (ended) return;
        ended = true;
        worker.onmessage = null;
        worker.onerror = null;
        worker.terminate();
        this.#release = undefined;
        resolve(how);
      };
      this.#release = (how) => {
        if (how === "atOnce" || !this.#isOpen) return end({ why: "released" });
        worker.postMessage({ t: "close" } satisfies Close);
        setTimeout(() => end({ why: "released" }), END_WITHIN_MS);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        // A script that cannot be loaded says nothing about itself; one that throws does.
        const error = event.message ? errorInfo("internal", `the worker: ${event.message}`) : notStarted(NO_SCRIPT);
        end(this.#isOpen ? { why: "died" } : { why: "refused", error });
      };
      worker.onmessage = ({ data }: MessageEvent<ToTab | Opened>) => {
        switch (data.t) {
          case "opened":
            this.#isOpen = true;
            this.#hearers.opened(ownLink(worker, epoch));
            return this.#watch(epoch, () => end({ why: "died" }));
          case "log":
            return tellLog(logger, data.line);
          case "notOpened":
            return end({ why: "refused", error: data.error });
          case "over":
            this.#hearers.heard(epoch, data);
            return end({ why: "released" });
          case "panicked":
            this.#hearers.heard(epoch, data);
            return end({ why: "died" });
          case "ask":
            if (data.id === "keyStore") return void askKeyStore(worker, keyStore, data.ask, data.question as Secret);
        }
        this.#hearers.heard(epoch, data);
      };
      const startOffline = this.#hearers.startOffline();
      const opening: Opening = { ...plain, startOffline, t: "open", protocol: PROTOCOL, epoch, appKeyStore: keyStore !== undefined };
      worker.postMessage(opening);
    });
  }

  /** A worker holds this lock for as long as it lives, however it ends. */
  #watch(epoch: string, died: () => void): void {
    void navigator.locks.request(workerLock(this.#options.store, epoch), died);
  }
}

/** What a logger throws is the app's, and stops nothing here. */
function tellLog(logger: LeaderOptions["logger"], line: LogLine): void {
  try {
    logger?.(line);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function notStarted(reason: string): ErrorInfo {
  return errorInfo("configuration", `the worker could not be started: ${reason}`);
}

/** What the worker asks the app's key store. */
export type Secret = { get: string } | { put: string; secret: Uint8Array };

async function askKeyStore(worker: Worker, keyStore: LeaderOptions["keyStore"], ask: number, secret: Secret): Promise<void> {
  try {
    const value = "get" in secret ? await keyStore?.get(secret.get) : await keyStore?.put(secret.put, secret.secret);
    worker.postMessage({ t: "answer", ask, value });
  } catch (error) {
    worker.postMessage({ t: "answer", ask, failed: String(error) });
  }
}
