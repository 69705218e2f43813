"""docs/scenario.md, step by step, against the real relay."""

from __future__ import annotations

import asyncio

import pytest

import sealwire
from sealwire import (
    Account,
    AddDevice,
    Client,
    JoinAccount,
    MemoryKeyStore,
    Message,
    Progress,
    connection,
    content,
    errors,
    event,
    state,
)
from world import LINES, World, holds, newest, reaches, until, words


async def test_01_02_an_account_is_made_and_a_second_device_linked(world: World) -> None:
    alice = await world.device("alice")
    assert alice.account() is None
    assert await alice.register("alice") == 1
    with pytest.raises(errors.AlreadyRegisteredError):
        await alice.register("alice")

    tablet = await world.device("tablet")
    linking = await tablet.start_linking()
    assert linking.code.startswith("sealwire://link?")

    async def let_in(device: AddDevice) -> bool:
        return len(device.identity_key) == 33

    def join(account: JoinAccount) -> bool:
        return account.user == "alice"

    added, joined = await asyncio.gather(alice.link_device(linking.code, let_in), linking.finish(join))
    assert joined == Account("alice", added)
    assert tablet.account() == joined
    assert [device.device for device in await alice.own_devices()] == [1, added]


async def test_02_a_person_says_no_and_nothing_is_linked(world: World) -> None:
    alice = await world.registered("alice")
    tablet = await world.device("tablet")
    linking = await tablet.start_linking()
    both = await asyncio.gather(
        alice.link_device(linking.code, lambda _: True), linking.finish(lambda _: False), return_exceptions=True
    )
    assert [type(error) for error in both] == [errors.LinkDeclinedError] * 2
    assert tablet.account() is None


async def test_03_text_in_eight_languages_goes_both_ways_with_states_up_to_read(world: World) -> None:
    alice, bob = await world.pair()
    thread = await alice.direct_thread("bob")
    for line in LINES:
        await alice.send_text(thread, line)
    received = await holds(bob, len(LINES), thread)
    assert words(received) == LINES
    assert all(message.sender == "alice" and message.state == state.Received() for message in received)
    last = await newest(alice, thread)
    await reaches(alice, last, state.Delivered())
    assert await bob.count_unread() == len(LINES)
    await bob.mark_read(thread)
    await reaches(alice, last, state.Read())
    assert await bob.count_unread() == 0
    await bob.send_text(thread, "Danke, gelesen: ✅")
    assert words(await holds(alice, len(LINES) + 1, thread))[-1] == "Danke, gelesen: ✅"
    assert [entry.id for entry in (await alice.inbox()).threads] == [thread]
    assert [receipt.user for receipt in await alice.receipts(last.local_id)] == ["bob"]


