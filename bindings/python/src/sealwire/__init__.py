"""End-to-end encrypted messaging.

A :class:`Client` is one device of one user::

    async with Client.open("https://relay.example", "alice.db", FileKeyStore("alice.keys"), start_offline=True) as alice:
        news = alice.events()  # before it connects: nothing that waited is missed
        if alice.account() is None:
            await alice.register("alice")
        await alice.go_online()
        thread = await alice.direct_thread("bob")
        await alice.send_text(thread, "Hello")
        async for happened in news:
            match happened:
                case event.MessageReceived(message):
                    print(message.sender, message.text)

Values are in :mod:`sealwire.records`; what there is to match in :mod:`sealwire.event`, :mod:`sealwire.content`,
:mod:`sealwire.state` and :mod:`sealwire.connection`; an exception for each code in :mod:`sealwire.errors`.
"""

from . import connection, content, errors, event, state
from ._init import init, live_clients, version
from .client import IN_MEMORY, Client, InMemory, Opening
from .connection import ConnectionState
from .content import AttachmentFacts, MediaFacts, MessageContent, UnreadableReason
from .errors import (
    AccountError,
    AttachmentError,
    ClientError,
    ContractError,
    ErrorFields,
    ErrorGroup,
    LinkingError,
    MessageError,
    NetworkError,
    SealwireError,
    StoreError,
)
from .event import Event
from .events import EventStream
from .key_store import FileKeyStore, KeyStore, MemoryKeyStore
from .linking import Confirm, Linking
from .log import LogField, LogLevel, LogLine, to_logging
from .records import (
    Account,
    AccountSettings,
    AddDevice,
    DirectMessages,
    FailureReason,
    InboxPage,
    InboxThread,
    JoinAccount,
    Message,
    NetworkRole,
    Notifications,
    OwnDevice,
    Progress,
    Receipt,
    RecipientState,
    SessionPolicy,
    Thread,
    ThreadPreferences,
)
from .state import MessageState

__version__ = version()

__all__ = [
    "IN_MEMORY",
    "Account",
    "AccountError",
    "AccountSettings",
    "AddDevice",
    "AttachmentError",
    "AttachmentFacts",
    "Client",
    "ClientError",
    "Confirm",
    "ConnectionState",
    "ContractError",
    "DirectMessages",
    "ErrorFields",
    "ErrorGroup",
    "Event",
    "EventStream",
    "FailureReason",
    "FileKeyStore",
    "InMemory",
    "InboxPage",
    "InboxThread",
    "JoinAccount",
    "KeyStore",
    "Linking",
    "LinkingError",
    "LogField",
    "LogLevel",
    "LogLine",
    "MediaFacts",
    "MemoryKeyStore",
    "Message",
    "MessageContent",
    "MessageError",
    "MessageState",
    "NetworkError",
    "NetworkRole",
    "Notifications",
    "Opening",
    "OwnDevice",
    "Progress",
    "Receipt",
    "RecipientState",
    "SealwireError",
    "SessionPolicy",
    "StoreError",
    "Thread",
    "ThreadPreferences",
    "UnreadableReason",
    "connection",
    "content",
    "errors",
    "event",
    "init",
    "live_clients",
    "state",
    "to_logging",
    "version",
]
