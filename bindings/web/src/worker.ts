/** The worker's script: opens the store in this worker and serves the tabs. */

import { asErrorInfo, errorInfo } from "./errors.js";
import { Host } from "./worker/host.js";
import { Line } from "./worker/line.js";
import { openClient } from "./worker/open.js";
import { OwnTab, type WorkerScope } from "./worker/own-tab.js";
import { PROTOCOL, workerLock, type Close, type Opening, type ToHost } from "./rpc/protocol.js";

declare const self: WorkerScope;

const tab = new OwnTab(self);
let host: Host | undefined;

self.onmessage = ({ data }: MessageEvent<Opening | Close | ToHost>) => {
  switch (data.t) {
    case "open":
      return void open(data);
    case "close":
      return void host?.close();
    case "answer":
      if (tab.answered(data)) return;
  }
  host?.heardFromOwnTab(data);
};

async function open(opening: Opening): Promise<void> {
  try {
    if (opening.protocol !== PROTOCOL) throw errorInfo("configuration", "the worker's script is of another version than the page's: serve both from one release");
    // For as long as this worker lives: whoever asks for it next learns of its end.
    await new Promise<void>((held) => {
      void navigator.locks.request(workerLock(opening.store, opening.epoch), () => {
        held();
        return new Promise(() => undefined);
      });
    });
    const client = await openClient(opening, tab, (error) => host?.panicked(error));
    // At once: from here on the client connects, and what it says then is heard by whoever listens already.
    host = new Host(opening, client, tab);
    host.goOnWith(opening.inMemory ? Line.ofItsOwn() : await Line.take(opening.store));
    self.postMessage({ t: "opened" });
  } catch (error) {
    self.postMessage({ t: "notOpened", error: asErrorInfo(error) });
  }
}
