/** The client: what an app holds. */

import { logging, spawnWorker, wasmUrl } from "./init.js";
import { errorInfo, toError } from "./errors.js";
import { EventStream } from "./events.js";
import { Linking } from "./linking.js";
import type { AttachmentOptions, CallOptions, DownloadOptions, OpenOptions, SendOptions } from "./options.js";
import type {
  Account,
  AccountSettings,
  AddDevice,
  ConnectionState,
  Event,
  InboxPage,
  InboxThread,
  Message,
  OwnDevice,
  Receipt,
  Thread,
  ThreadPreferences,
} from "./records.js";
import type { CallParts } from "./rpc/calls.js";
import { sendKey } from "./rpc/send-key.js";
import type { LeaderOptions } from "./tabs/leadership.js";
import { Tab } from "./tabs/tab.js";

/** What `OpenOptions.key` has. */
const KEY_BYTES = 32;

/**
 * One device of one user: registers or links itself, sends, receives, and finds what was said.
 *
 * All tabs of an origin that open the same store are one device: one of them holds the store, the others speak to it, and
 * when it ends another takes over. An app sees nothing of that but the connection state `waitingForTab`, while the tab that
 * holds the store does not answer. **Aborting a call only stops waiting**: what was begun is done.
 */
export class Client implements AsyncDisposable {
  readonly #tab: Tab;
  readonly #streams: Set<EventStream>;
  #closed = false;

  private constructor(tab: Tab, streams: Set<EventStream>) {
    this.#tab = tab;
    this.#streams = streams;
  }

