/** What calls take beside their arguments. */

import type { MediaFacts, Progress, SessionPolicy } from "./records.js";

/** Keeps small secrets of a store: its key, and the anchor that shows an old copy of it. */
export interface KeyStore {
  /** What was put under this name last. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Resolves once it is durable. */
  put(name: string, secret: Uint8Array): Promise<void>;
}

/** How a client is opened. */
export interface OpenOptions {
  /** The relay's origin: `https://relay.example`. */
  relay: string;
  /** Names the store of this origin: letters, digits, `_`, `-`; `default` if nothing is said. All tabs with the same one are one device. */
  store?: string;
  /**
   * The store's key: 32 random bytes that the app keeps. Without them the browser keeps it, wrapped with a key that no script can read. The same
   * bytes have to be given each time: others give `store_wrong_key`.
   */
  key?: Uint8Array;
  /** Keeps the store's key instead of the browser. */
  keyStore?: KeyStore;
  /** A store of this tab alone that is gone when the client closes, and the device with it. For tests. */
  inMemory?: boolean;
  /** Allows `http://` to other hosts than this machine. Tokens and who writes to whom can then be read by anybody on the way. */
  dangerAllowHttp?: boolean;
  /** Connects to nothing until `goOnline`. */
  startOffline?: boolean;
  /** For how long a message that cannot leave is tried before it fails (`gave_up`), up to 49 days; a day if nothing is said. */
  giveUpAfterMs?: number;
  /** What new sessions must have: `requirePqxdh` if nothing is said. */
  sessionPolicy?: SessionPolicy;
  /** Called when another tab holds the store and does not answer: the opening waits for it, and never robs it. */
  onWaiting?: () => void;
  /** Ends the waiting for the store to open. */
  signal?: AbortSignal;
}

/** For every call that waits. */
export interface CallOptions {
  /** Ends the waiting: the promise is rejected with the signal's reason. What was begun is done all the same. */
  signal?: AbortSignal;
}

/** How a message is sent. */
export interface SendOptions extends CallOptions {
  /** It disappears everywhere so many seconds after the relay accepted it: between one and a year's. */
  ttlSeconds?: number;
  /**
   * 16 bytes that name this send: it is sent once, however often it is asked. A second call with them gives the message of the
   * first and sends nothing. Make them of chance alone, or as a UUIDv7 is made, and never use them for another message: receivers
   * see them. If nothing is said, every call sends.
   */
  key?: Uint8Array;
}

/** How an attachment is sent, and what is said about it. */
export interface AttachmentOptions extends SendOptions {
  /** In bytes; needed for a stream. */
  size?: number;
  /** Such as `image/png`; a blob's own if nothing is said. */
  mime?: string;
  /** Receivers see it; a file's own if nothing is said. */
  name?: string;
  /** Words beside it; they are found by search. */
  caption?: string;
  /** What a reader may show before it is there. */
  media?: MediaFacts;
  onProgress?: (progress: Progress) => void;
}

/** How an attachment is fetched. */
export interface DownloadOptions {
  /** Ends the download. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}
