/** The way to the tab that started this worker, and what the store's opening asks there. */

import type { Opened, ToHost, ToTab } from "../rpc/protocol.js";
import type { SecretStore } from "./wasm.js";

/** What this package uses of a worker's global scope. */
export interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: ToTab | Opened, transfer?: Transferable[]): void;
}

export class OwnTab {
  readonly #scope: WorkerScope;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  // Below zero: a call's questions count up.
  #next = -1;

  constructor(scope: WorkerScope) {
    this.#scope = scope;
  }

  post(message: ToTab, transfer: Transferable[] = []): void {
    this.#scope.postMessage(message, transfer);
  }

  /** The app's own key store, which lives in its tab. */
  keyStore(): SecretStore {
    const ask = (question: unknown): Promise<unknown> => {
      const asked = withResolvers<unknown>();
      const number = this.#next--;
      this.#asked.set(number, asked);
      this.post({ t: "ask", ask: number, id: "keyStore", question });
      return asked.promise;
    };
    return {
      get: async (name) => (await ask({ get: name })) as Uint8Array | undefined,
      put: async (name, secret) => void (await ask({ put: name, secret })),
    };
  }

  /** Whether it was an answer to the key store's question. */
  answered(message: Extract<ToHost, { t: "answer" }>): boolean {
    const asked = this.#asked.get(message.ask);
    if (!asked) return false;
    this.#asked.delete(message.ask);
    if (message.failed === undefined) asked.resolve(message.value);
    else asked.reject(new Error(message.failed));
    return true;
  }
}

interface PromiseWithResolvers<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

/** As `Promise.withResolvers`, which browsers of 2023 lack. */
export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
