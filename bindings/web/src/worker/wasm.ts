/** What the wasm module exports, as this package uses it. */

import type { Account, ConnectionState, Event, Progress } from "../records.js";

/** Keeps secrets while the store is opened and used. */
export interface SecretStore {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, secret: Uint8Array): Promise<void>;
}

/** One open client. Its other methods are called by name, with what the app gave. */
export interface WasmClient {
  close(): Promise<void>;
  account(): Account | undefined;
  connection(): ConnectionState;
  maxTextBytes(): number;
  message(localId: number): Promise<unknown>;
  /** Both reject with `closed` once `left` settles, which it has to in the end. */
  waitUntilCaughtUp(left: Promise<void>): Promise<void>;
  waitUntilSent(localId: number, left: Promise<void>): Promise<unknown>;
  watchThreads(threads: string[]): Promise<void>;
  setPresence(online: boolean): Promise<void>;
  goOnline(): Promise<void>;
  goOffline(): Promise<void>;
  sendAttachment(
    thread: string,
    source: Blob | ReadableStream<Uint8Array>,
    about: object,
    onProgress: (progress: Progress) => void,
  ): Promise<unknown>;
  downloadAttachmentTo(
    localId: number,
    write: (chunk: Uint8Array) => Promise<void>,
    onProgress: (progress: Progress) => void,
  ): Promise<void>;
  finishLinking(confirm: (question: unknown) => Promise<boolean>): Promise<unknown>;
  linkDevice(code: string, confirm: (question: unknown) => Promise<boolean>): Promise<unknown>;
  subscribe(onEvent: (event: Event) => void, onEnd: () => void): unknown;
}
