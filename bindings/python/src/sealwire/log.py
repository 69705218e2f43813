"""What the SDK logs: no line holds a secret, or what anybody wrote."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum


class LogLevel(Enum):
    """How much a line matters."""

    ERROR = "error"
    """Something did not work."""

    WARN = "warn"
    """Something is not as it should be; the SDK goes on."""

    INFO = "info"
    """Something that seldom happens."""

    DEBUG = "debug"
    """For those who look for a fault."""

    TRACE = "trace"
    """Everything."""


@dataclass(frozen=True, slots=True)
class LogField:
    """A value beside a line."""

    name: str
    """Its name."""

    value: str
    """As text."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log."""

    level: LogLevel
    """How much it matters."""

    target: str
    """Which part of the SDK says it."""

    text: str
    """What happened."""

    fields: list[LogField]
    """Values beside it."""


def to_logging(line: LogLine) -> None:
    """Hands a line to Python's own ``logging``, to the logger of its target: ``init(log=to_logging)``."""
    logger = logging.getLogger(line.target.replace("::", "."))
    values = "".join(f" {field.name}={field.value}" for field in line.fields)
    logger.log(_LEVELS[line.level], "%s%s", line.text, values)


_LEVELS = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARN: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.TRACE: logging.DEBUG - 5,
}
