/** Every error code, what it is about, and what to do. */

// Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.

/** What an error is about. */
export type ErrorGroup = "client" | "store" | "network" | "account" | "linking" | "message" | "attachment" | "contract";

/** A row of the table. */
export interface ErrorRow {
  readonly group: ErrorGroup;
  readonly retryable: boolean;
  readonly text: string;
}

/** @internal */
export const ERRORS = {
  closed: {
    group: "client",
    retryable: false,
    text: "The client is closed: open another.",
  },
  suspended: {
    group: "client",
    retryable: true,
    text: "The client is suspended: resume it first. An attachment that was on its way was not sent, a linking is over; messages lie in the outbox.",
  },
  configuration: {
    group: "client",
    retryable: false,
    text: "The client cannot be opened like this: put right what the reason names.",
  },
  network_role_taken: {
    group: "client",
    retryable: true,
    text: "Another process speaks for this device: ask it, or try again when it has ended.",
  },
  system: {
    group: "client",
    retryable: true,
    text: "The system gave no threads, timers or randomness: try again later.",
  },
  internal: {
    group: "client",
    retryable: false,
    text: "A fault of the SDK; what is durable is unharmed. Please report it.",
  },
  key_store: {
    group: "store",
    retryable: true,
    text: "The key store did not work: see its reason, and try again when it does.",
  },
  key_missing: {
    group: "store",
    retryable: false,
    text: "There is a file where the store is to be, and no key to it in the key store: put the key back, or become a new device with another file. Nothing was changed.",
  },
  store_wrong_key: {
    group: "store",
    retryable: false,
    text: "The key does not open this store: look for the right key, or restore the file. Nothing was changed.",
  },
  store_foreign: {
    group: "store",
    retryable: false,
    text: "This file is not a store: choose another path. Nothing was changed.",
  },
  store_missing: {
    group: "store",
    retryable: false,
    text: "The key is of a store that is not in this place: name the right file, or become a new device with another key store.",
  },
  store_corrupt: {
    group: "store",
    retryable: false,
    text: "The store is damaged: become a new device.",
  },
  store_newer: {
    group: "store",
    retryable: false,
    text: "The store was written by a newer version: update the app.",
  },
  store_rolled_back: {
    group: "store",
    retryable: false,
    text: "The store is an old copy, and its sessions must not be used again: become a new device.",
  },
  store_in_use: {
    group: "store",
    retryable: true,
    text: "This process has the store open already: close the other client first.",
  },
  store_locked: {
    group: "store",
    retryable: true,
    text: "Another process writes, or the system denies access as on a locked phone: try again later.",
  },
  store_io: {
    group: "store",
    retryable: false,
    text: "The file system refused the store's file: see its reason.",
  },
  storage_unavailable: {
    group: "store",
    retryable: false,
    text: "This browser or window has no private file system to keep a store in: use another, or ask for a store in memory.",
  },
  disk_full: {
    group: "store",
    retryable: true,
    text: "No room: free some space and try again. Nothing was changed.",
  },
  network: {
    group: "network",
    retryable: true,
    text: "The relay cannot be reached: try again when there is a network.",
  },
  offline: {
    group: "network",
    retryable: true,
    text: "The client is offline by the app's wish: go online first.",
  },
  relay_garbage: {
    group: "network",
    retryable: true,
    text: "What answered is not the relay, or not of its contract: look at the relay's address and at what stands before it.",
  },
  unavailable: {
    group: "network",
    retryable: true,
    text: "The relay cannot do it now; nothing was stored. Try again.",
  },
  rate_limited: {
    group: "network",
    retryable: true,
    text: "Too many requests: try again after the time that is named.",
  },
  request_timeout: {
    group: "network",
    retryable: true,
    text: "The request did not reach the relay in time: try again.",
  },
  storage_full: {
    group: "network",
    retryable: true,
    text: "The relay has no room; nothing was stored. Try again later.",
  },
  not_registered: {
    group: "account",
    retryable: false,
    text: "This device belongs to no account yet: register or link it first.",
  },
  already_registered: {
    group: "account",
    retryable: false,
    text: "This device already belongs to an account: another one needs another store.",
  },
  account_exists: {
    group: "account",
    retryable: false,
    text: "The account exists: link this device from one of its devices.",
  },
  platform_token_required: {
    group: "account",
    retryable: false,
    text: "The relay makes accounts only for a token of the platform: register with one.",
  },
  device_revoked: {
    group: "account",
    retryable: false,
    text: "This device was removed from its account, or disabled: become a new device.",
  },
  own_device: {
    group: "account",
    retryable: false,
    text: "This is the device that is asked: remove it from another one, or disable it.",
  },
  own_user: {
    group: "account",
    retryable: false,
    text: "This is the account's own user, who cannot be blocked: name somebody else.",
  },
  unknown_device: {
    group: "account",
    retryable: false,
    text: "The account's list holds no such device: look at own_devices.",
  },
  device_limit: {
    group: "account",
    retryable: false,
    text: "The account has as many devices as it may: remove one first.",
  },
  device_list_invalid: {
    group: "account",
    retryable: false,
    text: "The relay's device list of this user does not hold: nothing is sent to devices that it names.",
  },
  list_not_offered: {
    group: "account",
    retryable: false,
    text: "Another device list of this user is offered by now, or none: nothing was accepted. Compare again, and accept what the last event names.",
  },
  account_key_missing: {
    group: "account",
    retryable: false,
    text: "This device does not hold the account key yet: try from another device of the account.",
  },
  invalid_id: {
    group: "account",
    retryable: false,
    text: "Not an id, or not the key of a send: the reason says how one is written.",
  },
  unauthorized: {
    group: "account",
    retryable: false,
    text: "The token is not valid: get another from the platform.",
  },
  token_expired: {
    group: "account",
    retryable: true,
    text: "The token has ended: get another.",
  },
  forbidden: {
    group: "account",
    retryable: false,
    text: "A token of another kind or scope is needed.",
  },
  user_unknown: {
    group: "account",
    retryable: false,
    text: "The user has no account at this relay.",
  },
  link_code_invalid: {
    group: "linking",
    retryable: false,
    text: "That code links no device: scan it again.",
  },
  link_state: {
    group: "linking",
    retryable: false,
    text: "A linking or a registration is under way already, or no linking is: see the reason.",
  },
  link_expired: {
    group: "linking",
    retryable: false,
    text: "The link code is no longer good: show a new one.",
  },
  link_declined: {
    group: "linking",
    retryable: false,
    text: "A person said no. Nothing was changed.",
  },
  link_tampered: {
    group: "linking",
    retryable: false,
    text: "The linking was interfered with: nothing was linked. Show a new code.",
  },
  empty_text: {
    group: "message",
    retryable: false,
    text: "A message needs at least one character.",
  },
  text_too_long: {
    group: "message",
    retryable: false,
    text: "Longer than a message can be (of a file: caption, name and type together): shorten it, or send it as a file.",
  },
  ttl_invalid: {
    group: "message",
    retryable: false,
    text: "A message's time to live is between one second and the most that is named.",
  },
  too_many_threads: {
    group: "message",
    retryable: false,
    text: "More threads than are watched at once: watch those on the screen.",
  },
  unknown_thread: {
    group: "message",
    retryable: false,
    text: "This device does not know that thread: open it with the other user's id first.",
  },
  unknown_message: {
    group: "message",
    retryable: false,
    text: "This device does not know that message, or it is somebody else's where an own one is meant.",
  },
  already_sent: {
    group: "message",
    retryable: false,
    text: "The relay has the message already: it cannot be cancelled any more.",
  },
  send_key_reused: {
    group: "message",
    retryable: false,
    text: "This key was used for another message, and nothing was queued: send this one under a key of its own.",
  },
  repeat_too_late: {
    group: "message",
    retryable: false,
    text: "The relay accepted the message more than a day ago: send it anew.",
  },
  not_failed: {
    group: "message",
    retryable: false,
    text: "Only a message that failed can be retried.",
  },
  message_failed: {
    group: "message",
    retryable: true,
    text: "The message was given up, for the reason that is named. It stands in the thread and may be retried.",
  },
  message_cancelled: {
    group: "message",
    retryable: false,
    text: "The message was cancelled: nobody got it.",
  },
  expired: {
    group: "message",
    retryable: false,
    text: "The message's time to live, or the recipient's queue, ran out first. It may be retried for a day.",
  },
  gave_up: {
    group: "message",
    retryable: true,
    text: "Tried for a day, and still not at the relay: retry when there is a network.",
  },
  account_key_changed: {
    group: "message",
    retryable: true,
    text: "The recipient's account key changed and was not accepted for a day: compare it with them, accept it, then retry.",
  },
  post_quantum_keys_missing: {
    group: "message",
    retryable: true,
    text: "A device of the recipient, or another one of this account, has no post-quantum keys, and the session policy asks for them: nothing was sent. Retry when that device is updated.",
  },
  blocked: {
    group: "message",
    retryable: false,
    text: "One of the two has blocked the other.",
  },
  direct_messages_closed: {
    group: "message",
    retryable: false,
    text: "The user does not take direct messages from this one.",
  },
  not_a_participant: {
    group: "message",
    retryable: false,
    text: "This user is not in the thread.",
  },
  attachment_source: {
    group: "attachment",
    retryable: false,
    text: "What the attachment is read from ended early, held more than announced, or could not be read.",
  },
  attachment_sink: {
    group: "attachment",
    retryable: false,
    text: "What the attachment is written to did not take it: throw away what was written.",
  },
  attachment_too_large: {
    group: "attachment",
    retryable: false,
    text: "Larger than this relay takes: send a smaller one.",
  },
  attachment_unsupported: {
    group: "attachment",
    retryable: false,
    text: "Made by a newer version of the SDK: update the app.",
  },
  attachment_tampered: {
    group: "attachment",
    retryable: false,
    text: "The attachment was changed after it was sent: nothing of it may be used.",
  },
  attachment_gone: {
    group: "attachment",
    retryable: false,
    text: "The relay does not hold the attachment any more: ask its sender for it.",
  },
  no_attachment: {
    group: "attachment",
    retryable: false,
    text: "This message carries no attachment.",
  },
  attachment_transfer: {
    group: "attachment",
    retryable: true,
    text: "The bytes of the attachment did not get through: try again.",
  },
  attachment_conflict: {
    group: "attachment",
    retryable: false,
    text: "The upload was completed with other bytes: send the attachment anew.",
  },
  url_expired: {
    group: "attachment",
    retryable: true,
    text: "The attachment's address has ended: try again.",
  },
  too_large: {
    group: "attachment",
    retryable: false,
    text: "The relay takes nothing as large as this.",
  },
  invalid_request: {
    group: "contract",
    retryable: false,
    text: "The relay says that the request is not of its contract: update relay and app to versions that fit.",
  },
  invalid_body: {
    group: "contract",
    retryable: false,
    text: "The relay could not read the request's body: update relay and app to versions that fit.",
  },
  idempotency_key_required: {
    group: "contract",
    retryable: false,
    text: "The relay missed the request's key: update relay and app to versions that fit.",
  },
  idempotency_key_reused: {
    group: "contract",
    retryable: false,
    text: "A request's key was used for another message. Please report it.",
  },
  invalid_cursor: {
    group: "contract",
    retryable: false,
    text: "The relay never gave out that place in a list: begin at its start.",
  },
  invalid_signature: {
    group: "contract",
    retryable: false,
    text: "The relay says that a signature, key or signed structure does not hold.",
  },
  thread_id_mismatch: {
    group: "contract",
    retryable: false,
    text: "The thread is not that of the two users.",
  },
  challenge_invalid: {
    group: "contract",
    retryable: true,
    text: "The relay's challenge is used or too old: try again.",
  },
  no_shared_thread: {
    group: "contract",
    retryable: false,
    text: "The other user shares no thread with this one.",
  },
  grant_invalid: {
    group: "contract",
    retryable: false,
    text: "The registration's grant does not hold: link again.",
  },
  grant_used: {
    group: "contract",
    retryable: false,
    text: "The registration's grant was used before: link again.",
  },
  not_found: {
    group: "contract",
    retryable: false,
    text: "The relay has nothing of that name.",
  },
  slot_empty: {
    group: "contract",
    retryable: true,
    text: "The other device has not answered yet.",
  },
  slot_taken: {
    group: "contract",
    retryable: false,
    text: "Somebody else wrote to the linking's mailbox: show a new code.",
  },
  slot_read: {
    group: "contract",
    retryable: false,
    text: "Somebody else read the linking's mailbox: show a new code.",
  },
  method_not_allowed: {
    group: "contract",
    retryable: false,
    text: "The relay does not know that request: update it.",
  },
  device_id_taken: {
    group: "contract",
    retryable: false,
    text: "A device of that number registered with other keys: link again.",
  },
  device_list_conflict: {
    group: "contract",
    retryable: true,
    text: "Another change of the device list came first: try again.",
  },
  device_not_registered: {
    group: "contract",
    retryable: false,
    text: "The device list names a device that never registered.",
  },
  device_mismatch: {
    group: "contract",
    retryable: true,
    text: "The recipient's devices changed: the client wraps anew by itself.",
  },
  client_seq_conflict: {
    group: "contract",
    retryable: false,
    text: "The message's number was used for another content: send it anew.",
  },
  client_seq_void: {
    group: "contract",
    retryable: false,
    text: "The message's number was given up: send it anew.",
  },
  prekey_id_conflict: {
    group: "contract",
    retryable: false,
    text: "A prekey's id was used before: the client skips ahead by itself.",
  },
  prekeys_exhausted: {
    group: "contract",
    retryable: true,
    text: "The recipient's device has run out of one-time keys, and this relay demands one: it is tried again.",
  },
  unsupported_media_type: {
    group: "contract",
    retryable: false,
    text: "The relay reads JSON alone: look at what stands before it.",
  },
  range_not_satisfiable: {
    group: "contract",
    retryable: false,
    text: "The attachment is shorter than the message says.",
  },
  unprocessable: {
    group: "contract",
    retryable: false,
    text: "The request is against the contract's rules. Please report it.",
  },
  unknown: {
    group: "contract",
    retryable: false,
    text: "The relay gave a code of a later version: update the app.",
  },
} as const satisfies Record<string, ErrorRow>;

/** Every code of this version; later ones may add codes. */
export type ErrorCode = keyof typeof ERRORS;
