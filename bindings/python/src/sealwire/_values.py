"""The library's values as ours, and ours as the library's.

A class here stands for the library's class of the same name, and has its fields; a module of classes stands for an enum
with fields, each class for a variant. So there is one rule, and no line for each of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from types import ModuleType
from typing import Any

from . import connection, content, errors, event, log, records, state
from ._native import sealwire as native

_UNIONS: dict[str, ModuleType] = {
    "ConnectionState": connection,
    "Event": event,
    "MessageContent": content,
    "MessageState": state,
}
_RECORDS: list[type] = [
    *(content.AttachmentFacts, content.MediaFacts),
    *(errors.ErrorInfo, errors.ErrorFields),
    *(log.LogLine, log.LogField),
    *(records.Message, records.Progress, records.Thread, records.InboxPage, records.InboxThread, records.Receipt),
    *(records.Account, records.OwnDevice, records.JoinAccount, records.AddDevice),
    *(records.AccountSettings, records.ThreadPreferences),
]
_ENUMS: list[type[Enum]] = [
    *(content.UnreadableReason, errors.ErrorGroup, log.LogLevel),
    *(records.DirectMessages, records.FailureReason, records.NetworkRole),
    *(records.Notifications, records.RecipientState, records.SessionPolicy),
]

_Turn = Callable[[Any], Any]
_lifts: dict[type, _Turn] = {}
_lowers: dict[type, _Turn] = {}


def lift(value: Any) -> Any:
    """A value of the library, as ours."""
    turn = _lifts.get(type(value))
    return value if turn is None else turn(value)


def lower(value: Any) -> Any:
    """A value of ours, as the library takes it."""
    turn = _lowers.get(type(value))
    return value if turn is None else turn(value)


def _record(theirs: type, ours: type) -> None:
    names = [field.name for field in dataclasses.fields(ours)]
    _lifts[theirs] = lambda value: ours(*[lift(getattr(value, name)) for name in names])
    _lowers[ours] = lambda value: theirs(**{name: lower(getattr(value, name)) for name in names})


def _enum(theirs: type[Enum], ours: type[Enum]) -> None:
    _lifts[theirs] = lambda value: ours[value.name]
    _lowers[ours] = lambda value: theirs[value.name]


def _snake(name: str) -> str:
    return "".join("_" + letter if letter.isupper() else letter for letter in name).lstrip("_").upper()


_lifts[list] = lambda values: [lift(value) for value in values]
for _kind in _RECORDS:
    _record(getattr(native, _kind.__name__), _kind)
for _flat in _ENUMS:
    _enum(getattr(native, _flat.__name__), _flat)
for _name, _module in _UNIONS.items():
    for _variant in getattr(_module, _name).__args__:
        _record(getattr(getattr(native, _name), _snake(_variant.__name__)), _variant)
