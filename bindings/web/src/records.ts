/**
 * The plain data that goes in and comes out, the same in every language that Sealwire speaks. Ids are strings, times are
 * milliseconds since the Unix epoch, sizes and counts are numbers.
 */

/** A device of an account. */
export interface Account {
  /** Whose. */
  user: string;
  /** Which. */
  device: number;
}

/** One message as this device holds it. */
export interface Message {
  /** Names it on this device, for ever. */
  localId: number;
  /** Its place in the thread; none until the relay has accepted it. */
  id?: string;
  thread: string;
  sender: string;
  senderDevice: number;
  /** That device's number of it. */
  clientSeq: number;
  content: MessageContent;
  state: MessageState;
  /** The relay's clock when it accepted it; this device's clock until then. */
  createdAtMs: number;
  /** How long it lives, from when the relay accepted it; none: for ever. */
  ttlSeconds?: number;
}

/** What a message says. */
export type MessageContent =
  | { type: "text"; text: string }
  | { type: "attachment"; file: AttachmentFacts; caption: string }
  /** Of a later version: kept, and shown when this client can. */
  | { type: "unknown" }
  | { type: "unreadable"; reason: UnreadableReason }
  /** Nothing any more: it was cancelled, or its time to live is over. */
  | { type: "removed" };

/** Why a message could not be read. */
export type UnreadableReason =
  | "noSession"
  | "prekeyMissing"
  | "envelopeTampered"
  | "ciphertextTampered"
  | "misplaced"
  | "unfrankable"
  | "malformed"
  | "unknownDevice"
  | "deviceRevoked"
  | "identityChanged"
  | "deviceListRollback"
  | "keyReused"
  | "unknownVersion"
  | "tooFarAhead"
  | "noLongerHeld"
  | "expired"
  | "other";

/** A file, as its sender describes it. Its bytes are fetched with `downloadAttachment`. */
export interface AttachmentFacts {
  id: string;
  /** Plain bytes. */
  size: number;
  /** A hint of the sender, never to be trusted. */
  mime: string;
  /** May be empty. */
  name: string;
  media: MediaFacts;
}

/** What a reader may show of a picture, video or voice message before it is there. */
export interface MediaFacts {
  /** In pixels. */
  width?: number;
  /** In pixels. */
  height?: number;
  durationMs?: number;
  /** A blurred preview in a few characters. */
  blurhash?: string;
  /** Loudness over time: 64 values. */
  waveform?: Uint8Array;
}

/** How far a message got. */
export type MessageState =
  | { type: "pending" }
  | { type: "sent" }
  | { type: "delivered" }
  | { type: "read" }
  /** Given up, or it did not reach a recipient. */
  | { type: "failed"; code: string }
  | { type: "cancelling" }
  | { type: "cancelled" }
  /** Of somebody else. */
  | { type: "received" }
  | { type: "other" };

/** A thread that this device knows. */
export interface Thread {
  id: string;
  /** The other user of a direct thread. */
  user?: string;
  lastActivityMs: number;
}

/** One page of the inbox. */
export interface InboxPage {
  /** The thread with the newest message first. */
  threads: InboxThread[];
  /** Where the next page begins; none at the end. */
  next?: string;
}

/** A thread as the inbox shows it. */
export interface InboxThread {
  id: string;
  user?: string;
  lastMessage?: Message;
  lastSent?: Message;
  /** Messages of others that no device of this account has read. */
  unread: number;
  readUpTo?: string;
  preferences: ThreadPreferences;
  lastActivityMs: number;
}

/** What a new session must have. Sessions that are held go on until the other device speaks PQXDH. */
export type SessionPolicy =
  /** A post-quantum part (PQXDH): devices that publish no KEM prekey are neither written to nor read in a new session, and messages for them wait. */
  | "requirePqxdh"
  /** With such devices sessions may begin too (X3DH); with devices whose signed list says that they speak PQXDH it changes nothing. */
  | "allowX3dh";

/** What this account wants of a thread. */
export interface ThreadPreferences {
  mutedUntilMs?: number;
  notifications: "all" | "mentions" | "nothing";
}

/** What this account lets others do and see. */
export interface AccountSettings {
  directMessages: "everyone" | "followers" | "verified" | "nobody";
  readReceipts: boolean;
  presence: boolean;
}

/** How far a message is with one recipient. */
export interface Receipt {
  user: string;
  state: "sent" | "delivered" | "read" | "failed";
  deliveredAtMs?: number;
  readAtMs?: number;
  failedAtMs?: number;
  reason?: "expired" | "blocked" | "unknown";
}

/** One registered device of this account. */
export interface OwnDevice {
  device: number;
  /** Whether the newest device list holds it. */
  active: boolean;
  registeredAtMs: number;
  disabledAtMs?: number;
}

/** On the new device: is this the account that it is to join? */
export interface JoinAccount {
  user: string;
  /** The number that this device would have in it. */
  device: number;
}

/** On the existing device: may this device join the account, and read its messages from now on? */
export interface AddDevice {
  device: number;
  /** Its public identity key. */
  identityKey: Uint8Array;
}

/** How far a transfer got, in encrypted bytes. */
export interface Progress {
  done: number;
  total: number;
}

/** Where the connection stands. */
export type ConnectionState =
  /** Nothing is tried, or the next try is due later. */
  | { type: "offline"; nextTryAtMs?: number }
  | { type: "refused"; code: string; nextTryAtMs: number }
  | { type: "connecting" }
  | { type: "catchingUp" }
  | { type: "online" }
  /** Another instance took this device's place at the relay. */
  | { type: "replaced" }
  /** Another tab holds the store and does not answer; calls wait for it. On the web alone. */
  | { type: "waitingForTab" };

/** Something that happened. It only notifies: the store holds what it says. */
export type Event =
  | {
      type:
        | "messageQueued"
        | "messageSent"
        | "messageFailed"
        | "messageCancelled"
        | "messageDelivered"
        | "messageRead"
        | "messageReceived"
        | "messageUnreadable"
        | "messageRecovered"
        | "messageExpired";
      message: Message;
    }
  | { type: "marksMoved"; thread: string; user: string; deliveredUpTo?: string; readUpTo?: string }
  | { type: "inboxChanged"; thread: string }
  | { type: "settingsChanged"; settings: AccountSettings }
  | { type: "removalRefused"; thread: string; messageId: string }
  | { type: "duplicateDropped"; thread: string; sender: string; device: number }
  | { type: "frameRefused" }
  | { type: "messageMissing"; thread: string; sender: string; device: number; clientSeq: number }
  | { type: "messageReordered"; thread: string; sender: string; device: number; clientSeq: number }
  | { type: "devicesChanged"; user: string; version: number }
  | { type: "accountKeyChanged"; user: string; listHash: string }
  | { type: "deviceListRollback"; user: string }
  | { type: "relayInconsistent"; user: string; device: number }
  | { type: "catchUp"; done: number; total: number }
  | { type: "caughtUp" }
  | { type: "queueExpired" }
  | { type: "typing"; thread: string; user: string; typing: boolean }
  | { type: "presence"; user: string; online: boolean; lastSeenMs?: number }
  | { type: "connection"; state: ConnectionState }
  | { type: "deviceLinked"; device: number }
  | { type: "deviceRevoked" }
  /**
   * So many events are missing in this place, because the reader was slow. 0: the tab that led ended without a word, and
   * what it last said may be missing. The store has what they said: read anew.
   */
  | { type: "lagged"; missed: number }
  /** Of a later version. */
  | { type: "other" };
