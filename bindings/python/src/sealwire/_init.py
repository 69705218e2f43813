"""The library below every client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._calls import none, now
from ._exit import from_outside, threads_begin
from ._native import sealwire as native
from ._values import lift, lower
from .log import LogLevel, LogLine


def init(*, log: Callable[[LogLine], object] | None = None, log_level: LogLevel = LogLevel.WARN) -> None:
    """Makes the library's threads and sets its logging. It needs not be called where nobody wants a log.

    ``log`` takes the SDK's lines, one after the other, on a thread of its own; ``sealwire.to_logging`` hands them to Python's
    ``logging``. No line holds a secret. Of a second ``log`` nothing changes: the first stays. TLS trusts Mozilla's roots, which
    are built in. Code: ``system``.
    """
    logger = None if log is None else _Logger(log)
    threads_begin()
    now(none, lambda: native.init(native.InitOptions(log_level=lower(log_level), logger=logger)))


def version() -> str:
    """The version of the library."""
    return now(str, native.version)


def live_clients() -> int:
    """How many clients of this process hold their store open, or are about to give it back."""
    return now(int, native.live_clients)


class _Logger(native.Logger):  # type: ignore[misc]
    def __init__(self, tell: Callable[[LogLine], object]) -> None:
        self._tell = tell

    @from_outside
    def log(self, line: Any) -> None:
        self._tell(lift(line))
