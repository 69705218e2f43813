"""What crosses from the SDK: plain values, which never change.

Ids of users, threads, messages and attachments are ``str``; numbers of devices, counts, sizes and times (``…_ms``, milliseconds since
the Unix epoch) are ``int``. No value holds a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .content import MessageContent, Text
from .state import MessageState


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a thread. Printed, it does not show what it says."""

    local_id: int
    """Names it on this device, for ever."""

    id: str | None
    """Its place in the thread; none until the relay has accepted it."""

    thread: str
    """The thread."""

    sender: str
    """Who sent it."""

    sender_device: int
    """With which device."""

    client_seq: int
    """That device's number of it."""

    content: MessageContent = field(repr=False)
    """What it says."""

    state: MessageState
    """How far it got."""

    created_at_ms: int
    """The relay's clock when it accepted it; this device's clock until then."""

    ttl_seconds: int | None
    """How long it lives, from when the relay accepted it; none: for ever."""

    @property
    def text(self) -> str | None:
        """Its words, if it is made of words."""
        return self.content.text if isinstance(self.content, Text) else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer got."""

    done: int
    """Encrypted bytes that went through. A transfer that has to begin anew begins at 0."""

    total: int
    """Of so many."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread that this device knows."""

    id: str
    """Which."""

    user: str | None
    """The other user of a direct thread; oneself in a thread with oneself."""

    last_activity_ms: int
    """When its last message came, or it was made."""


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of the inbox."""

    threads: list[InboxThread]
    """The thread with the newest message first."""

    next: str | None
    """Where the next page begins; none at the end."""


@dataclass(frozen=True, slots=True)
class InboxThread:
    """A thread as the inbox shows it."""

    id: str
    """Which."""

    user: str | None
    """The other user of a direct thread; oneself in a thread with oneself."""

    last_message: Message | None
    """What was said last, by anybody. What waits to be sent stands after all else."""

    last_sent: Message | None
    """The last message of this account, from whichever of its devices: its state tells how far it is."""

    unread: int
    """Messages of others that no device of this account has read."""

    read_up_to: str | None
    """The newest message that this account has read."""

    preferences: ThreadPreferences
    """What this account wants of the thread."""

    last_activity_ms: int
    """When its last message came, or it was made."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One recipient of one message."""

    user: str
    """Who."""

    state: RecipientState
    """How far."""

    delivered_at_ms: int | None
    """When a device of theirs had it."""

    read_at_ms: int | None
    """When they had read it."""

    failed_at_ms: int | None
    """When it failed."""

    reason: FailureReason | None
    """Why it failed."""


class RecipientState(Enum):
    """Where one message stands for one recipient."""

    SENT = "sent"
    """The relay has it."""

    DELIVERED = "delivered"
    """A device of the recipient has it."""

    READ = "read"
    """The recipient has read it."""

    FAILED = "failed"
    """It did not reach them."""


class FailureReason(Enum):
    """Why a recipient did not get a message."""

    EXPIRED = "expired"
    """Its time to live, or that of the queue, ran out first."""

    BLOCKED = "blocked"
    """The recipient blocked the sender after it was sent."""

    UNKNOWN = "unknown"
    """Of a later version."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose device this is."""

    user: str
    """The user."""

    device: int
    """The number of this device in the account."""


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """A registered device of this account."""

    device: int
    """Which device."""

    active: bool
    """Whether the newest signed list holds it."""

    registered_at_ms: int
    """When it registered."""

    disabled_at_ms: int | None
    """Since when it is disabled."""


@dataclass(frozen=True, slots=True)
class JoinAccount:
    """On the new device: is this the account that it is to join?"""

    user: str
    """Whose account."""

    device: int
    """The number that this device would have in it."""


@dataclass(frozen=True, slots=True)
class AddDevice:
    """On the existing device: may this device join the account, and read its messages from now on?"""

    device: int
    """The number that it would have."""

    identity_key: bytes = field(repr=False)
    """Its public identity key, as it came over the agreement."""


class NetworkRole(Enum):
    """Whether this process speaks for the device."""

    HELD = "held"
    """It does."""

    WAITING = "waiting"
    """Another process has the store open and speaks for the device."""


class SessionPolicy(Enum):
    """What a new session must have. Sessions that are held go on until the other device speaks PQXDH."""

    REQUIRE_PQXDH = "require_pqxdh"
    """A post-quantum part (PQXDH): devices that publish no KEM prekey are neither written to nor read in a new session, and
    messages for them wait."""

    ALLOW_X3DH = "allow_x3dh"
    """With such devices sessions may begin too (X3DH); with devices whose signed list says that they speak PQXDH it changes
    nothing."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The settings of the account."""

    direct_messages: DirectMessages
    """Who may begin a 1:1 thread with this user."""

    read_receipts: bool
    """Whether read receipts go out; without them none of others are shown either."""

    presence: bool
    """Whether others see when this user is online or was; without it none of others is shown either."""


class DirectMessages(Enum):
    """Who may begin a 1:1 thread with a user. Whoever the user has written to may always answer."""

    EVERYONE = "everyone"
    """Anybody."""

    FOLLOWERS = "followers"
    """Whom the platform counts as followers."""

    VERIFIED = "verified"
    """Whom the platform has verified."""

    NOBODY = "nobody"
    """Nobody."""


@dataclass(frozen=True, slots=True)
class ThreadPreferences:
    """What this account wants of a thread."""

    muted_until_ms: int | None
    """No notifications until then; none for not muted."""

    notifications: Notifications
    """Which messages notify."""


class Notifications(Enum):
    """Which messages of a thread notify."""

    ALL = "all"
    """Every one."""

    MENTIONS = "mentions"
    """Those that name the user."""

    NOTHING = "nothing"
    """Not any."""
