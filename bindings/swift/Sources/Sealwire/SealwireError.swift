// Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.
import Foundation
import SealwireCore

/// Why an operation failed. What it was to do was not done, unless ``text`` says otherwise.
///
/// ```swift
/// } catch let error as SealwireError where error.code == .textTooLong {
///     show("at most \(error.fields.maxBytes ?? 0) bytes")
/// }
/// ```
public struct SealwireError: Error, Sendable, Hashable, LocalizedError, CustomStringConvertible {
    private let info: ErrorInfo

    init(info: ErrorInfo) {
        self.info = info
    }

    /// Stable, the same in every language.
    public var code: Code { Code(rawValue: info.code) }

    /// What it is about.
    public var group: ErrorGroup { info.group }

    /// What happened and what to do, for a developer.
    public var text: String { info.text }

    /// This error in its own words, with what lies behind it.
    public var detail: String { info.detail }

    /// Whether the same call may succeed later.
    public var retryable: Bool { info.retryable }

    /// Not before so many milliseconds, where the relay said so.
    public var retryAfterMs: Int64? { info.retryAfterMs }

    /// Every value of this error; those that its code does not have are nil.
    public var fields: ErrorFields { info.fields }

    public var description: String { "\(info.text) [\(info.code): \(info.detail)]" }

    public var errorDescription: String? { description }

    /// What a program decides by. Later versions may have codes that are not named here.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }
}

// The client itself: how it was opened, and that it lives.
extension SealwireError.Code {
    /// The client is closed: open another.
    public static let closed = Self(rawValue: "closed")

    /// The client is suspended: resume it first. An attachment that was on its way was not sent, a linking is over; messages lie in the outbox.
    public static let suspended = Self(rawValue: "suspended")

    /// The client cannot be opened like this: put right what the reason names. Fields: `reason`.
    public static let configuration = Self(rawValue: "configuration")

    /// Another process speaks for this device: ask it, or try again when it has ended.
    public static let networkRoleTaken = Self(rawValue: "network_role_taken")

    /// The system gave no threads, timers or randomness: try again later. Fields: `reason`.
    public static let system = Self(rawValue: "system")

    /// A fault of the SDK; what is durable is unharmed. Please report it. Fields: `reason`.
    public static let `internal` = Self(rawValue: "internal")
}

// The store's file and its key.
extension SealwireError.Code {
    /// The key store did not work: see its reason, and try again when it does. Fields: `reason`.
    public static let keyStore = Self(rawValue: "key_store")

    /// There is a file where the store is to be, and no key to it in the key store: put the key back, or become a new device with another file. Nothing was changed.
    public static let keyMissing = Self(rawValue: "key_missing")

    /// The key does not open this store: look for the right key, or restore the file. Nothing was changed.
    public static let storeWrongKey = Self(rawValue: "store_wrong_key")

    /// This file is not a store: choose another path. Nothing was changed.
    public static let storeForeign = Self(rawValue: "store_foreign")

    /// The key is of a store that is not in this place: name the right file, or become a new device with another key store.
    public static let storeMissing = Self(rawValue: "store_missing")

    /// The store is damaged: become a new device. Fields: `reason`.
    public static let storeCorrupt = Self(rawValue: "store_corrupt")

    /// The store was written by a newer version: update the app. Fields: `found`, `expected`.
    public static let storeNewer = Self(rawValue: "store_newer")

    /// The store is an old copy, and its sessions must not be used again: become a new device. Fields: `found`, `expected`.
    public static let storeRolledBack = Self(rawValue: "store_rolled_back")

    /// This process has the store open already: close the other client first.
    public static let storeInUse = Self(rawValue: "store_in_use")

    /// Another process writes, or the system denies access as on a locked phone: try again later.
    public static let storeLocked = Self(rawValue: "store_locked")

    /// The file system refused the store's file: see its reason. Fields: `reason`.
    public static let storeIo = Self(rawValue: "store_io")

    /// This browser or window has no private file system to keep a store in: use another, or ask for a store in memory. Fields: `reason`.
    public static let storageUnavailable = Self(rawValue: "storage_unavailable")

