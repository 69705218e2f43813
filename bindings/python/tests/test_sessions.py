"""What sessions begin with."""

from __future__ import annotations

import pytest

from sealwire import IN_MEMORY, Client, SessionPolicy
from world import World


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
