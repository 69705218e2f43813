"""Why an operation failed: an exception for each group of errors, and one of those for each code."""

# Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SealwireError(Exception):
    """Why an operation failed. What it was to do was not done, unless ``text`` says otherwise.

    No part of a message needs to be read by a program: everything is an attribute.
    """

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info)
        self._info = info

    @property
    def code(self) -> str:
        """Stable, the same in every language. Later versions may add codes."""
        return self._info.code

    @property
    def group(self) -> ErrorGroup:
        """What it is about."""
        return self._info.group

    @property
    def text(self) -> str:
        """What happened and what to do, for a developer."""
        return self._info.text

    @property
    def detail(self) -> str:
        """This error in its own words, with what lies behind it."""
        return self._info.detail

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self._info.retryable

    @property
    def retry_after_ms(self) -> int | None:
        """Not before so many milliseconds, where the relay said so."""
        return self._info.retry_after_ms

    @property
    def fields(self) -> ErrorFields:
        """Every value of this error; those that its code does not have are none."""
        return self._info.fields

    def __str__(self) -> str:
        return f"{self.text} [{self.code}: {self.detail}]"


class UnknownCodeError(SealwireError):
    """A code of a later version."""


class ClientError(SealwireError):
    """The client itself: how it was opened, and that it lives."""


class ClosedError(ClientError):
    """The client is closed: open another."""


class SuspendedError(ClientError):
    """The client is suspended: resume it first. An attachment that was on its way was not sent, a linking is over; messages lie in the outbox."""


class ConfigurationError(ClientError):
    """The client cannot be opened like this: put right what the reason names."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class NetworkRoleTakenError(ClientError):
    """Another process speaks for this device: ask it, or try again when it has ended."""


class OperatingSystemError(ClientError):
    """The system gave no threads, timers or randomness: try again later."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class InternalError(ClientError):
    """A fault of the SDK; what is durable is unharmed. Please report it."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class StoreError(SealwireError):
    """The store's file and its key."""


class KeyStoreError(StoreError):
    """The key store did not work: see its reason, and try again when it does."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class KeyMissingError(StoreError):
    """There is a file where the store is to be, and no key to it in the key store: put the key back, or become a new device with another file. Nothing was changed."""


class StoreWrongKeyError(StoreError):
    """The key does not open this store: look for the right key, or restore the file. Nothing was changed."""


class StoreForeignError(StoreError):
    """This file is not a store: choose another path. Nothing was changed."""


class StoreMissingError(StoreError):
    """The key is of a store that is not in this place: name the right file, or become a new device with another key store."""


class StoreCorruptError(StoreError):
    """The store is damaged: become a new device."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class StoreNewerError(StoreError):
    """The store was written by a newer version: update the app."""

    @property
    def found(self) -> int | None:
        """What the store is: its schema, or its generation."""
        return self.fields.found

    @property
    def expected(self) -> int | None:
        """What it should be, at most or at least."""
        return self.fields.expected


class StoreRolledBackError(StoreError):
    """The store is an old copy, and its sessions must not be used again: become a new device."""

    @property
    def found(self) -> int | None:
        """What the store is: its schema, or its generation."""
        return self.fields.found

    @property
    def expected(self) -> int | None:
        """What it should be, at most or at least."""
        return self.fields.expected


class StoreInUseError(StoreError):
    """This process has the store open already: close the other client first."""


class StoreLockedError(StoreError):
    """Another process writes, or the system denies access as on a locked phone: try again later."""


class StoreIoError(StoreError):
    """The file system refused the store's file: see its reason."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class StorageUnavailableError(StoreError):
    """This browser or window has no private file system to keep a store in: use another, or ask for a store in memory."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class DiskFullError(StoreError):
    """No room: free some space and try again. Nothing was changed."""


class NetworkError(SealwireError):
    """The way to the relay, and whether it can serve now."""


class NoNetworkError(NetworkError):
    """The relay cannot be reached: try again when there is a network."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class OfflineError(NetworkError):
    """The client is offline by the app's wish: go online first."""


