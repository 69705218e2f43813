"""What lies between the layer and the library: values, waiting, threads, and how a process ends."""

from __future__ import annotations

import asyncio
import enum
import inspect
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import sealwire
from sealwire import IN_MEMORY, Client, FileKeyStore, JoinAccount, Progress, content, errors, event
from sealwire._native import sealwire as native
from sealwire._values import _lifts
from world import World, holds, until

# What only goes in: as arguments of the calls.
ARGUMENTS = {"AttachmentOptions", "AttachmentSource", "InitOptions", "OpenOptions", "SendOptions", "StoreLocation"}
EXAMPLES = Path(__file__).parents[3] / "examples"


def values_of_the_library() -> list[type]:
    """Every class of it that is neither an object nor an error."""
    found = [kind for kind in vars(native).values() if inspect.isclass(kind) and kind.__module__ == native.__name__]
    values = [kind for kind in found if hasattr(native, f"_UniffiFfiConverterType{kind.__name__}")]
    objects = ("Handle", "Reader", "Answer", "Listener", "Logger", "KeyStore", "Impl")
    errors = ("CallError", "CallbackError")
    return [kind for kind in values if not kind.__name__.endswith(objects) and kind.__name__ not in errors]


def test_every_value_of_the_library_has_its_class_here() -> None:
    kinds = values_of_the_library()
    assert len(kinds) > 25
    for kind in kinds:
        if kind.__name__ in ARGUMENTS:
            continue
        variants = [each for each in vars(kind).values() if inspect.isclass(each) and issubclass(each, kind)]
        if issubclass(kind, enum.Enum):
            for member in kind:
                assert _lifts[kind](member).name == member.name
        elif variants:
            for variant in variants:
                assert variant in _lifts, variant
                same_fields(variant)
        else:
            assert kind in _lifts, kind
            same_fields(kind)


def same_fields(theirs: Any) -> None:
    """A value of theirs comes over with all that it has."""
    names = [name for name in inspect.signature(theirs.__init__).parameters if name != "self"]
    given = theirs(**{name: name for name in names})
    ours = _lifts[theirs](given)
    assert list(ours.__dataclass_fields__) == names, theirs
    assert [getattr(ours, name) for name in names] == names


def test_every_operation_of_the_library_is_one_of_the_client() -> None:
    def public(kind: type) -> set[str]:
        return {name for name, value in vars(kind).items() if not name.startswith("_") and callable(value)}

    theirs = {name for name in public(native.ClientHandle) if name != "open"} - {"end"}
    ours = {name for name in public(Client)} - {"open", "close"}
    assert theirs <= ours, theirs - ours


def test_every_code_has_a_class_of_its_own_and_travels() -> None:
    for row in native.error_table():
        info = sealwire._values.lift(row)
        error = errors.CLASSES[info.code](info)
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (again.code, again.fields, str(again)) == (error.code, error.fields, str(error))
    assert len(set(errors.CLASSES.values())) == len(errors.CLASSES)


def test_every_class_is_that_of_a_code_of_the_table() -> None:
    def leaves(kind: type[sealwire.SealwireError]) -> set[type[sealwire.SealwireError]]:
        below = kind.__subclasses__()
        return set().union(*(leaves(each) for each in below)) if below else {kind}

    assert set(errors.CLASSES) == {row.code for row in native.error_table()}
    assert leaves(sealwire.SealwireError) == {*errors.CLASSES.values(), errors.UnknownCodeError}


async def test_a_message_that_is_printed_does_not_show_what_it_says(world: World) -> None:
    alice = await world.registered("alice")
    message = await alice.send_text(await alice.direct_thread("alice"), "only between us")
    assert message.text == "only between us"
    assert "between us" not in f"{message} {message!r} {message.content!r} {event.MessageQueued(message)}"
    assert "between us" not in repr(await alice.inbox())


def test_neither_do_names_previews_captions_and_keys() -> None:
    media = content.MediaFacts(width=640, blurhash="private-preview", waveform=b"private" * 9)
    file = content.Attachment(
        content.AttachmentFacts("a-1", 9, "image/png", "private-name.png", media), "private words"
    )
    for value, shown in ((media, "640"), (file, "image/png"), (sealwire.AddDevice(2, b"private"), "2")):
        assert shown in repr(value)
        assert "private" not in f"{value} {value!r} {[value]}"


async def test_waits_for_events_that_time_out_lose_none(world: World) -> None:
    alice, bob = await world.pair()
    thread = await alice.direct_thread("bob")
    stream = bob.events()
    heard: list[str | None] = []

    async def read() -> None:
        while len(heard) < 60:
            try:
                happened = await asyncio.wait_for(anext(stream), 0.001)
            except asyncio.TimeoutError:
                continue
            if isinstance(happened, event.MessageReceived):
                heard.append(happened.message.text)

    reading = asyncio.create_task(read())
    lines = [f"line {number}" for number in range(60)]
    for line in lines:
        await alice.send_text(thread, line)
    await reading
    assert heard == lines