    /// No room: free some space and try again. Nothing was changed.
    public static let diskFull = Self(rawValue: "disk_full")
}

// The way to the relay, and whether it can serve now.
extension SealwireError.Code {
    /// The relay cannot be reached: try again when there is a network. Fields: `reason`.
    public static let network = Self(rawValue: "network")

    /// The client is offline by the app's wish: go online first.
    public static let offline = Self(rawValue: "offline")

    /// What answered is not the relay, or not of its contract: look at the relay's address and at what stands before it. Fields: `status`.
    public static let relayGarbage = Self(rawValue: "relay_garbage")

    /// The relay cannot do it now; nothing was stored. Try again. Fields: `status`.
    public static let unavailable = Self(rawValue: "unavailable")

    /// Too many requests: try again after the time that is named.
    public static let rateLimited = Self(rawValue: "rate_limited")

    /// The request did not reach the relay in time: try again.
    public static let requestTimeout = Self(rawValue: "request_timeout")

    /// The relay has no room; nothing was stored. Try again later.
    public static let storageFull = Self(rawValue: "storage_full")
}

// The account and its devices.
extension SealwireError.Code {
    /// This device belongs to no account yet: register or link it first.
    public static let notRegistered = Self(rawValue: "not_registered")

    /// This device already belongs to an account: another one needs another store.
    public static let alreadyRegistered = Self(rawValue: "already_registered")

    /// The account exists: link this device from one of its devices.
    public static let accountExists = Self(rawValue: "account_exists")

    /// The relay makes accounts only for a token of the platform: register with one.
    public static let platformTokenRequired = Self(rawValue: "platform_token_required")

    /// This device was removed from its account, or disabled: become a new device.
    public static let deviceRevoked = Self(rawValue: "device_revoked")

    /// This is the device that is asked: remove it from another one, or disable it.
    public static let ownDevice = Self(rawValue: "own_device")

    /// This is the account's own user, who cannot be blocked: name somebody else.
    public static let ownUser = Self(rawValue: "own_user")

    /// The account's list holds no such device: look at own_devices.
    public static let unknownDevice = Self(rawValue: "unknown_device")

    /// The account has as many devices as it may: remove one first. Fields: `max`.
    public static let deviceLimit = Self(rawValue: "device_limit")

    /// The relay's device list of this user does not hold: nothing is sent to devices that it names. Fields: `userId`, `reason`.
    public static let deviceListInvalid = Self(rawValue: "device_list_invalid")

    /// Another device list of this user is offered by now, or none: nothing was accepted. Compare again, and accept what the last event names.
    public static let listNotOffered = Self(rawValue: "list_not_offered")

    /// This device does not hold the account key yet: try from another device of the account.
    public static let accountKeyMissing = Self(rawValue: "account_key_missing")

    /// Not an id, or not the key of a send: the reason says how one is written. Fields: `reason`.
    public static let invalidId = Self(rawValue: "invalid_id")

    /// The token is not valid: get another from the platform.
    public static let unauthorized = Self(rawValue: "unauthorized")

    /// The token has ended: get another.
    public static let tokenExpired = Self(rawValue: "token_expired")

    /// A token of another kind or scope is needed.
    public static let forbidden = Self(rawValue: "forbidden")

    /// The user has no account at this relay.
    public static let userUnknown = Self(rawValue: "user_unknown")
}

// Linking a further device.
extension SealwireError.Code {
    /// That code links no device: scan it again. Fields: `reason`.
    public static let linkCodeInvalid = Self(rawValue: "link_code_invalid")

    /// A linking or a registration is under way already, or no linking is: see the reason. Fields: `reason`.
    public static let linkState = Self(rawValue: "link_state")

    /// The link code is no longer good: show a new one.
    public static let linkExpired = Self(rawValue: "link_expired")

    /// A person said no. Nothing was changed.
    public static let linkDeclined = Self(rawValue: "link_declined")

