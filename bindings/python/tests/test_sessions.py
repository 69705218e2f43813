"""What sessions begin with."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sealwire import IN_MEMORY, Client, SessionPolicy
from sealwire.errors import MessageFailedError
from world import World

# What a relay had of people whose devices spoke X3DH alone.
OF_BEFORE = Path(__file__).parents[3] / "core/engine/tests/before_kem/relay.json"


def post(world: World, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    """By hand."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(world.relay.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def register_people_of_before(world: World) -> None:
    """Among them Bob, who was never updated."""
    for device in json.loads(OF_BEFORE.read_text())["registered"]:
        platform = post(world, "/v1/dev/platform-token", {"user_id": device["user_id"]})
        post(world, "/v1/devices", device, platform["token"])


@pytest.mark.parametrize("policy", SessionPolicy)
async def test_a_session_is_pqxdh_whether_or_not_the_policy_allows_x3dh_and_tells_so(
    world: World, policy: SessionPolicy
) -> None:
    bob = await world.device("bob")
    device = await bob.register("bob")
    async with Client.open(world.relay.url, IN_MEMORY, session_policy=policy) as alice:
        await alice.register("alice")
        assert await alice.session_protocol("bob", device) is None
        sent = await alice.send_text(await alice.direct_thread("bob"), "Hello")
        await alice.wait_until_sent(sent.local_id)
        assert await alice.session_protocol("bob", device) == 4


async def test_a_message_to_a_device_of_x3dh_alone_is_refused_with_its_reason_unless_the_policy_allows_it(
    world: World,
) -> None:
    register_people_of_before(world)
    first = 1
    async with Client.open(world.relay.url, IN_MEMORY) as dora:
        await dora.register("dora")
        refused = await dora.send_text(await dora.direct_thread("bob"), "Hello")
        with pytest.raises(MessageFailedError) as failed:
            await dora.wait_until_sent(refused.local_id)
        assert failed.value.reason == "post_quantum_keys_missing"
        assert await dora.session_protocol("bob", first) is None
    async with Client.open(world.relay.url, IN_MEMORY, session_policy=SessionPolicy.ALLOW_X3DH) as erin:
        await erin.register("erin")
        sent = await erin.send_text(await erin.direct_thread("bob"), "Hello")
        await erin.wait_until_sent(sent.local_id)
        assert await erin.session_protocol("bob", first) == 3
