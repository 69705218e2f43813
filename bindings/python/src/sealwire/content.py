"""What a message says; match it, or ask :attr:`sealwire.Message.text`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AttachmentFacts:
    """What a message tells of its file. The key stays inside: the bytes are fetched by the message's local id."""

    id: str
    """At the relay."""

    size: int
    """Plain size in bytes."""

    mime: str
    """As the sender names it, such as `image/png`; a hint, never to be trusted."""

    name: str = field(repr=False)
    """As the sender names it; may be empty."""

    media: MediaFacts
    """For a placeholder while it loads."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a reader may show of a picture, video or voice message before it is there."""

    width: int | None = None
    """In pixels."""

    height: int | None = None
    """In pixels."""

    duration_ms: int | None = None
    """In milliseconds."""

    blurhash: str | None = field(default=None, repr=False)
    """A blurred preview in a few characters."""

    waveform: bytes | None = field(default=None, repr=False)
    """Loudness over time: 64 bytes."""


class UnreadableReason(Enum):
    """Why a message cannot be read."""

    NO_SESSION = "no_session"
    """No session with that device opens it."""

    PREKEY_MISSING = "prekey_missing"
    """It names a prekey that this device does not have (any more)."""

    ENVELOPE_TAMPERED = "envelope_tampered"
    """The envelope was changed on its way."""

    CIPHERTEXT_TAMPERED = "ciphertext_tampered"
    """Envelope and ciphertext do not belong together, or the ciphertext was changed."""

    MISPLACED = "misplaced"
    """The envelope belongs to another message."""

    UNFRANKABLE = "unfrankable"
    """It could not be reported, so it is not shown."""

    MALFORMED = "malformed"
    """The content is not what this version or any other makes."""

    UNKNOWN_DEVICE = "unknown_device"
    """The sending device stands in no signed list of its user."""

    DEVICE_REVOKED = "device_revoked"
    """The sending device was removed from its account."""

    IDENTITY_CHANGED = "identity_changed"
    """The device's identity is not the one that its account signed."""

    DEVICE_LIST_ROLLBACK = "device_list_rollback"
    """The sender holds a newer device list than the relay shows."""

    KEY_REUSED = "key_reused"
    """A key that was used before."""

    UNKNOWN_VERSION = "unknown_version"
    """A protocol version that this client does not speak."""

    TOO_FAR_AHEAD = "too_far_ahead"
    """The message jumps further ahead than a session follows."""

    NO_LONGER_HELD = "no_longer_held"
    """Its sender's device was asked for it and no longer has what opens it."""

    EXPIRED = "expired"
    """This device was away for longer than the relay keeps for it what opens a message."""

    OTHER = "other"
    """A reason of a later version."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str = field(repr=False)
    """In Unicode."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; its bytes are fetched apart."""

    file: AttachmentFacts
    """What is known of it."""

    caption: str = field(repr=False)
    """May be empty."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Of a later version: kept, and shown when this client can."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Could not be read."""

    reason: UnreadableReason
    """Why."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Nothing any more: it was cancelled, or its time to live is over."""


MessageContent: TypeAlias = Text | Attachment | Unknown | Unreadable | Removed
"""What a message says."""
