"""A relay and the devices of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from relay_process import RelayProcess
from sealwire import Client, FileKeyStore, KeyStore, Message, MessageState

LINES = [
    "Ein Gruß aus Köln, Straße am Dom 👋",
    "Rendez-vous à la gare, dès l'été",
    "東京で会いましょう",
    "你好，明天见",
    "서울에서 만나요",
    "مرحبا، أراك غدا",
    "נתראה מחר בבוקר",
    "कल सुबह मिलते हैं",
]


class World:
    """What a test needs; all of it ends with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.relay = RelayProcess(folder / "relay")
        self._open: list[Client] = []

    async def device(self, name: str, keys: KeyStore | None = None) -> Client:
        """A client whose store is a file of this name."""
        keys = keys or FileKeyStore(self.folder / f"{name}.keys")
        client = await Client.open(self.relay.url, self.folder / f"{name}.db", keys)
        self._open.append(client)
        return client

    async def registered(self, user: str) -> Client:
        """The first device of a new account."""
        client = await self.device(user)
        await client.register(user)
        return client

    async def pair(self) -> tuple[Client, Client]:
        """Alice and Bob."""
        return await self.registered("alice"), await self.registered("bob")

    async def close(self) -> None:
        """Ends every client and the relay."""
        for client in self._open:
            await client.close()
        self.relay.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits for it; the test's own limit ends a wait that is in vain."""
    while not await holds():
        await asyncio.sleep(0.02)


async def holds(client: Client, count: int, thread: str) -> list[Message]:
    """The client's messages once there are so many, oldest first."""

    async def there() -> bool:
        return await client.count_messages(thread) >= count

    await until(there)
    return (await client.messages(thread, limit=count + 10))[::-1]


async def reaches(client: Client, message: Message, wanted: MessageState) -> None:
    """Waits until the message has this state."""

    async def there() -> bool:
        now = await client.message(message.local_id)
        return now is not None and now.state == wanted

    await until(there)


async def newest(client: Client, thread: str) -> Message:
    """The last message of a thread."""
    return (await client.messages(thread, limit=1))[0]


def words(messages: list[Message]) -> list[str | None]:
    """What they say."""
    return [message.text for message in messages]