class RelayGarbageError(NetworkError):
    """What answered is not the relay, or not of its contract: look at the relay's address and at what stands before it."""

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer."""
        return self.fields.status


class UnavailableError(NetworkError):
    """The relay cannot do it now; nothing was stored. Try again."""

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer."""
        return self.fields.status


class RateLimitedError(NetworkError):
    """Too many requests: try again after the time that is named."""


class RequestTimeoutError(NetworkError):
    """The request did not reach the relay in time: try again."""


class StorageFullError(NetworkError):
    """The relay has no room; nothing was stored. Try again later."""


class AccountError(SealwireError):
    """The account and its devices."""


class NotRegisteredError(AccountError):
    """This device belongs to no account yet: register or link it first."""


class AlreadyRegisteredError(AccountError):
    """This device already belongs to an account: another one needs another store."""


class AccountExistsError(AccountError):
    """The account exists: link this device from one of its devices."""


class PlatformTokenRequiredError(AccountError):
    """The relay makes accounts only for a token of the platform: register with one."""


class DeviceRevokedError(AccountError):
    """This device was removed from its account, or disabled: become a new device."""


class OwnDeviceError(AccountError):
    """This is the device that is asked: remove it from another one, or disable it."""


class OwnUserError(AccountError):
    """This is the account's own user, who cannot be blocked: name somebody else."""


class UnknownDeviceError(AccountError):
    """The account's list holds no such device: look at own_devices."""


class DeviceLimitError(AccountError):
    """The account has as many devices as it may: remove one first."""

    @property
    def max(self) -> int | None:
        """How many, or how long in seconds, it may be."""
        return self.fields.max


class DeviceListInvalidError(AccountError):
    """The relay's device list of this user does not hold: nothing is sent to devices that it names."""

    @property
    def user_id(self) -> str | None:
        """Whose."""
        return self.fields.user_id

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class ListNotOfferedError(AccountError):
    """Another device list of this user is offered by now, or none: nothing was accepted. Compare again, and accept what the last event names."""


class AccountKeyMissingError(AccountError):
    """This device does not hold the account key yet: try from another device of the account."""


class InvalidIdError(AccountError):
    """Not an id, or not the key of a send: the reason says how one is written."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class UnauthorizedError(AccountError):
    """The token is not valid: get another from the platform."""


class TokenExpiredError(AccountError):
    """The token has ended: get another."""


class ForbiddenError(AccountError):
    """A token of another kind or scope is needed."""


class UserUnknownError(AccountError):
    """The user has no account at this relay."""


class LinkingError(SealwireError):
    """Linking a further device."""


class LinkCodeInvalidError(LinkingError):
    """That code links no device: scan it again."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class LinkStateError(LinkingError):
    """A linking or a registration is under way already, or no linking is: see the reason."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class LinkExpiredError(LinkingError):
    """The link code is no longer good: show a new one."""


class LinkDeclinedError(LinkingError):
    """A person said no. Nothing was changed."""


class LinkTamperedError(LinkingError):
    """The linking was interfered with: nothing was linked. Show a new code."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class MessageError(SealwireError):
    """A message or its thread."""


class EmptyTextError(MessageError):
    """A message needs at least one character."""


class TextTooLongError(MessageError):
    """Longer than a message can be (of a file: caption, name and type together): shorten it, or send it as a file."""

    @property
    def bytes(self) -> int | None:
        """How large it was."""
        return self.fields.bytes

    @property
    def max_bytes(self) -> int | None:
        """How large it may be."""
        return self.fields.max_bytes


class TtlInvalidError(MessageError):
    """A message's time to live is between one second and the most that is named."""

    @property
    def max(self) -> int | None:
        """How many, or how long in seconds, it may be."""
        return self.fields.max


class TooManyThreadsError(MessageError):
    """More threads than are watched at once: watch those on the screen."""

    @property
    def max(self) -> int | None:
        """How many, or how long in seconds, it may be."""
        return self.fields.max


class UnknownThreadError(MessageError):
    """This device does not know that thread: open it with the other user's id first."""


