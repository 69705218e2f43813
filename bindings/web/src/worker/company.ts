/** Which threads are on the screen and whether somebody is there: of all tabs together. */

import type { WasmClient } from "./wasm.js";

export class Company {
  readonly #client: WasmClient;
  readonly #watched = new Map<object, string[]>();
  readonly #present = new Set<object>();

  constructor(client: WasmClient) {
    this.#client = client;
  }

  /** Instead of what this tab watched before; what other tabs watch stays. */
  async watch(tab: object, threads: string[]): Promise<void> {
    const before = this.#watched.get(tab) ?? [];
    this.#watched.set(tab, threads);
    try {
      await this.#client.watchThreads([...new Set([...this.#watched.values()].flat())]);
    } catch (error) {
      // Too many: what was watched is watched still.
      if (this.#watched.get(tab) === threads) this.#watched.set(tab, before);
      throw error;
    }
  }

  async setPresence(tab: object, online: boolean): Promise<void> {
    if (online) this.#present.add(tab);
    else this.#present.delete(tab);
    await this.#client.setPresence(this.#present.size > 0);
  }

  async leave(tab: object): Promise<void> {
    if (this.#watched.delete(tab)) await this.watch(this, []);
    if (this.#present.has(tab)) await this.setPresence(tab, false);
  }
}
