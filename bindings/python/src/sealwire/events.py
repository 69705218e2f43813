"""Events, one after the other, for whoever reads them when they are ready."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from ._calls import call, listed
from .event import Event


class EventStream(AsyncIterator[Event]):
    """Everything that happens at a client from the moment this was made, until the client closes: ``async for``.

    1,024 events wait for a slow reader; in the place of those that did not fit stands one ``Lagged`` with their number, and
    the client can be asked for what they said. It keeps no client open. A wait that is cancelled or timed out takes no event
    away. To be read by one task at a time.
    """

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._here: deque[Event] = deque()
        self._ended = False
        # It outlives a wait that is cancelled: what it brings would be nobody's.
        self._coming: asyncio.Task[list[Event]] | None = None

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._here:
            if self._ended:
                raise StopAsyncIteration
            coming = self._coming or asyncio.get_running_loop().create_task(_next(self._reader))
            self._coming = coming
            here = await asyncio.shield(coming)
            # Of several that wait, the first takes them in.
            if self._coming is coming:
                self._coming = None
                self._here.extend(here)
                self._ended = not here
        return self._here.popleft()

    def close(self) -> None:
        """Ends it, and whoever waits for it."""
        self._reader.end()

    def __del__(self) -> None:
        self._reader.end()


async def _next(reader: Any) -> list[Event]:
    return await call(listed(_any_event), reader.next())


def _any_event(event: Event) -> Event:
    return event
