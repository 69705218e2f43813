"""What a call costs, and how long a message takes: printed, not judged."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from relay_process import RelayProcess
from sealwire import IN_MEMORY, Client, event, version

CALLS = 2_000
MESSAGES = 50


async def main(relay: str) -> None:
    async with Client.open(relay, IN_MEMORY) as alice, Client.open(relay, IN_MEMORY) as bob:
        await alice.register("alice")
        await bob.register("bob")
        thread = await alice.direct_thread("bob")

        begun = time.perf_counter()
        for _ in range(CALLS):
            version()
        print(f"sync call:   {micros(begun, CALLS):8.1f} µs")
        begun = time.perf_counter()
        for _ in range(CALLS):
            await alice.message(-1)
        print(f"async call:  {micros(begun, CALLS):8.1f} µs (with a look into the store)")

        await bob.wait_until_caught_up()
        await alice.wait_until_caught_up()
        news = bob.events()
        took = []
        for number in range(MESSAGES):
            begun = time.perf_counter()
            await alice.send_text(thread, f"message {number}")
            async for happened in news:
                if isinstance(happened, event.MessageReceived):
                    break
            took.append(time.perf_counter() - begun)
        # The first one makes the session.
        print(f"send → received: median {1000 * statistics.median(took[1:]):.1f} ms, first {1000 * took[0]:.1f} ms")


def micros(begun: float, calls: int) -> float:
    return (time.perf_counter() - begun) / calls * 1e6


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, RelayProcess(Path(folder) / "relay") as process:
        asyncio.run(main(process.url))