async def test_a_stream_that_is_closed_ends_who_waits_for_it(world: World) -> None:
    alice = await world.registered("alice")
    await alice.wait_until_caught_up()
    stream = alice.events()

    async def read() -> list[sealwire.Event]:
        return [happened async for happened in stream]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    stream.close()
    await asyncio.wait_for(reading, 10)
    assert alice.account() is not None


async def test_a_wait_that_is_cancelled_ends_in_the_library_too_and_holds_the_client_no_longer() -> None:
    live = sealwire.live_clients()

    async def wait_in_vain() -> None:
        options = native.OpenOptions(
            relay="http://127.0.0.1:1",
            store=native.StoreLocation.MEMORY(),
            start_offline=True,
            session_policy=native.SessionPolicy.REQUIRE_PQXDH,
        )
        handle = await native.ClientHandle.open(options, None)
        assert sealwire.live_clients() == live + 1
        waiting = asyncio.create_task(handle.wait_until_caught_up())
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    async def is_free() -> bool:
        return sealwire.live_clients() == live

    await wait_in_vain()
    # Let go of, and not closed: whoever still waited would keep it open.
    await asyncio.wait_for(until(is_free), 20)


async def test_what_the_app_says_wrong_when_asked_comes_out_of_its_call(world: World) -> None:
    alice = await world.registered("alice")
    tablet = await world.device("tablet")
    linking = await tablet.start_linking()

    def wrong(_: JoinAccount) -> bool:
        raise LookupError("the app's own fault")

    both = await asyncio.gather(
        alice.link_device(linking.code, lambda _: True), linking.finish(wrong), return_exceptions=True
    )
    assert [type(error) for error in both] == [errors.LinkDeclinedError, LookupError]
    assert tablet.account() is None


async def test_a_progress_callback_that_fails_stops_nothing(world: World) -> None:
    alice = await world.registered("alice")
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["exception"]))

    def wrong(_: Progress) -> None:
        raise LookupError("the app's own fault")

    thread = await alice.direct_thread("alice")
    sent = await alice.send_attachment(thread, bytes(100_000), progress=wrong)
    assert await alice.download_attachment(sent.local_id) == bytes(100_000)
    assert said
    assert all(isinstance(error, LookupError) for error in said)


async def test_a_client_that_is_let_go_of_gives_its_store_back_and_warns(world: World) -> None:
    keys = FileKeyStore(world.folder / "a.keys")
    client = await Client.open(world.relay.url, world.folder / "a.db", keys)
    with pytest.raises(errors.StoreInUseError) as in_use:
        await Client.open(world.relay.url, world.folder / "a.db", keys)
    assert in_use.value.retryable
    with pytest.warns(ResourceWarning, match="unclosed"):
        del client

    async def reopens() -> bool:
        try:
            async with Client.open(world.relay.url, world.folder / "a.db", keys):
                return True
        except errors.StoreInUseError:
            return False

    await until(reopens)


async def test_one_client_serves_the_loops_of_several_threads(world: World) -> None:
    alice = await world.registered("alice")
    thread = await alice.direct_thread("alice")
    loops = [threading.Thread(target=lambda: asyncio.run(send())) for _ in range(4)]

    async def send() -> None:
        await asyncio.gather(*(alice.send_text(thread, "from a thread") for _ in range(5)))

    for each in loops:
        each.start()
    for each in loops:
        await asyncio.to_thread(each.join)
    assert await alice.count_messages(thread) == 20


