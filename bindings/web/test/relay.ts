/** The relay: the binary that an operator would run, as a process of its own. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export class Relay {
  readonly url: string;
  readonly #folder: string;
  #process: ChildProcess;

  private constructor(folder: string, process: ChildProcess, url: string) {
    this.#folder = folder;
    this.#process = process;
    this.url = url;
  }

  static async start(): Promise<Relay> {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-web-relay-"));
    const [process, url] = await run(folder, "127.0.0.1:0");
    return new Relay(folder, process, url);
  }

  /** Ended as if the machine had lost power. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** On the same data and the same port. */
  async startAgain(): Promise<void> {
    [this.#process] = await run(this.#folder, new URL(this.url).host);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function run(folder: string, listen: string): Promise<[ChildProcess, string]> {
  const binary = process.env["SEALWIRE_RELAY"];
  if (!binary) throw new Error("SEALWIRE_RELAY names the relay's binary: run `cargo xtask test web`");
  const relay = spawn(binary, ["--data", join(folder, "data"), "--listen", listen, "--limits", "off"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, RUST_LOG: "error" },
  });
  for await (const line of createInterface(relay.stdout!)) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url) return [relay, url];
  }
  throw new Error("the relay did not say where it listens");
}
