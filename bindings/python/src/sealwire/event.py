"""What happens at a client; match it. Events only notify: everything they say can be read from the client as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .connection import ConnectionState
from .records import AccountSettings, Message


@dataclass(frozen=True, slots=True)
class MessageQueued:
    """A message of this device is durable here and waits for its turn."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A message of this device has its place in the thread."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MessageFailed:
    """A message of this device was given up, or did not reach a recipient. It may be retried."""

    message: Message
    """The message, with its reason."""


@dataclass(frozen=True, slots=True)
class MessageCancelled:
    """A message of this device was cancelled: nobody got it, and nobody will."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    """Every recipient of a message of this account has it. Of many at once the newest hundred of a thread are told one by one, here and in `MessageRead`; `MarksMoved` tells of them all."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MessageRead:
    """Every recipient of a message of this account has read it."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MarksMoved:
    """Somebody has got or has read more of a thread than before; this account itself, too."""

    thread: str
    """Where."""

    user: str
    """Who."""

    delivered_up_to: str | None
    """The newest message that a device of theirs has."""

    read_up_to: str | None
    """The newest message that they have read."""


@dataclass(frozen=True, slots=True)
class InboxChanged:
    """A thread shows otherwise in the inbox."""

    thread: str
    """Which."""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """The settings of the account are others than before."""

    settings: AccountSettings
    """All of them."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message of somebody else, or of another device of this account."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MessageUnreadable:
    """A message that could not be read: a placeholder with its reason stands in the thread."""

    message: Message
    """The placeholder."""


@dataclass(frozen=True, slots=True)
class MessageRecovered:
    """A placeholder became readable."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class MessageExpired:
    """A message's time to live is over: what it said is gone from this device."""

    message: Message
    """The message."""


@dataclass(frozen=True, slots=True)
class RemovalRefused:
    """The relay says that a message is gone whose own content does not say so: it stays."""

    thread: str
    """Where."""

    message_id: str
    """Which."""


@dataclass(frozen=True, slots=True)
class DuplicateDropped:
    """The relay delivered a message again; it was dropped."""

    thread: str
    """Where."""

    sender: str
    """Whose."""

    device: int
    """From which device."""


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """The relay delivered something that the contract does not have."""


@dataclass(frozen=True, slots=True)
class MessageMissing:
    """A device says that it sent another message before this one, and that one is not here."""

    thread: str
    """Where."""

    sender: str
    """Whose."""

    device: int
    """From which device."""

    client_seq: int
    """The missing one's number."""


@dataclass(frozen=True, slots=True)
class MessageReordered:
    """A message came after one that the same device sent later."""

    thread: str
    """Where."""

    sender: str
    """Whose."""

    device: int
    """From which device."""

    client_seq: int
    """The late one's number."""


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """A user has a new signed device list."""

    user: str
    """Whose."""

    version: int
    """Its version."""


@dataclass(frozen=True, slots=True)
class AccountKeyChanged:
    """A user's account key is not the one pinned: sending to them waits until the app accepts it."""

    user: str
    """Whose."""

    list_hash: str
    """Names the device list that is to be accepted."""


@dataclass(frozen=True, slots=True)
class DeviceListRollback:
    """The relay served an older, forked or forged device list: sending to that user stops."""

    user: str
    """Whose."""


@dataclass(frozen=True, slots=True)
class RelayInconsistent:
    """The relay asks for envelopes for a device that is not one, or shows keys that the device did not sign."""

    user: str
    """Whose device."""

    device: int
    """Which."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How much of what was queued while this device was away is here."""

    done: int
    """So much is here."""

    total: int
    """Of so much, as far as the relay has said by now."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything that was queued while this device was away is here."""


@dataclass(frozen=True, slots=True)
class QueueExpired:
    """This device was away for so long that the relay no longer holds everything that waited for it."""


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody types in a watched thread, or does not any more."""

    thread: str
    """Where."""

    user: str
    """Who."""

    typing: bool
    """Whether."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody of a watched thread came or went."""

    user: str
    """Who."""

    online: bool
    """Whether they are there."""

    last_seen_ms: int | None
    """When they were last, by the relay's clock, if they let it be known."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection's state changed."""

    state: ConnectionState
    """To this."""


@dataclass(frozen=True, slots=True)
class DeviceLinked:
    """Another device of this account was linked, or this one was."""

    device: int
    """Which."""


@dataclass(frozen=True, slots=True)
class DeviceRevoked:
    """This device is no longer in its account's list: nothing is sent or received any more."""


@dataclass(frozen=True, slots=True)
class Lagged:
    """The reader was too slow: so many events are missing in this place. The store has what they said."""

    missed: int
    """How many."""


@dataclass(frozen=True, slots=True)
class Other:
    """An event of a later version."""


Event: TypeAlias = (
    MessageQueued
    | MessageSent
    | MessageFailed
    | MessageCancelled
    | MessageDelivered
    | MessageRead
    | MarksMoved
    | InboxChanged
    | SettingsChanged
    | MessageReceived
    | MessageUnreadable
    | MessageRecovered
    | MessageExpired
    | RemovalRefused
    | DuplicateDropped
    | FrameRefused
    | MessageMissing
    | MessageReordered
    | DevicesChanged
    | AccountKeyChanged
    | DeviceListRollback
    | RelayInconsistent
    | CatchUp
    | CaughtUp
    | QueueExpired
    | Typing
    | Presence
    | Connection
    | DeviceLinked
    | DeviceRevoked
    | Lagged
    | Other
)
"""Something happened. Events only notify: everything they say can be read from the client as well."""
