"""How far a message got; match it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Pending:
    """Of this device: durable here, not yet at the relay."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Of this account: durable at the relay."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Of this account: every recipient has it, on one device at least."""


@dataclass(frozen=True, slots=True)
class Read:
    """Of this account: every recipient has read it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Of this account: given up, or it did not reach a recipient."""

    code: str
    """The reason, a code of the table of errors."""


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Of this device: not to be sent any more; the relay is asked whether it has it already."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Of this device: nobody got it, and nobody will."""


@dataclass(frozen=True, slots=True)
class Received:
    """Of somebody else."""


@dataclass(frozen=True, slots=True)
class Other:
    """A state of a later version."""


MessageState: TypeAlias = Pending | Sent | Delivered | Read | Failed | Cancelling | Cancelled | Received | Other
"""How far a message got."""
