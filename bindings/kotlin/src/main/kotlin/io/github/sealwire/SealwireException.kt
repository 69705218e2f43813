// Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.
package io.github.sealwire

import io.github.sealwire.core.ErrorFields
import io.github.sealwire.core.ErrorGroup
import io.github.sealwire.core.ErrorInfo

/** Why an operation failed. What it was to do was not done, unless [text] says otherwise. */
public sealed class SealwireException(private val info: ErrorInfo) :
    Exception("${info.text} [${info.code}: ${info.detail}]") {
    /** Stable, the same in every language. */
    public val code: String get() = info.code

    /** What it is about. */
    public val group: ErrorGroup get() = info.group

    /** What happened and what to do, for a developer. */
    public val text: String get() = info.text

    /** This error in its own words, with what lies behind it. */
    public val detail: String get() = info.detail

    /** Whether the same call may succeed later. */
    public val retryable: Boolean get() = info.retryable

    /** Not before so many milliseconds, where the relay said so. */
    public val retryAfterMs: Long? get() = info.retryAfterMs

    /** Every value of this error; those that its code does not have are null. */
    public val fields: ErrorFields get() = info.fields
}

/** A code of a later version. */
public class UnknownCodeException internal constructor(info: ErrorInfo) : SealwireException(info)

/** The client itself: how it was opened, and that it lives. */
public sealed class ClientException(info: ErrorInfo) : SealwireException(info)

/** The client is closed: open another. */
public class ClosedException internal constructor(info: ErrorInfo) : ClientException(info)

/** The client is suspended: resume it first. An attachment that was on its way was not sent, a linking is over; messages lie in the outbox. */
public class SuspendedException internal constructor(info: ErrorInfo) : ClientException(info)

/** The client cannot be opened like this: put right what the reason names. */
public class ConfigurationException internal constructor(info: ErrorInfo) : ClientException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** Another process speaks for this device: ask it, or try again when it has ended. */
public class NetworkRoleTakenException internal constructor(info: ErrorInfo) : ClientException(info)

/** The system gave no threads, timers or randomness: try again later. */
public class SystemException internal constructor(info: ErrorInfo) : ClientException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** A fault of the SDK; what is durable is unharmed. Please report it. */
public class InternalException internal constructor(info: ErrorInfo) : ClientException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The store's file and its key. */
public sealed class StoreException(info: ErrorInfo) : SealwireException(info)

/** The key store did not work: see its reason, and try again when it does. */
public class KeyStoreException internal constructor(info: ErrorInfo) : StoreException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** There is a file where the store is to be, and no key to it in the key store: put the key back, or become a new device with another file. Nothing was changed. */
public class KeyMissingException internal constructor(info: ErrorInfo) : StoreException(info)

/** The key does not open this store: look for the right key, or restore the file. Nothing was changed. */
public class StoreWrongKeyException internal constructor(info: ErrorInfo) : StoreException(info)

/** This file is not a store: choose another path. Nothing was changed. */
public class StoreForeignException internal constructor(info: ErrorInfo) : StoreException(info)

/** The key is of a store that is not in this place: name the right file, or become a new device with another key store. */
public class StoreMissingException internal constructor(info: ErrorInfo) : StoreException(info)

/** The store is damaged: become a new device. */
public class StoreCorruptException internal constructor(info: ErrorInfo) : StoreException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The store was written by a newer version: update the app. */
public class StoreNewerException internal constructor(info: ErrorInfo) : StoreException(info) {
    /** What the store is: its schema, or its generation. */
    public val found: Long? get() = fields.found

    /** What it should be, at most or at least. */
    public val expected: Long? get() = fields.expected
}

/** The store is an old copy, and its sessions must not be used again: become a new device. */
public class StoreRolledBackException internal constructor(info: ErrorInfo) : StoreException(info) {
    /** What the store is: its schema, or its generation. */
    public val found: Long? get() = fields.found

    /** What it should be, at most or at least. */
    public val expected: Long? get() = fields.expected
}

/** This process has the store open already: close the other client first. */
public class StoreInUseException internal constructor(info: ErrorInfo) : StoreException(info)

