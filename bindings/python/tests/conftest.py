"""A test that is a coroutine runs in an event loop of its own, for four minutes at most, in a world of its own."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from world import World

LIMIT = 240


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Ended by the hook below, in the loop that used it."""
    return World(tmp_path)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs coroutine functions."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    wanted = inspect.signature(test).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}
    world = arguments.get("world")

    async def run() -> None:
        try:
            await asyncio.wait_for(test(**arguments), LIMIT)
        finally:
            if isinstance(world, World):
                await asyncio.wait_for(world.close(), LIMIT)

    asyncio.run(run())
    return True