@pytest.mark.parametrize("fault", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_a_secret_whose_put_ended_in_any_way_but_well_is_not_taken_for_kept(
    tmp_path: Path, fault: type[BaseException]
) -> None:
    class Leaves:
        def get(self, name: str) -> bytes | None:
            return None

        def put(self, name: str, secret: bytes) -> None:
            raise fault("its own fault")

    with pytest.raises(errors.KeyStoreError, match="its own fault"):
        await Client.open("http://127.0.0.1:1", tmp_path / "a.db", Leaves(), start_offline=True)
    assert not (tmp_path / "a.db").exists()


async def test_a_store_in_memory_needs_no_key_store(world: World) -> None:
    async with Client.open(world.relay.url, IN_MEMORY) as client:
        assert await client.register("alice") == 1
    with pytest.raises(errors.ConfigurationError):
        await Client.open(world.relay.url, world.folder / "a.db")


LEFT_OPEN = """
import asyncio, sys
from sealwire import Client, IN_MEMORY, LogLevel, init
lines = []
init(log=lines.append, log_level=LogLevel.TRACE)
kept = []

async def main():
    for name in ("alice", "bob"):
        client = await Client.open(sys.argv[1], IN_MEMORY)
        kept.append(client)
        await client.register(name + sys.argv[2])
    thread = await kept[0].direct_thread("bob" + sys.argv[2])
    for number in range(20):
        await kept[0].send_text(thread, str(number))
    kept.append(asyncio.create_task(anext(kept[1].events())))
    await asyncio.sleep(0.05)

asyncio.run(main())
"""


def test_a_process_that_ends_with_clients_open_ends_well(world: World) -> None:
    try:
        for run in range(5):
            ended = subprocess.run(
                [sys.executable, "-c", LEFT_OPEN, world.relay.url, str(run)],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert (ended.returncode, ended.stderr) == (0, "")
    finally:
        world.relay.close()


FORKED = """
import asyncio, os, sys
from sealwire import Client, FileKeyStore

async def opened(name):
    return await Client.open(sys.argv[1], f"{sys.argv[2]}/{name}.db", FileKeyStore(f"{sys.argv[2]}/{name}.keys"))

async def registered(name):
    client = await opened(name)
    await client.register(name)
    return client

def forked(code, work):
    if not (child := os.fork()):
        work()
        sys.exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code

def use_before():
    async def opens_and_closes():
        await (await opened("early")).close()
    asyncio.run(opens_and_closes())

def use_after():
    for use in (lambda: alice.account(), lambda: asyncio.run(opened("late"))):
        try:
            use()
        except RuntimeError as error:
            assert "after the fork" in str(error), error
        else:
            raise AssertionError("it was not refused")

async def begin():
    global alice, bob
    alice, bob = await registered("alice"), await registered("bob")
    return await alice.direct_thread("bob")

async def end():
    await alice.wait_until_sent(last.local_id)
    await alice.close()
    await bob.close()

# No loop is open at a fork: the child would close what the parent still waits for.
forked(5, use_before)
thread = asyncio.run(begin())
for number in range(60):
    # Both stores are being written at each.
    last = asyncio.run(alice.send_text(thread, str(number)))
    forked(7, use_after)
asyncio.run(end())
"""


def test_a_process_may_fork_with_clients_open_and_its_children_end_well(world: World) -> None:
    try:
        program = [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            FORKED,
            world.relay.url,
            str(world.folder),
        ]
        ended = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    finally:
        world.relay.close()
    assert (ended.returncode, ended.stderr) == (0, "")


LOGGED = """
import asyncio, logging, sys
from sealwire import Client, MemoryKeyStore, LogLevel, init, to_logging
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
init(log=to_logging, log_level=LogLevel.DEBUG)

class Forgetful(MemoryKeyStore):
    # Without its anchor the store sends nothing, and the SDK warns of it.
    def put(self, name, secret):
        if name == "store-anchor":
            raise OSError("the app's own fault")
        super().put(name, secret)

class HandedIn:
    def __init__(self):
        self.inner = Forgetful()
    def get(self, name):
        return self.inner.get(name)
    def put(self, name, secret):
        self.inner.put(name, secret)

async def main():
    async with Client.open(sys.argv[1], sys.argv[2], HandedIn()) as client:
        await client.register("alice")
        await client.send_text(await client.direct_thread("alice"), "only between us")
        await asyncio.sleep(1)

asyncio.run(main())
"""


def test_the_log_goes_to_pythons_own_and_holds_nothing_that_was_said(world: World) -> None:
    try:
        ended = subprocess.run(
            [sys.executable, "-c", LOGGED, world.relay.url, str(world.folder / "a.db")],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    finally:
        world.relay.close()
    assert ":sealwire" in ended.stdout
    assert "between us" not in ended.stdout


async def test_the_echo_bot_says_back_what_it_is_told_also_while_it_was_away(world: World) -> None:
    alice = await world.registered("alice")
    thread = await alice.direct_thread("echo")
    bot = Bot(world)
    try:
        message = await alice.send_text(thread, "Grüße 👋")

        async def there() -> bool:
            try:
                await alice.wait_until_sent(message.local_id)
            except sealwire.MessageError:
                # The bot has no account yet.
                await alice.retry(message.local_id)
                return False
            return True

        await until(there)
        told = await holds(alice, 2, thread)
        assert [(each.sender, each.text) for each in told] == [("alice", "Grüße 👋"), ("echo", "Grüße 👋")]
        bot.end()
        await alice.send_text(thread, "while you were away")
        bot = Bot(world)
        assert (await holds(alice, 4, thread))[-1].text == "while you were away"
    finally:
        bot.end()


def test_the_echo_bot_says_in_one_line_how_it_is_started_and_what_does_not_work(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        program = [sys.executable, str(EXAMPLES / "echo_bot.py"), *arguments]
        ended = subprocess.run(program, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 1
        return ended.stderr

    assert said() == "usage: python echo_bot.py RELAY, such as http://127.0.0.1:8080\n"
    refused = said("nonsense")
    assert refused.startswith("echo_bot.py: ") and refused.count("\n") == 1, refused


class Bot:
    """examples/echo_bot.py as a process of its own."""

    def __init__(self, world: World) -> None:
        # A shell's background jobs ignore Ctrl-C, and hand that on: where these tests run in one, the bot is to hear it.
        begin = "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); sys.argv = sys.argv[1:]"
        run = "runpy.run_path(sys.argv[0], run_name='__main__')"
        program = [sys.executable, "-c", f"{begin}; {run}", str(EXAMPLES / "echo_bot.py"), world.relay.url]
        self._process = subprocess.Popen(
            program, cwd=world.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def end(self) -> None:
        """As a person ends it: with Ctrl-C."""
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGINT)
            out, err = self._process.communicate(timeout=90)
            assert (out.count("\n"), err, self._process.returncode) == (1, "", 0)
