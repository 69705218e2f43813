/** What a tab and the worker that owns the store say to each other. Everything here is structured-cloneable. */

import type { ErrorGroup } from "../error-table.js";
import type { ErrorFields } from "../errors.js";
import type { LogLevel, LogLine } from "../init.js";
import type { Account, ConnectionState, Event, Progress, SessionPolicy } from "../records.js";
import type { Place, Told } from "./journal.js";

/**
 * The version of everything in this file. Tabs of one origin may run different releases of this package, after an update: what
 * another protocol says is not read, and its worker is waited for. Raised with every change here that is more than an addition.
 */
export const PROTOCOL = 1;

/** An error as it crosses from Rust and from the worker. */
export interface ErrorInfo {
  code: string;
  group: ErrorGroup;
  /** What happened and what to do, for every error of this code. */
  text: string;
  /** This error's own words. */
  detail: string;
  retryable: boolean;
  retryAfterMs?: number;
  fields: ErrorFields;
}

/** What every tab knows without asking. */
export interface Status {
  account?: Account;
  connection: ConnectionState;
  /** What the app asked for last, in whichever tab. */
  wantsOnline: boolean;
  maxTextBytes: number;
}

/** From a tab to the worker. */
export type ToHost =
  /** The first word of the tab that leads: what it was told by the worker before. */
  | { t: "follow"; told: Told | undefined }
  /** `again`: it was asked before, of a worker that ended before it answered. */
  | { t: "call"; id: number; method: string; args: unknown[]; again: boolean; source?: Blob }
  /** To an `ask`. */
  | { t: "answer"; ask: number; value?: unknown; failed?: string }
  /** Bytes of an upload, within the credit. */
  | { t: "bytes"; id: number; bytes: Uint8Array }
  | { t: "end"; id: number; failed?: string }
  /** So many more chunks of a download may come. */
  | { t: "more"; id: number; chunks: number }
  /** A download, or what does nothing but wait, is not wanted any more. */
  | { t: "stop"; id: number }
  /** So many events were taken. */
  | { t: "seen"; events: number }
  | { t: "ping" }
  | { t: "bye" };

/** From the worker to a tab. */
export type ToTab =
  /** `at`: what was told to this tab, or is of no concern to it. */
  | { t: "welcome"; status: Status; at: Place }
  | { t: "result"; id: number; value: unknown }
  | { t: "failed"; id: number; error: ErrorInfo }
  | { t: "progress"; id: number; progress: Progress }
  /** A question that a call, or the store's opening, asks back. */
  | { t: "ask"; ask: number; id: number | "keyStore"; question: unknown }
  /** So many more chunks of an upload may come. */
  | { t: "more"; id: number; chunks: number }
  | { t: "bytes"; id: number; bytes: Uint8Array }
  | { t: "event"; event: Event; number: number }
  /** In the place of the events up to this number; none, where nobody knows whether there were any. */
  | { t: "missed"; missed: number; number: number }
  | { t: "status"; status: Status }
  | { t: "pong" }
  /** A line of the log, for the tab that leads alone. */
  | { t: "log"; line: LogLine }
  /** The last word of a worker that ended in order. */
  | { t: "over" }
  | { t: "panicked"; error: ErrorInfo };

/** What a worker is started with by the tab that leads. */
export interface Opening {
  t: "open";
  protocol: number;
  /** Names the channels, the locks and the file. */
  store: string;
  epoch: string;
  relay: string;
  inMemory: boolean;
  dangerAllowHttp: boolean;
  startOffline: boolean;
  giveUpAfterMs?: number;
  sessionPolicy?: SessionPolicy;
  wasmUrl?: string;
  key?: Uint8Array;
  /** Whether the app's own key store is to be asked, over `ask`. */
  appKeyStore: boolean;
  /** Down to which level the log is told; none: nobody listens. */
  logLevel?: LogLevel;
}

/** How a worker's start ended. */
export type Opened = { t: "opened" } | { t: "notOpened"; error: ErrorInfo };

/** The worker is to end in order: an `over` says that it has. */
export interface Close {
  t: "close";
}

/** On the channel of one tab: meant for the worker of one epoch, or from it. */
export interface Sealed<Body> {
  epoch: string;
  body: Body;
}

/** On the channel that all tabs and the worker hear. `protocol`, `leading`, `wish` and `yield` mean the same in every protocol. */
export type Bulletin = News & { protocol: number };

export type News =
  /** A tab that looks for the worker, and what it was told by the one before. */
  | { t: "hello"; tab: string; told: Place | undefined }
  /** From a worker: it is open, and hears who greets it. */
  | { t: "leading"; epoch: string }
  /** A tab on the screen would like to lead. */
  | { t: "wish"; tab: string }
  /** The tab that leads hands over to this one: the others stand back. */
  | { t: "yield"; to: string };

/** Bytes of one chunk between tab and worker; the size of the attachments' own chunks would be four times the messages. */
export const CHUNK_BYTES = 256 * 1024;

/** Chunks on their way at once. */
export const CREDIT = 4;

/** So many events may be on their way to a tab, and wait in one of its streams. The same number as in Rust. */
export const EVENT_BUFFER = 1024;

export const bulletinName = (store: string): string => `sealwire/${store}`;
export const channelName = (store: string, tab: string): string => `sealwire/${store}/tab/${tab}`;
/** Held by the tab that leads. */
export const leaderLock = (store: string): string => `sealwire/${store}/leader`;
/** Held by a worker while it lives. */
export const workerLock = (store: string, epoch: string): string => `sealwire/${store}/worker/${epoch}`;
/** Held by a tab while it lives. */
export const tabLock = (store: string, tab: string): string => `sealwire/${store}/tab/${tab}`;
