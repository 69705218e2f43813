// The relay: the binary that an operator would run, as a process of its own, ended by its id.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A relay on a free port with a fresh folder: `{ url, stop }`. */
export async function startRelay(binary) {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-wasm-relay-"));
  const relay = spawn(binary, ["--data", join(folder, "data"), "--listen", "127.0.0.1:0", "--limits", "off"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, RUST_LOG: "error" },
  });
  const stop = async () => {
    const ended = once(relay, "exit");
    relay.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface(relay.stdout)) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url) return { url, stop };
  }
  throw new Error("the relay did not say where it listens");
}