async def test_04_a_picture_of_300_kb_arrives_byte_by_byte_and_tells_its_progress(world: World) -> None:
    alice, bob = await world.pair()
    picture = bytes((at * 31 + at // 251) % 256 for at in range(300_000))
    thread = await alice.direct_thread("bob")
    told: list[Progress] = []
    await alice.send_attachment(
        thread, picture, mime="image/png", name="Strand ☀.png", caption="Am Strand", progress=told.append
    )
    assert told[-1].done == told[-1].total >= len(picture)

    message = (await holds(bob, 1, thread))[0]
    match message.content:
        case content.Attachment(file, caption):
            assert (file.mime, file.name, caption) == ("image/png", "Strand ☀.png", "Am Strand")
            assert file.size == len(picture)
        case other:
            raise AssertionError(other)
    told.clear()
    assert await bob.download_attachment(message.local_id, progress=told.append) == picture
    assert told[-1].done == told[-1].total >= len(picture)
    copy = world.folder / "copy.png"
    await bob.download_attachment_to_file(message.local_id, copy)
    assert copy.read_bytes() == picture

    plain = await alice.send_text(thread, "none")
    with pytest.raises(errors.NoAttachmentError):
        await alice.download_attachment(plain.local_id)


async def test_05_a_device_that_was_offline_catches_up_in_order(world: World) -> None:
    alice, bob = await world.pair()
    thread = await alice.direct_thread("bob")
    await bob.wait_until_caught_up()
    await bob.go_offline()
    assert bob.connection() == connection.Offline(None)
    lines = [f"offline {number}" for number in range(1, 31)]
    for line in lines:
        await alice.send_text(thread, line)
    await alice.wait_until_sent((await newest(alice, thread)).local_id)
    assert await bob.count_messages() == 0
    await bob.go_online()
    await bob.wait_until_caught_up()
    assert words(await holds(bob, len(lines), thread)) == lines


async def test_06_what_was_said_is_found_by_word_prefix_cjk_and_without_accents(world: World) -> None:
    alice, _ = await world.pair()
    thread = await alice.direct_thread("bob")
    for line in LINES:
        await alice.send_text(thread, line)
    wanted = {"köln": 0, "koln": 0, "Straß": 0, "gare": 1, "東京": 2, "好": 3, "서울": 4}
    for query, at in wanted.items():
        assert words(await alice.search(query)) == [LINES[at]], query
    assert await alice.search("nirgends") == []


async def test_07_each_error_has_its_type_and_its_values(world: World) -> None:
    alice, _ = await world.pair()
    thread = await alice.direct_thread("bob")
    most = alice.max_text_bytes()
    with pytest.raises(errors.TextTooLongError) as too_long:
        await alice.send_text(thread, "x" * (most + 1))
    error = too_long.value
    assert (error.bytes, error.max_bytes) == (most + 1, most)
    assert (error.code, error.group, error.retryable) == ("text_too_long", sealwire.ErrorGroup.MESSAGE, False)
    with pytest.raises(errors.EmptyTextError):
        await alice.send_text(thread, "")
    with pytest.raises(errors.InvalidIdError):
        await alice.direct_thread("not a name")

    await alice.close()
    with pytest.raises(errors.ClosedError):
        await alice.direct_thread("bob")
    other_key = MemoryKeyStore()
    other_key.put("store-salt", bytes([2]) * 16)
    other_key.put("store-key", bytes([1]) * 32)
    with pytest.raises(errors.StoreWrongKeyError):
        await world.device("alice", other_key)
    with pytest.raises(errors.KeyMissingError):
        await world.device("alice", MemoryKeyStore())

    world.relay.close()
    carol = await world.device("carol")
    with pytest.raises(sealwire.NetworkError) as down:
        await carol.register("carol")
    assert (down.value.code, down.value.retryable) == ("network", True)


async def test_07_what_the_app_hands_in_may_fail_and_no_more(world: World) -> None:
    class Failing:
        def get(self, name: str) -> bytes | None:
            raise ValueError("the app's own fault")

        def put(self, name: str, secret: bytes) -> None:
            raise ValueError("the app's own fault")

    with pytest.raises(errors.KeyStoreError) as failed:
        await world.device("alice", Failing())
    assert "the app's own fault" in (failed.value.reason or "")


async def test_08_a_message_whose_call_was_cancelled_arrives_once(world: World) -> None:
    alice, bob = await world.pair()
    thread = await alice.direct_thread("bob")
    await alice.go_offline()

    async def send() -> None:
        message = await alice.send_text(thread, "cancelled")
        await alice.wait_until_sent(message.local_id)

    sending = asyncio.create_task(send())

    async def queued() -> bool:
        return await alice.count_messages(thread) == 1

    await until(queued)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await alice.go_online()
    assert words(await holds(bob, 1, thread)) == ["cancelled"]
    await alice.send_text(thread, "after it")
    assert words(await holds(bob, 2, thread)) == ["cancelled", "after it"]


async def test_09_a_client_that_closes_ends_its_events_and_nothing_hangs(world: World) -> None:
    alice = await world.registered("alice")
    await alice.wait_until_caught_up()
    await alice.go_offline()
    live = sealwire.live_clients()
    stream = alice.events()

    async def read() -> int:
        return len([happened async for happened in stream])

    reading = asyncio.create_task(read())
    message = await alice.send_text(await alice.direct_thread("bob"), "x")
    waiting = asyncio.create_task(alice.wait_until_sent(message.local_id))
    await asyncio.sleep(0.1)
    await alice.close()
    assert await reading > 0
    with pytest.raises(errors.ClosedError):
        await waiting
    with pytest.raises(errors.ClosedError):
        alice.events()
    assert sealwire.live_clients() == live - 1


async def test_10_opened_again_the_history_is_the_same(world: World) -> None:
    alice, bob = await world.pair()
    thread = await alice.direct_thread("bob")
    for line in LINES:
        await alice.send_text(thread, line)
    await holds(bob, len(LINES), thread)
    await bob.mark_read(thread)
    await reaches(alice, await newest(alice, thread), state.Read())
    before = [await client.messages(thread) for client in (alice, bob)]
    await alice.close()
    await bob.close()
    again = [await world.device("alice"), await world.device("bob")]
    assert [await client.messages(thread) for client in again] == before
    account = again[0].account()
    assert account is not None
    assert account.user == "alice"


async def test_11_of_a_thousand_messages_none_is_lost_to_a_slow_reader(world: World) -> None:
    alice, bob = await world.pair()
    thread = await alice.direct_thread("bob")
    known: dict[int, Message] = {}
    told: set[int] = set()

    async def read(client: Client) -> None:
        async for happened in client.events():
            match happened:
                case event.MessageReceived(message):
                    assert message.local_id not in told
                    told.add(message.local_id)
                    known[message.local_id] = message
                    await asyncio.sleep(0.002)
                case event.Lagged(missed):
                    assert missed > 0
                    known.update((each.local_id, each) for each in await client.messages(thread, limit=1010))
            if len(known) == 1000:
                break

    reading = asyncio.create_task(read(bob))
    await asyncio.sleep(0)
    lines = [f"burst {number}" for number in range(1, 1001)]
    for line in lines:
        await alice.send_text(thread, line)
    assert words(await holds(bob, len(lines), thread)) == lines
    await reading
    assert words([known[local_id] for local_id in sorted(known)]) == lines
