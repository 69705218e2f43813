"""A client: one device of one user."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from types import TracebackType
from typing import Any, Final

from ._calls import call, listed, maybe, none, now
from ._exit import close_at_exit, from_outside, threads_begin
from ._native import sealwire as native
from ._values import lift, lower
from .connection import ConnectionState
from .content import MediaFacts
from .events import EventStream
from .key_store import KeyStore, native_key_store
from .linking import Confirm, Linking, link_device
from .records import (
    Account,
    AccountSettings,
    AddDevice,
    InboxPage,
    InboxThread,
    Message,
    NetworkRole,
    OwnDevice,
    Progress,
    Receipt,
    SessionPolicy,
    Thread,
    ThreadPreferences,
)


class InMemory(Enum):
    """The type of :data:`IN_MEMORY`."""

    IN_MEMORY = "in memory"


IN_MEMORY: Final = InMemory.IN_MEMORY
"""A store that is gone when the client closes, and the device with it. For tests."""


class Client:
    """One device of one user: registers or links itself, sends, receives, and finds what was said.

    Open it with :meth:`open`; it ends with :meth:`close`, or with its ``async with`` block. Calls raise
    :class:`sealwire.SealwireError`. **A cancelled call stops waiting, the work goes on** (what only reads or waits, and a
    download, ends with its call). The work is done by threads of the library's own; any event loop of any thread may call.
    """

    def __init__(self, handle: Any) -> None:
        # By `open` alone.
        self._handle = handle
        self._closed = False
        close_at_exit(self)

    @classmethod
    def open(
        cls,
        relay: str,
        store: str | os.PathLike[str] | InMemory,
        key_store: KeyStore | None = None,
        *,
        start_offline: bool = False,
        danger_allow_http: bool = False,
        give_up_after_ms: int | None = None,
        session_policy: SessionPolicy = SessionPolicy.REQUIRE_PQXDH,
    ) -> Opening:
        """Opens the store and starts the client: ``await`` it, or use it in ``async with``, which closes the client too.

        It connects by itself if the device belongs to an account. A store is made only where there never was one.

        - ``relay``: ``https://relay.example``, scheme, host and port alone
        - ``store``: a file, whose folder must exist, or ``IN_MEMORY``
        - ``key_store``: keeps the store's key; needed with a file
        - ``start_offline``: connects to nothing until :meth:`go_online`; nothing happens before somebody reads its events
        - ``danger_allow_http``: allows ``http://`` to other hosts than this one: tokens, and who writes to whom, can then be
          read and used by anybody on the way
        - ``give_up_after_ms``: for how long a message that cannot leave is tried before it fails; none: a day
        - ``session_policy``: what new sessions must have: a post-quantum part, unless it is said that devices without may be
          written to as well

        Codes: ``configuration``, ``key_store``, ``key_missing``, ``store_missing``, ``store_in_use``, and those of a store that
        does not open.
        """
        options = native.OpenOptions(
            relay=relay,
            store=native.StoreLocation.MEMORY() if store is IN_MEMORY else native.StoreLocation.FILE(os.fspath(store)),
            start_offline=start_offline,
            danger_allow_http=danger_allow_http,
            give_up_after_ms=give_up_after_ms,
            session_policy=lower(session_policy),
        )
        return Opening(options, key_store)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)

    # The account and its devices

    async def register(self, user: str) -> int:
        """Makes the account of this user, with this device as its first; gives the device's number.

        Only a relay in dev mode takes anybody's word for who they are. Code: ``account_exists`` (link this device instead).
        """
        return await call(int, self._handle.register(user))

    async def register_with_platform_token(self, user: str, token: str) -> int:
        """Makes the account of this user, whom the platform's token names."""
        return await call(int, self._handle.register_with_platform_token(user, token))

    def account(self) -> Account | None:
        """Whose device this is, once it is registered or linked."""
        return now(maybe(Account), self._handle.account)

    async def start_linking(self) -> Linking:
        """Begins to make this device one of an existing account; show its ``code`` there, then ``finish``."""
        return Linking(await call(_any, self._handle.start_linking()))

    async def link_device(self, code: str, confirm: Confirm[AddDevice]) -> int:
        """Lets the device that shows this code into the account, if ``confirm`` says yes; gives its number.

        Codes: ``link_code_invalid``, ``link_expired``, ``link_declined``, ``link_tampered``, ``device_limit``.
        """
        return await link_device(self._handle, code, confirm)

    async def cancel_linking(self) -> None:
        """Gives up the linking that is under way, on either side."""
        await call(none, self._handle.cancel_linking())

    async def own_devices(self) -> list[OwnDevice]:
        """The registered devices of this account, as the relay knows them."""
        return await call(listed(OwnDevice), self._handle.own_devices())

    async def session_protocol(self, user: str, device: int) -> int | None:
        """The protocol version of the session that messages for a device go in: 4 is PQXDH, 3 X3DH.

        None where there is no session yet. Of this account's other devices too.
        """
        return await call(maybe(int), self._handle.session_protocol(user, device))

    async def remove_device(self, device: int) -> None:
        """Takes a device out of the account's signed list, and disables it. Codes: ``own_device``, ``unknown_device``."""
        await call(none, self._handle.remove_device(device))

    async def disable_device(self, device: int) -> None:
        """Lets one of the account's devices do nothing any more at the relay, at once and for ever. Code: ``not_found``."""
        await call(none, self._handle.disable_device(device))

    async def accept_account_key(self, user: str, list_hash: str) -> None:
        """Believes the changed account key of a user, by the ``list_hash`` of the event that the person was asked about, over
        another way: what waited for it is sent.

        Code: ``list_not_offered`` if another list is offered by now; the event comes again.
        """
        await call(none, self._handle.accept_account_key(user, list_hash))

    # The connection

    def events(self) -> EventStream:
        """Everything that happens from now on, until the client closes: ``async for event in client.events()``."""
        return EventStream(now(_any, self._handle.events))

    def connection(self) -> ConnectionState:
        """Where the connection stands now; the event ``Connection`` tells of changes."""
        return now(_connection, self._handle.connection)

    def network_role(self) -> NetworkRole:
        """Whether this process speaks for the device, or waits for another one to end."""
        return now(NetworkRole, self._handle.network_role)

    async def go_online(self) -> None:
        """Connects, and stays connected from now on."""
        await call(none, self._handle.go_online())

    async def go_offline(self) -> None:
        """Disconnects, and stays offline from now on. Messages can be sent all the same: they wait."""
        await call(none, self._handle.go_offline())

    async def network_changed(self) -> None:
        """The system has another network than before: whatever waits for its next try is tried now."""
        await call(none, self._handle.network_changed())

    async def suspend(self) -> None:
        """Lets go of store and socket; every other call gives ``suspended`` until :meth:`resume`."""
        await call(none, self._handle.suspend())

    async def resume(self) -> None:
        """Opens everything again and catches up, as the app last wanted it."""
        await call(none, self._handle.resume())

    async def wait_until_caught_up(self) -> None:
        """Waits until everything that was queued for this device is here: for ever, while it is offline or has no account."""
        await call(none, self._handle.wait_until_caught_up())

    async def fetch_queue(self) -> int:
        """Takes in everything that waits at the relay, without a socket and also while offline. How many events that were."""
        return await call(int, self._handle.fetch_queue())

    # Sending

    async def direct_thread(self, user: str) -> str:
        """The thread of this user with another one, or with themselves. It needs no network."""
        return await call(str, self._handle.direct_thread(user))

    def max_text_bytes(self) -> int:
        """The longest text of one message, in bytes of UTF-8."""
        return now(int, self._handle.max_text_bytes)

    async def send_text(
        self, thread: str, text: str, *, ttl_seconds: int | None = None, key: bytes | None = None
    ) -> Message:
        """Sends words: durable here when this returns, on their way from then on, also across restarts.

        With ``ttl_seconds`` the message disappears from every device and from the relay so many seconds after the relay
        accepted it. With a ``key`` of 16 bytes it is sent once, however often it is asked: a second call with it gives the
        message of the first and sends nothing. Make it of chance alone, or as a UUIDv7 is made, and never use it for another
        message: receivers see it. Codes: ``empty_text``, ``text_too_long``, ``unknown_thread``, ``not_registered``,
        ``ttl_invalid``, ``invalid_id`` (a key that has not 16 bytes), ``send_key_reused`` (one that named another message).
        """
        options = native.SendOptions(ttl_seconds=ttl_seconds, key=key)
        return await call(Message, self._handle.send_text(thread, text, options))

    async def send_attachment(
        self,
        thread: str,
        source: bytes | str | os.PathLike[str],
        *,
        mime: str | None = None,
        name: str | None = None,
        caption: str | None = None,
        ttl_seconds: int | None = None,
        key: bytes | None = None,
        media: MediaFacts | None = None,
        progress: Callable[[Progress], object] | None = None,
    ) -> Message:
        """Encrypts and uploads a file, then sends a message that points to it: durable here when this returns.

        ``source`` is the bytes, or the path of a file of any size. ``key`` names this send, as in :meth:`send_text`.
        ``progress`` is called on the event loop, before this returns.
        Codes: ``attachment_too_large``, ``attachment_source``, ``attachment_transfer``, ``network``, and those of
        :meth:`send_text`.
        """
        if isinstance(source, bytes):
            read_from = native.AttachmentSource.BYTES(source)
        else:
            read_from = native.AttachmentSource.FILE(os.fspath(source))
        options = native.AttachmentOptions(
            mime=mime, name=name, caption=caption, ttl_seconds=ttl_seconds, key=key, media=lower(media)
        )
        sent = self._handle.send_attachment(thread, read_from, options, _told(progress))
        return await call(Message, sent)

    async def download_attachment(
        self, local_id: int, *, progress: Callable[[Progress], object] | None = None
    ) -> bytes:
        """The bytes of a message's attachment: all of them, as they were sent. A cancelled call ends the download.

        Codes: ``no_attachment``, ``attachment_gone``, ``attachment_tampered``, ``attachment_transfer``, ``network``.
        """
        return await call(bytes, self._handle.download_attachment(local_id, _told(progress)))

    async def download_attachment_to_file(
        self,
        local_id: int,
        path: str | os.PathLike[str],
        *,
        progress: Callable[[Progress], object] | None = None,
    ) -> None:
        """Writes a message's attachment to a file, in constant memory: whole, or not at all.

        Codes: those of :meth:`download_attachment`, and ``attachment_sink``.
        """
        done = self._handle.download_attachment_to_file(local_id, os.fspath(path), _told(progress))
        await call(none, done)

    async def retry(self, local_id: int) -> Message:
        """Tries a message that failed once more. Codes: ``unknown_message``, ``not_failed``, ``repeat_too_late``."""
        return await call(Message, self._handle.retry(local_id))

    async def cancel(self, local_id: int) -> Message:
        """Does not send a message after all; of what may have reached the relay it is asked. Code: ``already_sent``."""
        return await call(Message, self._handle.cancel(local_id))

    async def wait_until_sent(self, local_id: int) -> Message:
        """Waits until the relay has a message of this device, and gives it as it stands then.

        Codes: ``message_failed``, ``message_cancelled``.
        """
        return await call(Message, self._handle.wait_until_sent(local_id))

    # Reading

    async def messages(self, thread: str, before: int | None = None, limit: int = 50) -> list[Message]:
        """A page of a thread, newest first: the newest, or those before the message with this local id."""
        return await call(listed(Message), self._handle.messages(thread, before, limit))

    async def message(self, local_id: int) -> Message | None:
        """One message by its local id."""
        return await call(maybe(Message), self._handle.message(local_id))

    async def search(
        self, text: str, thread: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        """The messages that hold every word of ``text``, newest first; in one thread or in all."""
        return await call(listed(Message), self._handle.search(text, thread, before, limit))

    async def count_messages(self, thread: str | None = None) -> int:
        """How many messages this device holds, in one thread or in all."""
        return await call(int, self._handle.count_messages(thread))

    async def threads(self, after: str | None = None, limit: int = 50) -> list[Thread]:
        """The threads, the one with the newest message first: from the top, or those after the thread with this id."""
        return await call(listed(Thread), self._handle.threads(after, limit))

    async def inbox(self, limit: int = 50, after: str | None = None) -> InboxPage:
        """A page of the inbox: the threads with the newest messages, or those that come after a page's ``next``."""
        return await call(InboxPage, self._handle.inbox(limit, after))

    async def inbox_thread(self, thread: str) -> InboxThread | None:
        """One thread as the inbox shows it."""
        return await call(maybe(InboxThread), self._handle.inbox_thread(thread))

    async def count_unread(self) -> int:
        """Messages of others that no device of this account has read, in all threads."""
        return await call(int, self._handle.count_unread())

    async def mark_read(self, thread: str, up_to: str | None = None) -> None:
        """Everything in a thread up to this message is read, or up to its newest."""
        await call(none, self._handle.mark_read(thread, up_to))

    async def receipts(self, local_id: int) -> list[Receipt]:
        """How far a message of this account is with each recipient. Code: ``unknown_message``."""
        return await call(listed(Receipt), self._handle.receipts(local_id))

    async def sync_thread(self, thread: str) -> int:
        """Goes through a thread's history at the relay from where this device left off; how many messages were new."""
        return await call(int, self._handle.sync_thread(thread))

    # Settings, and what others see

    async def settings(self) -> AccountSettings:
        """The settings of the account, as the relay last told this device."""
        return await call(AccountSettings, self._handle.settings())

    async def set_settings(self, settings: AccountSettings) -> AccountSettings:
        """Sets them all; gives what holds now."""
        return await call(AccountSettings, self._handle.set_settings(lower(settings)))

    async def set_thread_preferences(self, thread: str, preferences: ThreadPreferences) -> ThreadPreferences:
        """Whether and of what a thread notifies, on all devices of the account; gives what holds now."""
        held = self._handle.set_thread_preferences(thread, lower(preferences))
        return await call(ThreadPreferences, held)

    async def block(self, user: str) -> None:
        """Takes no more 1:1 messages from a user; they are told no reason. Nobody blocks themselves: ``own_user``."""
        await call(none, self._handle.block(user))

    async def unblock(self, user: str) -> None:
        """Takes messages from a user again."""
        await call(none, self._handle.unblock(user))

    async def blocked_users(self) -> list[str]:
        """Whom this account blocks."""
        return await call(listed(str), self._handle.blocked_users())

    async def watch_threads(self, threads: Sequence[str]) -> None:
        """Tells of typing and presence in these threads, and in no others any more. Code: ``too_many_threads``."""
        await call(none, self._handle.watch_threads(list(threads)))

    async def set_typing(self, thread: str, typing: bool) -> None:
        """Says that this user types; call it with every keystroke."""
        await call(none, self._handle.set_typing(thread, typing))

    async def set_presence(self, online: bool) -> None:
        """Says whether the app is in use on this device, as the account's settings let others know."""
        await call(none, self._handle.set_presence(online))

    async def close(self) -> None:
        """Ends the client: socket, store and locks are given back when this returns.

        Streams of events end, waiting calls give ``closed``, and so does every later one. Closing twice does nothing more.
        """
        self._closed = True
        await call(none, self._handle.end())


class Opening(AbstractAsyncContextManager[Client]):
    """A client that is to be opened: ``await`` it, or use it in ``async with``."""

    def __init__(self, options: Any, key_store: KeyStore | None) -> None:
        self._options = options
        self._key_store = native_key_store(key_store)
        self._client: Client | None = None

    def __await__(self) -> Generator[Any, None, Client]:
        return self._open().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._open()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> Client:
        threads_begin()
        return Client(await call(_any, native.ClientHandle.open(self._options, self._key_store)))


class _Told(native.ProgressListener):  # type: ignore[misc]
    """Hears of progress on a thread of the library's, and tells it on the loop that called."""

    def __init__(self, tell: Callable[[Progress], object]) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()

    @from_outside
    def on_progress(self, progress: Any) -> None:
        self._loop.call_soon_threadsafe(self._tell, lift(progress))


def _told(progress: Callable[[Progress], object] | None) -> _Told | None:
    return None if progress is None else _Told(progress)


def _any(value: Any) -> Any:
    return value


def _connection(state: ConnectionState) -> ConnectionState:
    return state
