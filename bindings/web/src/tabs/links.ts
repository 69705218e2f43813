/** Ways from a tab to the worker: straight, for the tab that leads; over a channel of its own, for every other. */

import { channelName, type Sealed, type ToHost, type ToTab } from "../rpc/protocol.js";

export interface Link {
  readonly epoch: string;
  /** Whether this tab leads: the worker is its own. */
  readonly own: boolean;
  post(message: ToHost, transfer?: Transferable[]): void;
}

export function ownLink(worker: Worker, epoch: string): Link {
  return {
    epoch,
    own: true,
    post: (message, transfer = []) => worker.postMessage(message, transfer),
  };
}

/** The channel of one tab, which workers come and go on. It copies what it carries. */
export class TabChannel {
  readonly #channel: BroadcastChannel;

  constructor(store: string, tab: string, heard: (epoch: string, message: ToTab) => void) {
    this.#channel = new BroadcastChannel(channelName(store, tab));
    this.#channel.onmessage = ({ data }: MessageEvent<Sealed<ToTab>>) => heard(data.epoch, data.body);
  }

  to(epoch: string): Link {
    return {
      epoch,
      own: false,
      post: (body) => this.#channel.postMessage({ epoch, body } satisfies Sealed<ToHost>),
    };
  }

  close(): void {
    this.#channel.close();
  }
}