/** Another process writes, or the system denies access as on a locked phone: try again later. */
public class StoreLockedException internal constructor(info: ErrorInfo) : StoreException(info)

/** The file system refused the store's file: see its reason. */
public class StoreIoException internal constructor(info: ErrorInfo) : StoreException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** This browser or window has no private file system to keep a store in: use another, or ask for a store in memory. */
public class StorageUnavailableException internal constructor(info: ErrorInfo) : StoreException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** No room: free some space and try again. Nothing was changed. */
public class DiskFullException internal constructor(info: ErrorInfo) : StoreException(info)

/** The way to the relay, and whether it can serve now. */
public sealed class NetworkException(info: ErrorInfo) : SealwireException(info)

/** The relay cannot be reached: try again when there is a network. */
public class NoNetworkException internal constructor(info: ErrorInfo) : NetworkException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The client is offline by the app's wish: go online first. */
public class OfflineException internal constructor(info: ErrorInfo) : NetworkException(info)

/** What answered is not the relay, or not of its contract: look at the relay's address and at what stands before it. */
public class RelayGarbageException internal constructor(info: ErrorInfo) : NetworkException(info) {
    /** The HTTP status of the answer. */
    public val status: Long? get() = fields.status
}

/** The relay cannot do it now; nothing was stored. Try again. */
public class UnavailableException internal constructor(info: ErrorInfo) : NetworkException(info) {
    /** The HTTP status of the answer. */
    public val status: Long? get() = fields.status
}

/** Too many requests: try again after the time that is named. */
public class RateLimitedException internal constructor(info: ErrorInfo) : NetworkException(info)

/** The request did not reach the relay in time: try again. */
public class RequestTimeoutException internal constructor(info: ErrorInfo) : NetworkException(info)

/** The relay has no room; nothing was stored. Try again later. */
public class StorageFullException internal constructor(info: ErrorInfo) : NetworkException(info)

/** The account and its devices. */
public sealed class AccountException(info: ErrorInfo) : SealwireException(info)

/** This device belongs to no account yet: register or link it first. */
public class NotRegisteredException internal constructor(info: ErrorInfo) : AccountException(info)

/** This device already belongs to an account: another one needs another store. */
public class AlreadyRegisteredException internal constructor(info: ErrorInfo) : AccountException(info)

/** The account exists: link this device from one of its devices. */
public class AccountExistsException internal constructor(info: ErrorInfo) : AccountException(info)

/** The relay makes accounts only for a token of the platform: register with one. */
public class PlatformTokenRequiredException internal constructor(info: ErrorInfo) : AccountException(info)

/** This device was removed from its account, or disabled: become a new device. */
public class DeviceRevokedException internal constructor(info: ErrorInfo) : AccountException(info)

/** This is the device that is asked: remove it from another one, or disable it. */
public class OwnDeviceException internal constructor(info: ErrorInfo) : AccountException(info)

/** This is the account's own user, who cannot be blocked: name somebody else. */
public class OwnUserException internal constructor(info: ErrorInfo) : AccountException(info)

/** The account's list holds no such device: look at own_devices. */
public class UnknownDeviceException internal constructor(info: ErrorInfo) : AccountException(info)

/** The account has as many devices as it may: remove one first. */
public class DeviceLimitException internal constructor(info: ErrorInfo) : AccountException(info) {
    /** How many, or how long in seconds, it may be. */
    public val max: Long? get() = fields.max
}