class UnknownMessageError(MessageError):
    """This device does not know that message, or it is somebody else's where an own one is meant."""


class AlreadySentError(MessageError):
    """The relay has the message already: it cannot be cancelled any more."""


class SendKeyReusedError(MessageError):
    """This key was used for another message, and nothing was queued: send this one under a key of its own."""


class RepeatTooLateError(MessageError):
    """The relay accepted the message more than a day ago: send it anew."""


class NotFailedError(MessageError):
    """Only a message that failed can be retried."""


class MessageFailedError(MessageError):
    """The message was given up, for the reason that is named. It stands in the thread and may be retried."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class MessageCancelledError(MessageError):
    """The message was cancelled: nobody got it."""


class ExpiredError(MessageError):
    """The message's time to live, or the recipient's queue, ran out first. It may be retried for a day."""


class GaveUpError(MessageError):
    """Tried for a day, and still not at the relay: retry when there is a network."""


class AccountKeyChangedError(MessageError):
    """The recipient's account key changed and was not accepted for a day: compare it with them, accept it, then retry."""


class PostQuantumKeysMissingError(MessageError):
    """A device of the recipient, or another one of this account, has no post-quantum keys, and the session policy asks for them: nothing was sent. Retry when that device is updated."""


class BlockedError(MessageError):
    """One of the two has blocked the other."""


class DirectMessagesClosedError(MessageError):
    """The user does not take direct messages from this one."""


class NotAParticipantError(MessageError):
    """This user is not in the thread."""


class AttachmentError(SealwireError):
    """A file."""


class AttachmentSourceError(AttachmentError):
    """What the attachment is read from ended early, held more than announced, or could not be read."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class AttachmentSinkError(AttachmentError):
    """What the attachment is written to did not take it: throw away what was written."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class AttachmentTooLargeError(AttachmentError):
    """Larger than this relay takes: send a smaller one."""

    @property
    def bytes(self) -> int | None:
        """How large it was."""
        return self.fields.bytes


class AttachmentUnsupportedError(AttachmentError):
    """Made by a newer version of the SDK: update the app."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class AttachmentTamperedError(AttachmentError):
    """The attachment was changed after it was sent: nothing of it may be used."""


class AttachmentGoneError(AttachmentError):
    """The relay does not hold the attachment any more: ask its sender for it."""


class NoAttachmentError(AttachmentError):
    """This message carries no attachment."""


class AttachmentTransferError(AttachmentError):
    """The bytes of the attachment did not get through: try again."""

    @property
    def reason(self) -> str | None:
        """In the system's or the relay's words, or a code."""
        return self.fields.reason


class AttachmentConflictError(AttachmentError):
    """The upload was completed with other bytes: send the attachment anew."""


class UrlExpiredError(AttachmentError):
    """The attachment's address has ended: try again."""


class TooLargeError(AttachmentError):
    """The relay takes nothing as large as this."""


class ContractError(SealwireError):
    """The relay's contract: client and relay do not fit together, or the client mends it by itself."""


class InvalidRequestError(ContractError):
    """The relay says that the request is not of its contract: update relay and app to versions that fit."""


class InvalidBodyError(ContractError):
    """The relay could not read the request's body: update relay and app to versions that fit."""


class IdempotencyKeyRequiredError(ContractError):
    """The relay missed the request's key: update relay and app to versions that fit."""


class IdempotencyKeyReusedError(ContractError):
    """A request's key was used for another message. Please report it."""


class InvalidCursorError(ContractError):
    """The relay never gave out that place in a list: begin at its start."""


class InvalidSignatureError(ContractError):
    """The relay says that a signature, key or signed structure does not hold."""


class ThreadIdMismatchError(ContractError):
    """The thread is not that of the two users."""


class ChallengeInvalidError(ContractError):
    """The relay's challenge is used or too old: try again."""


class NoSharedThreadError(ContractError):
    """The other user shares no thread with this one."""


class GrantInvalidError(ContractError):
    """The registration's grant does not hold: link again."""