    /// The linking was interfered with: nothing was linked. Show a new code. Fields: `reason`.
    public static let linkTampered = Self(rawValue: "link_tampered")
}

// A message or its thread.
extension SealwireError.Code {
    /// A message needs at least one character.
    public static let emptyText = Self(rawValue: "empty_text")

    /// Longer than a message can be (of a file: caption, name and type together): shorten it, or send it as a file. Fields: `bytes`, `maxBytes`.
    public static let textTooLong = Self(rawValue: "text_too_long")

    /// A message's time to live is between one second and the most that is named. Fields: `max`.
    public static let ttlInvalid = Self(rawValue: "ttl_invalid")

    /// More threads than are watched at once: watch those on the screen. Fields: `max`.
    public static let tooManyThreads = Self(rawValue: "too_many_threads")

    /// This device does not know that thread: open it with the other user's id first.
    public static let unknownThread = Self(rawValue: "unknown_thread")

    /// This device does not know that message, or it is somebody else's where an own one is meant.
    public static let unknownMessage = Self(rawValue: "unknown_message")

    /// The relay has the message already: it cannot be cancelled any more.
    public static let alreadySent = Self(rawValue: "already_sent")

    /// This key was used for another message, and nothing was queued: send this one under a key of its own.
    public static let sendKeyReused = Self(rawValue: "send_key_reused")

    /// The relay accepted the message more than a day ago: send it anew.
    public static let repeatTooLate = Self(rawValue: "repeat_too_late")

    /// Only a message that failed can be retried.
    public static let notFailed = Self(rawValue: "not_failed")

    /// The message was given up, for the reason that is named. It stands in the thread and may be retried. Fields: `reason`.
    public static let messageFailed = Self(rawValue: "message_failed")

    /// The message was cancelled: nobody got it.
    public static let messageCancelled = Self(rawValue: "message_cancelled")

    /// The message's time to live, or the recipient's queue, ran out first. It may be retried for a day.
    public static let expired = Self(rawValue: "expired")

    /// Tried for a day, and still not at the relay: retry when there is a network.
    public static let gaveUp = Self(rawValue: "gave_up")

    /// The recipient's account key changed and was not accepted for a day: compare it with them, accept it, then retry.
    public static let accountKeyChanged = Self(rawValue: "account_key_changed")

    /// A device of the recipient, or another one of this account, has no post-quantum keys, and the session policy asks for them: nothing was sent. Retry when that device is updated.
    public static let postQuantumKeysMissing = Self(rawValue: "post_quantum_keys_missing")

    /// One of the two has blocked the other.
    public static let blocked = Self(rawValue: "blocked")

    /// The user does not take direct messages from this one.
    public static let directMessagesClosed = Self(rawValue: "direct_messages_closed")

    /// This user is not in the thread.
    public static let notAParticipant = Self(rawValue: "not_a_participant")
}

// A file.
extension SealwireError.Code {
    /// What the attachment is read from ended early, held more than announced, or could not be read. Fields: `reason`.
    public static let attachmentSource = Self(rawValue: "attachment_source")

    /// What the attachment is written to did not take it: throw away what was written. Fields: `reason`.
    public static let attachmentSink = Self(rawValue: "attachment_sink")

    /// Larger than this relay takes: send a smaller one. Fields: `bytes`.
    public static let attachmentTooLarge = Self(rawValue: "attachment_too_large")

    /// Made by a newer version of the SDK: update the app. Fields: `reason`.
    public static let attachmentUnsupported = Self(rawValue: "attachment_unsupported")

    /// The attachment was changed after it was sent: nothing of it may be used.
    public static let attachmentTampered = Self(rawValue: "attachment_tampered")

    /// The relay does not hold the attachment any more: ask its sender for it.
    public static let attachmentGone = Self(rawValue: "attachment_gone")

    /// This message carries no attachment.
    public static let noAttachment = Self(rawValue: "no_attachment")

    /// The bytes of the attachment did not get through: try again. Fields: `reason`.
    public static let attachmentTransfer = Self(rawValue: "attachment_transfer")