/** The relay's device list of this user does not hold: nothing is sent to devices that it names. */
public class DeviceListInvalidException internal constructor(info: ErrorInfo) : AccountException(info) {
    /** Whose. */
    public val userId: String? get() = fields.userId

    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** Another device list of this user is offered by now, or none: nothing was accepted. Compare again, and accept what the last event names. */
public class ListNotOfferedException internal constructor(info: ErrorInfo) : AccountException(info)

/** This device does not hold the account key yet: try from another device of the account. */
public class AccountKeyMissingException internal constructor(info: ErrorInfo) : AccountException(info)

/** Not an id, or not the key of a send: the reason says how one is written. */
public class InvalidIdException internal constructor(info: ErrorInfo) : AccountException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The token is not valid: get another from the platform. */
public class UnauthorizedException internal constructor(info: ErrorInfo) : AccountException(info)

/** The token has ended: get another. */
public class TokenExpiredException internal constructor(info: ErrorInfo) : AccountException(info)

/** A token of another kind or scope is needed. */
public class ForbiddenException internal constructor(info: ErrorInfo) : AccountException(info)

/** The user has no account at this relay. */
public class UserUnknownException internal constructor(info: ErrorInfo) : AccountException(info)

/** Linking a further device. */
public sealed class LinkingException(info: ErrorInfo) : SealwireException(info)

/** That code links no device: scan it again. */
public class LinkCodeInvalidException internal constructor(info: ErrorInfo) : LinkingException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** A linking or a registration is under way already, or no linking is: see the reason. */
public class LinkStateException internal constructor(info: ErrorInfo) : LinkingException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The link code is no longer good: show a new one. */
public class LinkExpiredException internal constructor(info: ErrorInfo) : LinkingException(info)

/** A person said no. Nothing was changed. */
public class LinkDeclinedException internal constructor(info: ErrorInfo) : LinkingException(info)

/** The linking was interfered with: nothing was linked. Show a new code. */
public class LinkTamperedException internal constructor(info: ErrorInfo) : LinkingException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** A message or its thread. */
public sealed class MessageException(info: ErrorInfo) : SealwireException(info)

/** A message needs at least one character. */
public class EmptyTextException internal constructor(info: ErrorInfo) : MessageException(info)

/** Longer than a message can be (of a file: caption, name and type together): shorten it, or send it as a file. */
public class TextTooLongException internal constructor(info: ErrorInfo) : MessageException(info) {
    /** How large it was. */
    public val bytes: Long? get() = fields.bytes