class GrantUsedError(ContractError):
    """The registration's grant was used before: link again."""


class NotFoundError(ContractError):
    """The relay has nothing of that name."""


class SlotEmptyError(ContractError):
    """The other device has not answered yet."""


class SlotTakenError(ContractError):
    """Somebody else wrote to the linking's mailbox: show a new code."""


class SlotReadError(ContractError):
    """Somebody else read the linking's mailbox: show a new code."""


class MethodNotAllowedError(ContractError):
    """The relay does not know that request: update it."""


class DeviceIdTakenError(ContractError):
    """A device of that number registered with other keys: link again."""


class DeviceListConflictError(ContractError):
    """Another change of the device list came first: try again."""


class DeviceNotRegisteredError(ContractError):
    """The device list names a device that never registered."""


class DeviceMismatchError(ContractError):
    """The recipient's devices changed: the client wraps anew by itself."""


class ClientSeqConflictError(ContractError):
    """The message's number was used for another content: send it anew."""


class ClientSeqVoidError(ContractError):
    """The message's number was given up: send it anew."""


class PrekeyIdConflictError(ContractError):
    """A prekey's id was used before: the client skips ahead by itself."""


class PrekeysExhaustedError(ContractError):
    """The recipient's device has run out of one-time keys, and this relay demands one: it is tried again."""


class UnsupportedMediaTypeError(ContractError):
    """The relay reads JSON alone: look at what stands before it."""


class RangeNotSatisfiableError(ContractError):
    """The attachment is shorter than the message says."""


class UnprocessableError(ContractError):
    """The request is against the contract's rules. Please report it."""


class UnknownError(ContractError):
    """The relay gave a code of a later version: update the app."""


