/** From nothing to an open client: the wasm module, the key, the store. */

import { asErrorInfo, errorInfo } from "../errors.js";
import { openKeyStore } from "../key-store.js";
import init, { Client, start, tellLog } from "../pkg/sealwire_wasm.js";
import type { LogLevel } from "../init.js";
import type { ErrorInfo, Opening } from "../rpc/protocol.js";
import type { OwnTab } from "./own-tab.js";
import type { WasmClient } from "./wasm.js";

export async function openClient(opening: Opening, tab: OwnTab, panicked: (error: ErrorInfo) => void): Promise<WasmClient> {
  await load(opening.wasmUrl);
  // What was asked of an instance that panicked is never answered: also this opening.
  const died = new Promise<never>((_, reject) => {
    const onPanic = (place: string): void => {
      const error = errorInfo("internal", place);
      panicked(error);
      reject(error);
    };
    start(onPanic);
    if (opening.logLevel) {
      tellLog(opening.logLevel, (level, target, text, fields) => tab.post({ t: "log", line: { level: level as LogLevel, target, text, fields } }));
    }
  });
  died.catch(() => undefined);
  const { relay, store, inMemory, dangerAllowHttp, startOffline, giveUpAfterMs, sessionPolicy } = opening;
  const plain = {
    ...{ relay, store, inMemory, dangerAllowHttp, startOffline },
    ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }),
    ...(sessionPolicy === undefined ? {} : { sessionPolicy }),
  };
  const open = async (): Promise<unknown> => {
    if (inMemory) return Client.open(plain);
    return Client.open({ ...plain, keyStore: opening.appKeyStore ? tab.keyStore() : await keyStore(opening) });
  };
  return (await Promise.race([open(), died])) as WasmClient;
}

async function load(wasmUrl: string | undefined): Promise<void> {
  try {
    await init(wasmUrl === undefined ? undefined : { module_or_path: wasmUrl });
  } catch (error) {
    throw errorInfo("configuration", `the .wasm file could not be loaded; \`init({ wasmUrl })\` says where it is: ${String(error)}`);
  }
}

async function keyStore({ store, key }: Opening): ReturnType<typeof openKeyStore> {
  try {
    return await openKeyStore(key === undefined ? { store } : { store, key });
  } catch (error) {
    const info = asErrorInfo(error);
    throw info.code === "internal" ? errorInfo("key_store", info.fields.reason) : info;
  }
}
