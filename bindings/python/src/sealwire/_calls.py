"""How the library is called: what it answers becomes ours, and its errors become exceptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ._native import sealwire as native
from ._values import lift
from .errors import CLASSES, ErrorInfo, SealwireError, UnknownCodeError

_T = TypeVar("_T")


async def call(kind: Callable[..., _T], work: Awaitable[Any]) -> _T:
    """What the library answers, which is of this kind. Who is cancelled here stops waiting; the work goes on."""
    try:
        answer: _T = lift(await work)
    except native.CallError as error:
        raise exception_of(lift(error.info)) from None
    except native.InternalError:
        # A panic's own words may hold what somebody wrote.
        raise exception_of(row("internal", "a call panicked")) from None
    return answer


def now(kind: Callable[..., _T], work: Callable[[], Any]) -> _T:
    """The same, of what needs no waiting."""
    try:
        answer: _T = lift(work())
    except native.CallError as error:
        raise exception_of(lift(error.info)) from None
    except native.InternalError:
        # A panic's own words may hold what somebody wrote.
        raise exception_of(row("internal", "a call panicked")) from None
    return answer


def none(_: None) -> None:
    """The kind of what answers nothing."""


def maybe(kind: Callable[..., _T]) -> Callable[..., _T | None]:
    """The kind of what may answer nothing."""
    return kind


def listed(kind: Callable[..., _T]) -> Callable[..., list[_T]]:
    """The kind of what answers with several."""
    return lambda *values: list(values)


def exception_of(info: ErrorInfo) -> SealwireError:
    """The exception of its code."""
    return CLASSES.get(info.code, UnknownCodeError)(info)


def row(code: str, detail: str) -> ErrorInfo:
    """A row of the table, for what the library could not say itself."""
    info = next(info for info in native.error_table() if info.code == code)
    info.detail = detail
    found: ErrorInfo = lift(info)
    return found
