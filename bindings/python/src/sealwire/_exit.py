"""How a process ends well, and how it forks: no thread of the library's may be inside Python while the interpreter goes down.

Before Python 3.14, such a thread is ended where it stands, and takes the process with it. It happens to whoever leaves right after
a call: the thread that brought the answer still has to come out. So clients are closed at exit, and everybody is let out.

In the child of a fork there are none of the library's threads, and locks may stay shut that they held. So whoever uses the library
there is told so, and what Python throws away there is left as it is.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ._native import sealwire as native

_F = TypeVar("_F", bound=Callable[..., Any])

_open: weakref.WeakSet[Any] = weakref.WeakSet()
_inside: set[int] = set()

# One who is out of his function has yet to let go of the interpreter, which takes no longer than this.
_LAST_STEP = 0.01
_LIMIT = 2.0

_FORKED = (
    "this process was forked from one in which Sealwire was already in use, and has none of its threads: "
    'start it with multiprocessing\'s "spawn", or open the first client after the fork'
)
_has_threads = threading.Event()


def threads_begin() -> None:
    """From now on the library has threads, which a fork leaves behind."""
    _has_threads.set()


def close_at_exit(client: Any) -> None:
    """Closes it then, if it is still there and open."""
    _open.add(client)


def from_outside(function: _F) -> _F:
    """What threads of the library's call."""

    @wraps(function)
    def counted(*given: Any) -> Any:
        thread = threading.get_ident()
        _inside.add(thread)
        try:
            return function(*given)
        finally:
            _inside.discard(thread)

    return counted  # type: ignore[return-value]


@from_outside
def _goes_on(handle: int, code: int) -> None:
    """As UniFFI's own, which is loud when the loop that waited is gone."""
    loop, future = native._UniffiContinuationHandleMap.remove(handle)
    try:
        loop.call_soon_threadsafe(native._uniffi_set_future_result, future, code)
    except RuntimeError:
        pass


native._uniffi_continuation_callback = native._UNIFFI_RUST_FUTURE_CONTINUATION_CALLBACK(_goes_on)


class _Forked:
    """Stands in for the library where its threads are gone."""

    def __getattr__(self, function: str) -> Callable[..., None]:
        return _left_alone if "_free" in function else _refused


def _left_alone(*_: Any) -> None:
    """What is the parent's stays as it is."""


def _refused(*_: Any) -> None:
    raise RuntimeError(_FORKED)


def _in_child() -> None:
    """The library's threads stay with the parent, and so do its clients."""
    for client in list(_open):
        # Nobody has to close it here.
        client._closed = True
    _open.clear()
    _inside.clear()
    if _has_threads.is_set():
        native._UniffiLib = _Forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


@atexit.register
def _leave() -> None:
    async def close() -> None:
        await asyncio.gather(*(client.close() for client in list(_open)), return_exceptions=True)

    if _open:
        asyncio.run(close())
    latest = time.monotonic() + _LIMIT
    time.sleep(_LAST_STEP)
    while _inside and time.monotonic() < latest:
        time.sleep(_LAST_STEP)
