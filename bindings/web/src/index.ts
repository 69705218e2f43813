/// <reference lib="esnext.disposable" preserve="true" />
/** End-to-end encrypted messaging for web apps. */

export { init, type InitOptions, type LogLevel, type LogLine } from "./init.js";
export { Client } from "./client.js";
export { Linking } from "./linking.js";
export type { AttachmentOptions, CallOptions, DownloadOptions, KeyStore, OpenOptions, SendOptions } from "./options.js";
export { EventStream } from "./events.js";
export {
  AccountError,
  AttachmentError,
  ClientError,
  ContractError,
  LinkingError,
  MessageError,
  NetworkError,
  SealwireError,
  StoreError,
  type ErrorFields,
} from "./errors.js";
export type { ErrorCode, ErrorGroup } from "./error-table.js";
export type * from "./records.js";
