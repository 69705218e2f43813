/** A linking that this new device began. */

import type { CallOptions } from "./options.js";
import type { Account, JoinAccount } from "./records.js";
import type { Tab } from "./tabs/tab.js";

export class Linking {
  /** `sealwire://link?…`, to be shown to a device of the account as a QR code or text. Good for ten minutes. */
  readonly code: string;
  readonly #tab: Tab;

  /** @internal */
  constructor(tab: Tab, code: string) {
    this.#tab = tab;
    this.code = code;
  }

  /**
   * Waits until the existing device has let this one in, and `confirm` has said yes to its account.
   * Codes: `link_expired`, `link_declined`, `link_tampered`; `link_state` when another tab took the lead
   * meanwhile, which ends the linking on this side: begin again with `startLinking`.
   */
  async finish(confirm: (account: JoinAccount) => boolean | Promise<boolean>, options: CallOptions = {}): Promise<Account> {
    const parts = { signal: options.signal, confirm: (question: unknown) => confirm(question as JoinAccount) };
    return (await this.#tab.call("finishLinking", [], parts)) as Account;
  }
}