    /** How large it may be. */
    public val maxBytes: Long? get() = fields.maxBytes
}

/** A message's time to live is between one second and the most that is named. */
public class TtlInvalidException internal constructor(info: ErrorInfo) : MessageException(info) {
    /** How many, or how long in seconds, it may be. */
    public val max: Long? get() = fields.max
}

/** More threads than are watched at once: watch those on the screen. */
public class TooManyThreadsException internal constructor(info: ErrorInfo) : MessageException(info) {
    /** How many, or how long in seconds, it may be. */
    public val max: Long? get() = fields.max
}

/** This device does not know that thread: open it with the other user's id first. */
public class UnknownThreadException internal constructor(info: ErrorInfo) : MessageException(info)

/** This device does not know that message, or it is somebody else's where an own one is meant. */
public class UnknownMessageException internal constructor(info: ErrorInfo) : MessageException(info)

/** The relay has the message already: it cannot be cancelled any more. */
public class AlreadySentException internal constructor(info: ErrorInfo) : MessageException(info)

/** This key was used for another message, and nothing was queued: send this one under a key of its own. */
public class SendKeyReusedException internal constructor(info: ErrorInfo) : MessageException(info)

/** The relay accepted the message more than a day ago: send it anew. */
public class RepeatTooLateException internal constructor(info: ErrorInfo) : MessageException(info)

/** Only a message that failed can be retried. */
public class NotFailedException internal constructor(info: ErrorInfo) : MessageException(info)

/** The message was given up, for the reason that is named. It stands in the thread and may be retried. */
public class MessageFailedException internal constructor(info: ErrorInfo) : MessageException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The message was cancelled: nobody got it. */
public class MessageCancelledException internal constructor(info: ErrorInfo) : MessageException(info)

/** The message's time to live, or the recipient's queue, ran out first. It may be retried for a day. */
public class ExpiredException internal constructor(info: ErrorInfo) : MessageException(info)

/** Tried for a day, and still not at the relay: retry when there is a network. */
public class GaveUpException internal constructor(info: ErrorInfo) : MessageException(info)

/** The recipient's account key changed and was not accepted for a day: compare it with them, accept it, then retry. */
public class AccountKeyChangedException internal constructor(info: ErrorInfo) : MessageException(info)

/** A device of the recipient, or another one of this account, has no post-quantum keys, and the session policy asks for them: nothing was sent. Retry when that device is updated. */
public class PostQuantumKeysMissingException internal constructor(info: ErrorInfo) : MessageException(info)

/** One of the two has blocked the other. */
public class BlockedException internal constructor(info: ErrorInfo) : MessageException(info)

/** The user does not take direct messages from this one. */
public class DirectMessagesClosedException internal constructor(info: ErrorInfo) : MessageException(info)

/** This user is not in the thread. */
public class NotAParticipantException internal constructor(info: ErrorInfo) : MessageException(info)

/** A file. */
public sealed class AttachmentException(info: ErrorInfo) : SealwireException(info)

/** What the attachment is read from ended early, held more than announced, or could not be read. */
public class AttachmentSourceException internal constructor(info: ErrorInfo) : AttachmentException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** What the attachment is written to did not take it: throw away what was written. */
public class AttachmentSinkException internal constructor(info: ErrorInfo) : AttachmentException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** Larger than this relay takes: send a smaller one. */
public class AttachmentTooLargeException internal constructor(info: ErrorInfo) : AttachmentException(info) {
    /** How large it was. */
    public val bytes: Long? get() = fields.bytes
}

/** Made by a newer version of the SDK: update the app. */
public class AttachmentUnsupportedException internal constructor(info: ErrorInfo) : AttachmentException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The attachment was changed after it was sent: nothing of it may be used. */
public class AttachmentTamperedException internal constructor(info: ErrorInfo) : AttachmentException(info)

/** The relay does not hold the attachment any more: ask its sender for it. */
public class AttachmentGoneException internal constructor(info: ErrorInfo) : AttachmentException(info)

/** This message carries no attachment. */
public class NoAttachmentException internal constructor(info: ErrorInfo) : AttachmentException(info)

/** The bytes of the attachment did not get through: try again. */
public class AttachmentTransferException internal constructor(info: ErrorInfo) : AttachmentException(info) {
    /** In the system's or the relay's words, or a code. */
    public val reason: String? get() = fields.reason
}

/** The upload was completed with other bytes: send the attachment anew. */
public class AttachmentConflictException internal constructor(info: ErrorInfo) : AttachmentException(info)

/** The attachment's address has ended: try again. */
public class UrlExpiredException internal constructor(info: ErrorInfo) : AttachmentException(info)

/** The relay takes nothing as large as this. */
public class TooLargeException internal constructor(info: ErrorInfo) : AttachmentException(info)

/** The relay's contract: client and relay do not fit together, or the client mends it by itself. */
public sealed class ContractException(info: ErrorInfo) : SealwireException(info)

/** The relay says that the request is not of its contract: update relay and app to versions that fit. */
public class InvalidRequestException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay could not read the request's body: update relay and app to versions that fit. */
public class InvalidBodyException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay missed the request's key: update relay and app to versions that fit. */
public class IdempotencyKeyRequiredException internal constructor(info: ErrorInfo) : ContractException(info)

/** A request's key was used for another message. Please report it. */
public class IdempotencyKeyReusedException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay never gave out that place in a list: begin at its start. */
public class InvalidCursorException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay says that a signature, key or signed structure does not hold. */
public class InvalidSignatureException internal constructor(info: ErrorInfo) : ContractException(info)

/** The thread is not that of the two users. */
public class ThreadIdMismatchException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay's challenge is used or too old: try again. */
public class ChallengeInvalidException internal constructor(info: ErrorInfo) : ContractException(info)

/** The other user shares no thread with this one. */
public class NoSharedThreadException internal constructor(info: ErrorInfo) : ContractException(info)

/** The registration's grant does not hold: link again. */
public class GrantInvalidException internal constructor(info: ErrorInfo) : ContractException(info)

/** The registration's grant was used before: link again. */
public class GrantUsedException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay has nothing of that name. */
public class NotFoundException internal constructor(info: ErrorInfo) : ContractException(info)

/** The other device has not answered yet. */
public class SlotEmptyException internal constructor(info: ErrorInfo) : ContractException(info)

/** Somebody else wrote to the linking's mailbox: show a new code. */
public class SlotTakenException internal constructor(info: ErrorInfo) : ContractException(info)

/** Somebody else read the linking's mailbox: show a new code. */
public class SlotReadException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay does not know that request: update it. */
public class MethodNotAllowedException internal constructor(info: ErrorInfo) : ContractException(info)

/** A device of that number registered with other keys: link again. */
public class DeviceIdTakenException internal constructor(info: ErrorInfo) : ContractException(info)

/** Another change of the device list came first: try again. */
public class DeviceListConflictException internal constructor(info: ErrorInfo) : ContractException(info)

/** The device list names a device that never registered. */
public class DeviceNotRegisteredException internal constructor(info: ErrorInfo) : ContractException(info)

/** The recipient's devices changed: the client wraps anew by itself. */
public class DeviceMismatchException internal constructor(info: ErrorInfo) : ContractException(info)

/** The message's number was used for another content: send it anew. */
public class ClientSeqConflictException internal constructor(info: ErrorInfo) : ContractException(info)

/** The message's number was given up: send it anew. */
public class ClientSeqVoidException internal constructor(info: ErrorInfo) : ContractException(info)

/** A prekey's id was used before: the client skips ahead by itself. */
public class PrekeyIdConflictException internal constructor(info: ErrorInfo) : ContractException(info)

/** The recipient's device has run out of one-time keys, and this relay demands one: it is tried again. */
public class PrekeysExhaustedException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay reads JSON alone: look at what stands before it. */
public class UnsupportedMediaTypeException internal constructor(info: ErrorInfo) : ContractException(info)

/** The attachment is shorter than the message says. */
public class RangeNotSatisfiableException internal constructor(info: ErrorInfo) : ContractException(info)

/** The request is against the contract's rules. Please report it. */
public class UnprocessableException internal constructor(info: ErrorInfo) : ContractException(info)

/** The relay gave a code of a later version: update the app. */
public class UnknownException internal constructor(info: ErrorInfo) : ContractException(info)

/** The class of a code. */
internal fun exceptionOf(info: ErrorInfo): SealwireException = when (info.code) {
    "closed" -> ClosedException(info)
    "suspended" -> SuspendedException(info)
    "configuration" -> ConfigurationException(info)
    "network_role_taken" -> NetworkRoleTakenException(info)
    "system" -> SystemException(info)
    "internal" -> InternalException(info)
    "key_store" -> KeyStoreException(info)
    "key_missing" -> KeyMissingException(info)
    "store_wrong_key" -> StoreWrongKeyException(info)
    "store_foreign" -> StoreForeignException(info)
    "store_missing" -> StoreMissingException(info)
    "store_corrupt" -> StoreCorruptException(info)
    "store_newer" -> StoreNewerException(info)
    "store_rolled_back" -> StoreRolledBackException(info)
    "store_in_use" -> StoreInUseException(info)
    "store_locked" -> StoreLockedException(info)
    "store_io" -> StoreIoException(info)
    "storage_unavailable" -> StorageUnavailableException(info)
    "disk_full" -> DiskFullException(info)
    "network" -> NoNetworkException(info)
    "offline" -> OfflineException(info)
    "relay_garbage" -> RelayGarbageException(info)
    "unavailable" -> UnavailableException(info)
    "rate_limited" -> RateLimitedException(info)
    "request_timeout" -> RequestTimeoutException(info)
    "storage_full" -> StorageFullException(info)
    "not_registered" -> NotRegisteredException(info)
    "already_registered" -> AlreadyRegisteredException(info)
    "account_exists" -> AccountExistsException(info)
    "platform_token_required" -> PlatformTokenRequiredException(info)
    "device_revoked" -> DeviceRevokedException(info)
    "own_device" -> OwnDeviceException(info)
    "own_user" -> OwnUserException(info)
    "unknown_device" -> UnknownDeviceException(info)
    "device_limit" -> DeviceLimitException(info)
    "device_list_invalid" -> DeviceListInvalidException(info)
    "list_not_offered" -> ListNotOfferedException(info)
    "account_key_missing" -> AccountKeyMissingException(info)
    "invalid_id" -> InvalidIdException(info)
    "unauthorized" -> UnauthorizedException(info)
    "token_expired" -> TokenExpiredException(info)
    "forbidden" -> ForbiddenException(info)
    "user_unknown" -> UserUnknownException(info)
    "link_code_invalid" -> LinkCodeInvalidException(info)
    "link_state" -> LinkStateException(info)
    "link_expired" -> LinkExpiredException(info)
    "link_declined" -> LinkDeclinedException(info)
    "link_tampered" -> LinkTamperedException(info)
    "empty_text" -> EmptyTextException(info)
    "text_too_long" -> TextTooLongException(info)
    "ttl_invalid" -> TtlInvalidException(info)
    "too_many_threads" -> TooManyThreadsException(info)
    "unknown_thread" -> UnknownThreadException(info)
    "unknown_message" -> UnknownMessageException(info)
    "already_sent" -> AlreadySentException(info)
    "send_key_reused" -> SendKeyReusedException(info)
    "repeat_too_late" -> RepeatTooLateException(info)
    "not_failed" -> NotFailedException(info)
    "message_failed" -> MessageFailedException(info)
    "message_cancelled" -> MessageCancelledException(info)
    "expired" -> ExpiredException(info)
    "gave_up" -> GaveUpException(info)
    "account_key_changed" -> AccountKeyChangedException(info)
    "post_quantum_keys_missing" -> PostQuantumKeysMissingException(info)
    "blocked" -> BlockedException(info)
    "direct_messages_closed" -> DirectMessagesClosedException(info)
    "not_a_participant" -> NotAParticipantException(info)
    "attachment_source" -> AttachmentSourceException(info)
    "attachment_sink" -> AttachmentSinkException(info)
    "attachment_too_large" -> AttachmentTooLargeException(info)
    "attachment_unsupported" -> AttachmentUnsupportedException(info)
    "attachment_tampered" -> AttachmentTamperedException(info)
    "attachment_gone" -> AttachmentGoneException(info)
    "no_attachment" -> NoAttachmentException(info)
    "attachment_transfer" -> AttachmentTransferException(info)
    "attachment_conflict" -> AttachmentConflictException(info)
    "url_expired" -> UrlExpiredException(info)
    "too_large" -> TooLargeException(info)
    "invalid_request" -> InvalidRequestException(info)
    "invalid_body" -> InvalidBodyException(info)
    "idempotency_key_required" -> IdempotencyKeyRequiredException(info)
    "idempotency_key_reused" -> IdempotencyKeyReusedException(info)
    "invalid_cursor" -> InvalidCursorException(info)
    "invalid_signature" -> InvalidSignatureException(info)
    "thread_id_mismatch" -> ThreadIdMismatchException(info)
    "challenge_invalid" -> ChallengeInvalidException(info)
    "no_shared_thread" -> NoSharedThreadException(info)
    "grant_invalid" -> GrantInvalidException(info)
    "grant_used" -> GrantUsedException(info)
    "not_found" -> NotFoundException(info)
    "slot_empty" -> SlotEmptyException(info)
    "slot_taken" -> SlotTakenException(info)
    "slot_read" -> SlotReadException(info)
    "method_not_allowed" -> MethodNotAllowedException(info)
    "device_id_taken" -> DeviceIdTakenException(info)
    "device_list_conflict" -> DeviceListConflictException(info)
    "device_not_registered" -> DeviceNotRegisteredException(info)
    "device_mismatch" -> DeviceMismatchException(info)
    "client_seq_conflict" -> ClientSeqConflictException(info)
    "client_seq_void" -> ClientSeqVoidException(info)
    "prekey_id_conflict" -> PrekeyIdConflictException(info)
    "prekeys_exhausted" -> PrekeysExhaustedException(info)
    "unsupported_media_type" -> UnsupportedMediaTypeException(info)
    "range_not_satisfiable" -> RangeNotSatisfiableException(info)
    "unprocessable" -> UnprocessableException(info)
    "unknown" -> UnknownException(info)
    else -> UnknownCodeException(info)
}