    /// The upload was completed with other bytes: send the attachment anew.
    public static let attachmentConflict = Self(rawValue: "attachment_conflict")

    /// The attachment's address has ended: try again.
    public static let urlExpired = Self(rawValue: "url_expired")

    /// The relay takes nothing as large as this.
    public static let tooLarge = Self(rawValue: "too_large")
}

// The relay's contract: client and relay do not fit together, or the client mends it by itself.
extension SealwireError.Code {
    /// The relay says that the request is not of its contract: update relay and app to versions that fit.
    public static let invalidRequest = Self(rawValue: "invalid_request")

    /// The relay could not read the request's body: update relay and app to versions that fit.
    public static let invalidBody = Self(rawValue: "invalid_body")

    /// The relay missed the request's key: update relay and app to versions that fit.
    public static let idempotencyKeyRequired = Self(rawValue: "idempotency_key_required")

    /// A request's key was used for another message. Please report it.
    public static let idempotencyKeyReused = Self(rawValue: "idempotency_key_reused")

    /// The relay never gave out that place in a list: begin at its start.
    public static let invalidCursor = Self(rawValue: "invalid_cursor")

    /// The relay says that a signature, key or signed structure does not hold.
    public static let invalidSignature = Self(rawValue: "invalid_signature")

    /// The thread is not that of the two users.
    public static let threadIdMismatch = Self(rawValue: "thread_id_mismatch")

    /// The relay's challenge is used or too old: try again.
    public static let challengeInvalid = Self(rawValue: "challenge_invalid")

    /// The other user shares no thread with this one.
    public static let noSharedThread = Self(rawValue: "no_shared_thread")

    /// The registration's grant does not hold: link again.
    public static let grantInvalid = Self(rawValue: "grant_invalid")

    /// The registration's grant was used before: link again.
    public static let grantUsed = Self(rawValue: "grant_used")

    /// The relay has nothing of that name.
    public static let notFound = Self(rawValue: "not_found")

    /// The other device has not answered yet.
    public static let slotEmpty = Self(rawValue: "slot_empty")

    /// Somebody else wrote to the linking's mailbox: show a new code.
    public static let slotTaken = Self(rawValue: "slot_taken")

    /// Somebody else read the linking's mailbox: show a new code.
    public static let slotRead = Self(rawValue: "slot_read")

    /// The relay does not know that request: update it.
    public static let methodNotAllowed = Self(rawValue: "method_not_allowed")

    /// A device of that number registered with other keys: link again.
    public static let deviceIdTaken = Self(rawValue: "device_id_taken")

    /// Another change of the device list came first: try again.
    public static let deviceListConflict = Self(rawValue: "device_list_conflict")

    /// The device list names a device that never registered.
    public static let deviceNotRegistered = Self(rawValue: "device_not_registered")

    /// The recipient's devices changed: the client wraps anew by itself.
    public static let deviceMismatch = Self(rawValue: "device_mismatch")

    /// The message's number was used for another content: send it anew.
    public static let clientSeqConflict = Self(rawValue: "client_seq_conflict")

    /// The message's number was given up: send it anew.
    public static let clientSeqVoid = Self(rawValue: "client_seq_void")

    /// A prekey's id was used before: the client skips ahead by itself.
    public static let prekeyIdConflict = Self(rawValue: "prekey_id_conflict")

    /// The recipient's device has run out of one-time keys, and this relay demands one: it is tried again.
    public static let prekeysExhausted = Self(rawValue: "prekeys_exhausted")

    /// The relay reads JSON alone: look at what stands before it.
    public static let unsupportedMediaType = Self(rawValue: "unsupported_media_type")

    /// The attachment is shorter than the message says.
    public static let rangeNotSatisfiable = Self(rawValue: "range_not_satisfiable")

    /// The request is against the contract's rules. Please report it.
    public static let unprocessable = Self(rawValue: "unprocessable")

    /// The relay gave a code of a later version: update the app.
    public static let unknown = Self(rawValue: "unknown")
}
