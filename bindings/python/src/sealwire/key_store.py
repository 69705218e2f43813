"""The app's place for small secrets: the key of the store."""

from __future__ import annotations

import os
from typing import Any, Protocol, runtime_checkable

from ._calls import exception_of, row
from ._exit import from_outside
from ._native import sealwire as native


@runtime_checkable
class KeyStore(Protocol):
    """Keeps small named secrets for the app: a keyring, a vault. One key store belongs to one store.

    Called from threads of the library's own, never from the event loop's: it may take its time; one call comes after the other.
    A ``put`` must be durable when it returns. Neither may wait for a call of its client but ``close``. An exception becomes the error ``key_store``, with its words as ``reason``: no secret belongs into them. Do not
    back the secrets up together with the store, nor let them travel to another device.
    """

    def get(self, name: str) -> bytes | None:
        """The secret of this name, if it was ever put."""

    def put(self, name: str, secret: bytes) -> None:
        """Keeps the secret under this name, in place of an earlier one."""


class _Ours:
    """One of the SDK's own."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, name: str) -> bytes | None:
        """The secret of this name, if it was ever put."""
        try:
            secret: bytes | None = self._store.get(name)
        except native.CallbackError.Failed as error:
            raise exception_of(row("key_store", error.reason)) from None
        return secret

    def put(self, name: str, secret: bytes) -> None:
        """Keeps the secret under this name, in place of an earlier one."""
        try:
            self._store.put(name, secret)
        except native.CallbackError.Failed as error:
            raise exception_of(row("key_store", error.reason)) from None


class FileKeyStore(_Ours):
    """Keeps the secrets in a file that only this user may read: for desktops and servers."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(native.file_key_store(os.fspath(path)))


class MemoryKeyStore(_Ours):
    """Forgets them with the process: for tests."""

    def __init__(self) -> None:
        super().__init__(native.memory_key_store())


class _HandedIn(native.KeyStore):  # type: ignore[misc]
    """One of the app's, as the library calls it."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    @from_outside
    def get(self, name: str) -> bytes | None:
        try:
            return self._store.get(name)
        except BaseException as error:
            raise _failed(error) from error

    @from_outside
    def put(self, name: str, secret: bytes) -> None:
        try:
            self._store.put(name, secret)
        except BaseException as error:
            raise _failed(error) from error


def _failed(error: BaseException) -> Exception:
    # The generated layer knows of exceptions alone: a SystemExit would look like a secret that is kept.
    failed: Exception = native.CallbackError.Failed(f"{type(error).__name__}: {error}")
    return failed


def native_key_store(store: KeyStore | None) -> Any:
    """As the library takes it."""
    if store is None:
        return None
    return store._store if isinstance(store, _Ours) else _HandedIn(store)
