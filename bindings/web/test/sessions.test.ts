/** What sessions begin with. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { SessionPolicy } from "sealwire";
import { World } from "./world.js";

let world: World;

before(async () => {
  world = await World.start();
});
after(() => world.end());

test("a session is PQXDH, whether or not the policy allows X3DH, and tells so", async () => {
  const bob = await world.open("bob");
  const device = await bob.evaluate(() => window.client.register("bob"));
  const policies: (SessionPolicy | undefined)[] = [undefined, "requirePqxdh", "allowX3dh"];
  for (const sessionPolicy of policies) {
    const user = `alice-${sessionPolicy?.toLowerCase() ?? "none"}`;
    const alice = await world.open(user, sessionPolicy === undefined ? {} : { sessionPolicy });
    const protocols = await alice.evaluate(
      async ([user, device]) => {
        const { client } = window;
        await client.register(user);
        const before = await client.sessionProtocol("bob", device);
        const { localId } = await client.sendText(await client.directThread("bob"), "Hello");
        await client.waitUntilSent(localId);
        return [before ?? "none", await client.sessionProtocol("bob", device)];
      },
      [user, device] as const,
    );
    assert.deepEqual(protocols, ["none", 4], user);
  }
});

test("a policy that there is not is an error, and nothing opens", async () => {
  const page = await world.browser.tab(`${world.pages.origin}/empty.html`);
  const code = await page.evaluate(async (relay) => {
    while (window.sealwire === undefined) await new Promise((resolve) => setTimeout(resolve, 15));
    const options = { relay, store: "none", sessionPolicy: "anything" as never };
    return window.sealwire.Client.open(options).then(() => "none", (error: unknown) => (error as { code: string }).code);
  }, world.relay.url);
  assert.equal(code, "configuration");
});