  /**
   * Opens the store, or joins the tab that has it open. It connects by itself if the device belongs to an account.
   *
   * A store is made only where there never was one. Codes: `configuration`, `storage_unavailable` (no private file system
   * here: an old browser, or a page that is not served over TLS), `key_missing`, `store_missing`, `disk_full`, and those of a
   * store that does not open.
   */
  static async open(options: OpenOptions): Promise<Client> {
    if (!("locks" in navigator)) {
      throw toError(errorInfo("storage_unavailable", "the page is not a secure context: serve it over https or from this machine"));
    }
    const inMemory = options.inMemory ?? false;
    const url = wasmUrl();
    const leader: LeaderOptions = {
      spawn: spawnWorker,
      ...logging(),
      relay: options.relay,
      // What lies in one tab's memory is of no use to another.
      store: inMemory ? `memory-${crypto.randomUUID()}` : (options.store ?? "default"),
      inMemory,
      dangerAllowHttp: options.dangerAllowHttp ?? false,
      startOffline: options.startOffline ?? false,
      ...(options.giveUpAfterMs === undefined ? {} : { giveUpAfterMs: options.giveUpAfterMs }),
      ...(options.sessionPolicy === undefined ? {} : { sessionPolicy: options.sessionPolicy }),
      ...(url === undefined ? {} : { wasmUrl: url }),
      // A copy: the app may wipe its own, and a later worker needs the key again.
      ...(options.key === undefined ? {} : { key: options.key.slice() }),
      ...(options.keyStore === undefined ? {} : { keyStore: options.keyStore }),
      ...(options.onWaiting === undefined ? {} : { onWaiting: options.onWaiting }),
    };
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(leader.store)) {
      throw toError(errorInfo("configuration", "a store's name has up to 64 letters, digits, _ and -"));
    }
    if (options.key && options.key.length !== KEY_BYTES) {
      throw toError(errorInfo("configuration", `the store's key has ${KEY_BYTES} bytes, not ${options.key.length}`));
    }
    // Asked for here, because a worker cannot; the browser decides, and may ask the user.
    if (!inMemory) void navigator.storage?.persist?.().catch(() => false);
    const streams = new Set<EventStream>();
    const tab = new Tab(leader, (event) => tell(streams, event));
    await tab.open(options.signal);
    return new Client(tab, streams);
  }

  /** Whose device this is, once it is registered or linked. */
  account(): Account | undefined {
    return this.#tab.status.account;
  }

  /** Where the connection stands now; the event `connection` tells of changes. */
  connection(): ConnectionState {
    return this.#tab.status.connection;
  }

  /** The longest text of one message, in bytes of UTF-8. */
  maxTextBytes(): number {
    return this.#tab.status.maxTextBytes;
  }

  /** Whether this tab holds the store now. Nothing but curiosity needs it. */
  leads(): boolean {
    return this.#tab.leads;
  }

  /** Everything that happens from now on, in every tab the same. */
  events(): EventStream {
    const stream = new EventStream((ended) => this.#streams.delete(ended));
    if (this.#closed) stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** Makes the account of this user, with this device as its first. Only a relay in dev mode takes anybody's word for who they are. `account_exists`: link this device instead. */
  register(user: string, options?: CallOptions): Promise<number> {
    return this.#call("register", [user], options);
  }

  /** Makes the account of this user, whom the platform's token names. */
  registerWithPlatformToken(user: string, token: string, options?: CallOptions): Promise<number> {
    return this.#call("registerWithPlatformToken", [user, token], options);
  }

  /** Begins to make this device one of an existing account. Show the code to one of its devices, then call `finish`. */
  async startLinking(options?: CallOptions): Promise<Linking> {
    return new Linking(this.#tab, await this.#call<string>("startLinking", [], options));
  }

  /** Lets the device that shows this code into the account, if `confirm` says yes. Codes: `link_code_invalid`, `link_expired`, `link_declined`, `link_tampered`, `device_limit`. */
  linkDevice(code: string, confirm: (device: AddDevice) => boolean | Promise<boolean>, options: CallOptions = {}): Promise<number> {
    return this.#call("linkDevice", [code], { ...options, confirm: (question) => confirm(question as AddDevice) });
  }

  /** Gives up the linking that is under way, on either side. */
  cancelLinking(options?: CallOptions): Promise<void> {
    return this.#call("cancelLinking", [], options);
  }

  /** Connects, and stays connected from now on. */
  goOnline(options?: CallOptions): Promise<void> {
    return this.#call("goOnline", [], options);
  }

  /** Disconnects, and stays offline from now on. Messages can be sent all the same: they wait. */
  goOffline(options?: CallOptions): Promise<void> {
    return this.#call("goOffline", [], options);
  }

  /** Whatever waits for its next try is tried now. The browser's own `online` event is heard already. */
  networkChanged(options?: CallOptions): Promise<void> {
    return this.#call("networkChanged", [], options);
  }

  /**
   * Believes the changed account key of a user, by the `listHash` of the event that the person was asked about, over another way: what
   * waited for it is sent. `list_not_offered` if another list is offered by now; the event comes again.
   */
  acceptAccountKey(user: string, listHash: string, options?: CallOptions): Promise<void> {
    return this.#call("acceptAccountKey", [user, listHash], options);
  }

  /** The thread of this user with another one, or with themselves. Needs no network. */
  directThread(user: string, options?: CallOptions): Promise<string> {
    return this.#call("directThread", [user], options);
  }

  /**
   * Sends words: durable here when the promise is resolved, on their way from then on, also across restarts.
   * Codes: `empty_text`, `text_too_long`, `unknown_thread`, `not_registered`, `ttl_invalid`,
   * `invalid_id` (a key that has not 16 bytes), `send_key_reused` (one that named another message).
   */
  sendText(thread: string, text: string, options: SendOptions = {}): Promise<Message> {
    const { signal, ...how } = options;
    return this.#call("sendText", [thread, text, { ...how, key: how.key ?? sendKey() }], { signal });
  }

  /**
   * Encrypts and uploads a file, then sends a message that points to it: durable here when the promise is resolved.
   *
   * A stream needs `size`. A blob is read anew when another tab takes over; a stream cannot be. Codes:
   * `attachment_too_large`, `attachment_source`, `attachment_transfer`, `network`, and those of `sendText`.
   */
  sendAttachment(
    thread: string,
    file: Blob | Uint8Array | ReadableStream<Uint8Array>,
    options: AttachmentOptions = {},
  ): Promise<Message> {
    const { signal, onProgress, ...about } = options;
    const source = file instanceof Uint8Array ? new Blob([file as Uint8Array<ArrayBuffer>]) : file;
    if (source instanceof Blob) {
      about.size = source.size;
      if (source.type !== "") about.mime ??= source.type;
      if (source instanceof File) about.name ??= source.name;
    } else if (!(source instanceof ReadableStream)) {
      return Promise.reject(toError(errorInfo("configuration", "what is sent is a Blob, a Uint8Array or a ReadableStream")));
    } else if (about.size === undefined) {
      return Promise.reject(toError(errorInfo("configuration", "a stream needs its `size` in bytes")));
    }
    return this.#call("sendAttachment", [thread, { ...about, key: about.key ?? sendKey() }], { signal, onProgress, source });
  }

  /** The bytes of a message's attachment: all of them, as they were sent. Codes: `no_attachment`, `attachment_gone`, `attachment_tampered`, `attachment_transfer`, `network`. */
  async downloadAttachment(message: Message, options: DownloadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const sink = (bytes: Uint8Array): void => {
      chunks.push(bytes);
      size += bytes.length;
    };
    await this.#call("downloadAttachment", [message.localId], { ...options, sink });
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /**
   * Writes a message's attachment, chunk by chunk, as fast as the writer takes it. Every chunk is authentic before it is
   * written, but only success says that all of them are there: throw away what was written otherwise. The stream is neither
   * closed nor aborted. One more code: `attachment_sink`.
   */
  async downloadAttachmentTo(message: Message, writable: WritableStream<Uint8Array>, options: DownloadOptions = {}): Promise<void> {
    const writer = writable.getWriter();
    try {
      await this.#call("downloadAttachment", [message.localId], { ...options, sink: (bytes) => writer.write(bytes) });
    } finally {
      writer.releaseLock();
    }
  }

  /** Tries a message that failed once more, under the same number. Codes: `unknown_message`, `not_failed`, `repeat_too_late`. */
  retry(localId: number, options?: CallOptions): Promise<Message> {
    return this.#call("retry", [localId], options);
  }

  /** Does not send a message after all. Codes: `unknown_message`, `already_sent`. */
  cancel(localId: number, options?: CallOptions): Promise<Message> {
    return this.#call("cancel", [localId], options);
  }

  /** Takes in everything that waits for this device at the relay, without a socket. How many events that were. */
  fetchQueue(options?: CallOptions): Promise<number> {
    return this.#call("fetchQueue", [], options);
  }

  /** Goes through a thread's history at the relay from where this device left off; how many messages were new. */
  syncThread(thread: string, options?: CallOptions): Promise<number> {
    return this.#call("syncThread", [thread], options);
  }

  /** A page of a thread, newest first: the newest, or those before the message with this local id. */
  messages(thread: string, before?: number, limit = 50, options?: CallOptions): Promise<Message[]> {
    return this.#call("messages", [thread, before, limit], options);
  }

  /** One message by its local id. */
  message(localId: number, options?: CallOptions): Promise<Message | undefined> {
    return this.#call("message", [localId], options);
  }

  /** The threads, the one with the newest message first: from the top, or those after the thread with this id. */
  threads(after?: string, limit = 50, options?: CallOptions): Promise<Thread[]> {
    return this.#call("threads", [after, limit], options);
  }

  /** The messages that hold every word of `text`, newest first; in one thread or in all; the newest, or those before a message. */
  search(text: string, thread?: string, before?: number, limit = 50, options?: CallOptions): Promise<Message[]> {
    return this.#call("search", [text, thread, before, limit], options);
  }

  /** How many messages this device holds, in one thread or in all. */
  countMessages(thread?: string, options?: CallOptions): Promise<number> {
    return this.#call("countMessages", [thread], options);
  }

  /** A page of the inbox: the threads with the newest messages, or those that come after a page's `next`. */
  inbox(limit = 50, after?: string, options?: CallOptions): Promise<InboxPage> {
    return this.#call("inbox", [limit, after], options);
  }

  /** One thread as the inbox shows it. */
  inboxThread(thread: string, options?: CallOptions): Promise<InboxThread | undefined> {
    return this.#call("inboxThread", [thread], options);
  }

  /** Messages of others that no device of this account has read, in all threads. */
  countUnread(options?: CallOptions): Promise<number> {
    return this.#call("countUnread", [], options);
  }

  /** Everything in a thread up to this message is read, or up to its newest. Codes: `unknown_thread`, `unknown_message`, `not_registered`. */
  markRead(thread: string, upTo?: string, options?: CallOptions): Promise<void> {
    return this.#call("markRead", [thread, upTo], options);
  }

  /** How far a message of this account is with each recipient. Code: `unknown_message`. */
  receipts(localId: number, options?: CallOptions): Promise<Receipt[]> {
    return this.#call("receipts", [localId], options);
  }

  /** The settings of the account, as the relay last told this device. */
  settings(options?: CallOptions): Promise<AccountSettings> {
    return this.#call("settings", [], options);
  }

  /** Sets them all; gives what holds now. Needs the relay. */
  setSettings(settings: AccountSettings, options?: CallOptions): Promise<AccountSettings> {
    return this.#call("setSettings", [settings], options);
  }

  /** Takes no more 1:1 messages from a user; they are told no reason. Nobody blocks themselves: `own_user`. Needs the relay. */
  block(user: string, options?: CallOptions): Promise<void> {
    return this.#call("block", [user], options);
  }

  /** Takes messages from a user again. Needs the relay. */
  unblock(user: string, options?: CallOptions): Promise<void> {
    return this.#call("unblock", [user], options);
  }

  /** Whom this account blocks, by id. Needs the relay. */
  blockedUsers(options?: CallOptions): Promise<string[]> {
    return this.#call("blockedUsers", [], options);
  }

  /** Whether and of what a thread notifies, on all devices of the account; gives what holds now. Needs the relay. */
  setThreadPreferences(thread: string, preferences: ThreadPreferences, options?: CallOptions): Promise<ThreadPreferences> {
    return this.#call("setThreadPreferences", [thread, preferences], options);
  }

  /** The registered devices of this account. Needs the relay. */
  ownDevices(options?: CallOptions): Promise<OwnDevice[]> {
    return this.#call("ownDevices", [], options);
  }

  /** The protocol version of the session that messages for a device go in: 4 is PQXDH, 3 X3DH; nothing where there is no session yet. Of this account's other devices too. */
  sessionProtocol(user: string, device: number, options?: CallOptions): Promise<number | undefined> {
    return this.#call("sessionProtocol", [user, device], options);
  }

  /** Lets one of the account's devices do nothing any more at the relay, at once and for ever. Needs the relay. */
  disableDevice(device: number, options?: CallOptions): Promise<void> {
    return this.#call("disableDevice", [device], options);
  }

  /** Takes one of the account's other devices out of its signed list: everybody leaves it out from then on. Needs the relay. Codes: `unknown_device`, `own_device`, `account_key_missing`, `device_list_conflict`. */
  removeDevice(device: number, options?: CallOptions): Promise<void> {
    return this.#call("removeDevice", [device], options);
  }

  /** Tells of typing and presence in these threads, and in no others any more: those that are on the screen. Code: `too_many_threads` (more than 20). */
  watchThreads(threads: string[], options?: CallOptions): Promise<void> {
    return this.#call("watchThreads", [threads], options);
  }

  /** Says that this user types; call it with every keystroke. */
  setTyping(thread: string, typing: boolean, options?: CallOptions): Promise<void> {
    return this.#call("setTyping", [thread, typing], options);
  }

  /** Says whether the app is in use on this device. */
  setPresence(online: boolean, options?: CallOptions): Promise<void> {
    return this.#call("setPresence", [online], options);
  }

  /** Waits until the client is connected and everything that was queued for it is here: for ever while it is offline. */
  waitUntilCaughtUp(options?: CallOptions): Promise<void> {
    return this.#call("waitUntilCaughtUp", [], options);
  }

  /** Waits until the relay has a message of this device. Codes: `message_failed`, `message_cancelled`. */
  waitUntilSent(localId: number, options?: CallOptions): Promise<Message> {
    return this.#call("waitUntilSent", [localId], options);
  }

  /** Ends the client in this tab: event streams end, every later call gives the code `closed`. The last tab closes the store. */
  async close(): Promise<void> {
    await this.#tab.close();
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #call<T>(method: string, args: unknown[], parts: CallParts | CallOptions = {}): Promise<T> {
    return this.#tab.call(method, args, parts) as Promise<T>;
  }
}

function tell(streams: Set<EventStream>, event: Event): void {
  // Each its own: what one reader counts up is not another's.
  for (const stream of streams) stream.push(event.type === "lagged" ? { ...event } : event);
}
