"""Where the connection stands; match it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Offline:
    """Nothing is tried, or the next try is due later."""

    next_try_at_ms: int | None
    """When the next try is due; none when the app asked to be offline."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The relay can be reached, but gives this device no access. It is asked again."""

    code: str
    """The relay's word, a code of the table of errors."""

    next_try_at_ms: int
    """When the next try is due."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """A token or the socket is being had."""


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """Connected; what was queued comes in."""


@dataclass(frozen=True, slots=True)
class Online:
    """Connected and caught up."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another process or instance took this device's place at the relay; go online again to take it back."""


ConnectionState: TypeAlias = Offline | Refused | Connecting | CatchingUp | Online | Replaced
"""Where the connection stands."""
