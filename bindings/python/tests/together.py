"""Python's device in tests/together: requests come as lines of JSON, each is answered by one."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sealwire import Client, FileKeyStore, Linking, Message, content, state

# More than the story has.
PAGE = 200


class Peer:
    """A device, once it is opened."""

    def __init__(self) -> None:
        self._opened: Client | None = None
        self._linking: Linking | None = None

    @property
    def client(self) -> Client:
        """It."""
        if self._opened is None:
            raise RuntimeError("not opened")
        return self._opened

    async def open(self, relay: str, folder: str) -> None:
        """The store lies in a folder of its own."""
        keys = FileKeyStore(Path(folder, "keys"))
        self._opened = await Client.open(relay, Path(folder, "store.db"), keys)

    async def close(self) -> None:
        """May be called again."""
        if self._opened is not None:
            await self._opened.close()

    async def register(self, user: str) -> int:
        """Gives the device's number."""
        return await self.client.register(user)

    async def start_linking(self) -> str:
        """Gives the code."""
        self._linking = await self.client.start_linking()
        return self._linking.code

    async def finish_linking(self) -> int:
        """Gives the device's number."""
        if self._linking is None:
            raise RuntimeError("no linking")
        account = await self._linking.finish(lambda _: True)
        await self.client.wait_until_caught_up()
        return account.device

    async def link_device(self, code: str) -> int:
        """Gives the other's number."""
        return await self.client.link_device(code, lambda _: True)

    async def direct_thread(self, user: str) -> str:
        """Gives its id."""
        return await self.client.direct_thread(user)

    async def send_text(self, thread: str, text: str) -> None:
        """Durable here, and on its way."""
        await self.client.send_text(thread, text)

    async def send_picture(self, thread: str, path: str, caption: str) -> None:
        """The same of a file."""
        await self.client.send_attachment(thread, path, mime="image/png", caption=caption)

    async def go_offline(self) -> None:
        """Disconnects."""
        await self.client.go_offline()

    async def go_online(self) -> None:
        """Connects, and catches up."""
        await self.client.go_online()
        await self.client.wait_until_caught_up()

    async def wait_for_messages(self, thread: str, count: int, within_ms: int) -> None:
        """Until the thread holds so many."""

        async def there() -> int:
            return len(await self._page(thread))

        await self._wait("messages", there, count, within_ms)

    async def wait_until_read(self, thread: str, count: int, within_ms: int) -> None:
        """Until so many of this account are read."""

        async def read() -> int:
            return sum(isinstance(message.state, state.Read) for message in await self._page(thread))

        await self._wait("read messages", read, count, within_ms)

    async def mark_read(self, thread: str) -> None:
        """Up to the newest."""
        await self.client.mark_read(thread)

    async def count_messages(self, thread: str) -> int:
        """In the store."""
        return await self.client.count_messages(thread)

    async def count_unread(self) -> int:
        """In the store."""
        return await self.client.count_unread()

    async def history(self, thread: str) -> dict[str, list[Any]]:
        """Oldest first, with the digests of the downloaded pictures."""
        messages = (await self._page(thread))[::-1]
        rows = []
        for message in messages:
            text, picture = f"<{message.content}>", None
            if isinstance(message.content, content.Text):
                text = message.content.text
            elif isinstance(message.content, content.Attachment):
                text = message.content.caption
                picture = hashlib.sha256(await self.client.download_attachment(message.local_id)).hexdigest()
            rows.append(
                {
                    "id": message.id or "",
                    "sender": message.sender,
                    "device": message.sender_device,
                    "text": text,
                    "picture": picture,
                }
            )
        return {"rows": rows, "states": [type(message.state).__name__.lower() for message in messages]}

    async def _page(self, thread: str) -> list[Message]:
        return await self.client.messages(thread, limit=PAGE)

    async def _wait(self, what: str, there: Callable[[], Awaitable[int]], count: int, within_ms: int) -> None:
        # From before the first look; with each event another one.
        events = self.client.events()

        async def looking() -> None:
            while await there() < count:
                await anext(events)

        try:
            await asyncio.wait_for(looking(), within_ms / 1000)
        except asyncio.TimeoutError:
            so_many = await there()
            raise RuntimeError(f"waited {within_ms} ms for {count} {what}: there are {so_many}") from None
        finally:
            events.close()


def snake(name: str) -> str:
    """goOnline is go_online here."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


async def main() -> None:
    """Until the requests end."""
    peer = Peer()
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        request = {snake(name): value for name, value in json.loads(line).items()}
        answer: dict[str, Any]
        try:
            answer = {"ok": await getattr(peer, snake(request.pop("do")))(**request)}
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
    await peer.close()


if __name__ == "__main__":
    asyncio.run(main())
