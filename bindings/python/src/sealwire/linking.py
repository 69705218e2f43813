"""Linking: how a further device joins an account, and who a person asks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeAlias, TypeVar

from ._calls import call
from ._exit import from_outside
from ._native import sealwire as native
from ._values import lift
from .errors import SealwireError
from .records import Account, AddDevice, JoinAccount

_Question = TypeVar("_Question")
_T = TypeVar("_T")

Confirm: TypeAlias = Callable[[_Question], "bool | Awaitable[bool]"]
"""Asks a person, on the event loop: a function or a coroutine function. An exception is a no, and comes out of the call."""


class Linking:
    """A linking that this new device began. It keeps no client open."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def code(self) -> str:
        """``sealwire://link?…``, to be shown to the existing device as a QR code or text. Good for ten minutes."""
        code: str = self._handle.code()
        return code

    async def finish(self, confirm: Confirm[JoinAccount]) -> Account:
        """Waits until the existing device has let this one in, and ``confirm`` has said yes to its account. Once.

        Codes: ``link_expired``, ``link_declined``, ``link_tampered``, ``link_state``.
        """
        listener = _JoinAccount(confirm)
        return await listener.answers(call(Account, self._handle.finish(listener)))


class _Asking(Generic[_Question]):
    """Takes a question on a thread of the library's, and puts it to the app on the loop that called."""

    def __init__(self, confirm: Confirm[_Question]) -> None:
        self._confirm = confirm
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._over = False

    @from_outside
    def ask(self, question: Any, answer: Any) -> None:
        self._loop.call_soon_threadsafe(self._begin, lift(question), answer)

    async def answers(self, work: Awaitable[_T]) -> _T:
        """Answers until the work is done."""
        try:
            return await work
        except SealwireError as error:
            if self._failure is not None:
                raise self._failure from error
            raise
        finally:
            self._over = True
            if self._task is not None:
                self._task.cancel()

    def _begin(self, question: _Question, answer: Any) -> None:
        if self._over:
            answer.give(False)
        else:
            self._task = self._loop.create_task(self._answer(question, answer))

    async def _answer(self, question: _Question, answer: Any) -> None:
        yes = False
        try:
            said = self._confirm(question)
            yes = bool(await said) if inspect.isawaitable(said) else bool(said)
        except Exception as failure:
            self._failure = failure
        finally:
            # Also when it is cancelled.
            answer.give(yes)


class _JoinAccount(_Asking[JoinAccount], native.JoinAccountListener):  # type: ignore[misc]
    pass


class _AddDevice(_Asking[AddDevice], native.AddDeviceListener):  # type: ignore[misc]
    pass


async def link_device(handle: Any, code: str, confirm: Confirm[AddDevice]) -> int:
    """The existing device's side."""
    listener = _AddDevice(confirm)
    return await listener.answers(call(int, handle.link_device(code, listener)))