class ErrorGroup(Enum):
    """What an error is about."""

    CLIENT = "client"
    """The client itself: how it was opened, and that it lives."""

    STORE = "store"
    """The store's file and its key."""

    NETWORK = "network"
    """The way to the relay, and whether it can serve now."""

    ACCOUNT = "account"
    """The account and its devices."""

    LINKING = "linking"
    """Linking a further device."""

    MESSAGE = "message"
    """A message or its thread."""

    ATTACHMENT = "attachment"
    """A file."""

    CONTRACT = "contract"
    """The relay's contract: client and relay do not fit together, or the client mends it by itself."""


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """The values of an error; those that its code does not have are none."""

    bytes: int | None
    """How large it was."""

    max_bytes: int | None
    """How large it may be."""

    max: int | None
    """How many, or how long in seconds, it may be."""

    found: int | None
    """What the store is: its schema, or its generation."""

    expected: int | None
    """What it should be, at most or at least."""

    status: int | None
    """The HTTP status of the answer."""

    user_id: str | None
    """Whose."""

    reason: str | None
    """In the system's or the relay's words, or a code."""


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What an error is made of."""

    code: str
    group: ErrorGroup
    text: str
    detail: str
    retryable: bool
    retry_after_ms: int | None
    fields: ErrorFields


CLASSES: dict[str, type[SealwireError]] = {
    "closed": ClosedError,
    "suspended": SuspendedError,
    "configuration": ConfigurationError,
    "network_role_taken": NetworkRoleTakenError,
    "system": OperatingSystemError,
    "internal": InternalError,
    "key_store": KeyStoreError,
    "key_missing": KeyMissingError,
    "store_wrong_key": StoreWrongKeyError,
    "store_foreign": StoreForeignError,
    "store_missing": StoreMissingError,
    "store_corrupt": StoreCorruptError,
    "store_newer": StoreNewerError,
    "store_rolled_back": StoreRolledBackError,
    "store_in_use": StoreInUseError,
    "store_locked": StoreLockedError,
    "store_io": StoreIoError,
    "storage_unavailable": StorageUnavailableError,
    "disk_full": DiskFullError,
    "network": NoNetworkError,
    "offline": OfflineError,
    "relay_garbage": RelayGarbageError,
    "unavailable": UnavailableError,
    "rate_limited": RateLimitedError,
    "request_timeout": RequestTimeoutError,
    "storage_full": StorageFullError,
    "not_registered": NotRegisteredError,
    "already_registered": AlreadyRegisteredError,
    "account_exists": AccountExistsError,
    "platform_token_required": PlatformTokenRequiredError,
    "device_revoked": DeviceRevokedError,
    "own_device": OwnDeviceError,
    "own_user": OwnUserError,
    "unknown_device": UnknownDeviceError,
    "device_limit": DeviceLimitError,
    "device_list_invalid": DeviceListInvalidError,
    "list_not_offered": ListNotOfferedError,
    "account_key_missing": AccountKeyMissingError,
    "invalid_id": InvalidIdError,
    "unauthorized": UnauthorizedError,
    "token_expired": TokenExpiredError,
    "forbidden": ForbiddenError,
    "user_unknown": UserUnknownError,
    "link_code_invalid": LinkCodeInvalidError,
    "link_state": LinkStateError,
    "link_expired": LinkExpiredError,
    "link_declined": LinkDeclinedError,
    "link_tampered": LinkTamperedError,
    "empty_text": EmptyTextError,
    "text_too_long": TextTooLongError,
    "ttl_invalid": TtlInvalidError,
    "too_many_threads": TooManyThreadsError,
    "unknown_thread": UnknownThreadError,
    "unknown_message": UnknownMessageError,
    "already_sent": AlreadySentError,
    "send_key_reused": SendKeyReusedError,
    "repeat_too_late": RepeatTooLateError,
    "not_failed": NotFailedError,
    "message_failed": MessageFailedError,
    "message_cancelled": MessageCancelledError,
    "expired": ExpiredError,
    "gave_up": GaveUpError,
    "account_key_changed": AccountKeyChangedError,
    "post_quantum_keys_missing": PostQuantumKeysMissingError,
    "blocked": BlockedError,
    "direct_messages_closed": DirectMessagesClosedError,
    "not_a_participant": NotAParticipantError,
    "attachment_source": AttachmentSourceError,
    "attachment_sink": AttachmentSinkError,
    "attachment_too_large": AttachmentTooLargeError,
    "attachment_unsupported": AttachmentUnsupportedError,
    "attachment_tampered": AttachmentTamperedError,
    "attachment_gone": AttachmentGoneError,
    "no_attachment": NoAttachmentError,
    "attachment_transfer": AttachmentTransferError,
    "attachment_conflict": AttachmentConflictError,
    "url_expired": UrlExpiredError,
    "too_large": TooLargeError,
    "invalid_request": InvalidRequestError,
    "invalid_body": InvalidBodyError,
    "idempotency_key_required": IdempotencyKeyRequiredError,
    "idempotency_key_reused": IdempotencyKeyReusedError,
    "invalid_cursor": InvalidCursorError,
    "invalid_signature": InvalidSignatureError,
    "thread_id_mismatch": ThreadIdMismatchError,
    "challenge_invalid": ChallengeInvalidError,
    "no_shared_thread": NoSharedThreadError,
    "grant_invalid": GrantInvalidError,
    "grant_used": GrantUsedError,
    "not_found": NotFoundError,
    "slot_empty": SlotEmptyError,
    "slot_taken": SlotTakenError,
    "slot_read": SlotReadError,
    "method_not_allowed": MethodNotAllowedError,
    "device_id_taken": DeviceIdTakenError,
    "device_list_conflict": DeviceListConflictError,
    "device_not_registered": DeviceNotRegisteredError,
    "device_mismatch": DeviceMismatchError,
    "client_seq_conflict": ClientSeqConflictError,
    "client_seq_void": ClientSeqVoidError,
    "prekey_id_conflict": PrekeyIdConflictError,
    "prekeys_exhausted": PrekeysExhaustedError,
    "unsupported_media_type": UnsupportedMediaTypeError,
    "range_not_satisfiable": RangeNotSatisfiableError,
    "unprocessable": UnprocessableError,
    "unknown": UnknownError,
}
"""The exception of each code."""
