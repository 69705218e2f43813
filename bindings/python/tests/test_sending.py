"""What is said of a send beside its words."""

from __future__ import annotations

import pytest

from sealwire import errors
from world import World


async def test_asked_again_under_its_key_a_message_is_sent_once(world: World) -> None:
    alice = await world.registered("alice")
    thread = await alice.direct_thread("alice")
    first = await alice.send_text(thread, "once", key=bytes([7]) * 16)
    again = await alice.send_text(thread, "once", key=bytes([7]) * 16)
    assert again.local_id == first.local_id
    sent = [await alice.send_attachment(thread, bytes(50_000), key=bytes([8]) * 16) for _ in range(2)]
    assert sent[0].local_id == sent[1].local_id
    assert await alice.count_messages(thread) == 2
    await alice.send_text(thread, "once")
    assert await alice.count_messages(thread) == 3


async def test_a_key_of_another_length_is_an_error_and_nothing_is_sent(world: World) -> None:
    alice = await world.registered("alice")
    thread = await alice.direct_thread("alice")
    with pytest.raises(errors.InvalidIdError, match="16 bytes"):
        await alice.send_text(thread, "never", key=bytes(15))
    with pytest.raises(errors.InvalidIdError, match="16 bytes"):
        await alice.send_attachment(thread, bytes(9), key=bytes(17))
    assert await alice.count_messages(thread) == 0


async def test_a_key_that_was_used_for_other_words_is_an_error_and_nothing_is_sent(world: World) -> None:
    alice = await world.registered("alice")
    thread = await alice.direct_thread("alice")
    key = bytes([7]) * 16
    await alice.send_text(thread, "first", key=key)
    with pytest.raises(errors.SendKeyReusedError):
        await alice.send_text(thread, "second", key=key)
    with pytest.raises(errors.SendKeyReusedError):
        await alice.send_attachment(thread, bytes(9), key=key)
    assert await alice.count_messages(thread) == 1


async def test_an_error_says_its_code_once(world: World) -> None:
    alice = await world.registered("alice")
    kinds = {"nobody": errors.UserUnknownError, "alice": errors.OwnUserError, "a/b": errors.InvalidIdError}
    for user, kind in kinds.items():
        with pytest.raises(kind) as refused:
            await alice.block(user)
        assert str(refused.value).count(refused.value.code) == 1, refused.value
