/** Errors: a stable code, what to do, whether and when to try again, and values; nobody has to read the words. */

import { ERRORS, type ErrorCode, type ErrorGroup, type ErrorRow } from "./error-table.js";
import type { ErrorInfo } from "./rpc/protocol.js";

/** What an error says besides; which of them, the page of errors tells for each code. */
export interface ErrorFields {
  readonly bytes?: number;
  readonly maxBytes?: number;
  readonly max?: number;
  readonly found?: number;
  readonly expected?: number;
  readonly status?: number;
  readonly userId?: string;
  readonly reason?: string;
}

/** Why something did not work. What it was to do was not done, unless the code's text says otherwise. */
export class SealwireError extends Error {
  /** Stable, and the same in every language that Sealwire speaks. Later versions may add codes. */
  readonly code: ErrorCode | (string & {});
  /** What it is about; each has a class. */
  readonly group: ErrorGroup;
  /** What happened and what to do, for a developer; `message` is this error's own. */
  readonly text: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Not before so long, where the relay said so. */
  readonly retryAfterMs: number | undefined;
  readonly fields: ErrorFields;

  /** @internal */
  constructor(info: ErrorInfo) {
    super(info.detail === "" ? info.text : info.detail);
    this.name = new.target.name;
    this.code = info.code;
    this.group = info.group;
    this.text = info.text;
    this.retryable = info.retryable;
    this.retryAfterMs = info.retryAfterMs;
    this.fields = info.fields;
  }
}

/** The client itself: how it was opened, and that it lives. */
export class ClientError extends SealwireError {}
/** The store's file and its key. */
export class StoreError extends SealwireError {}
/** The way to the relay, and whether it can serve now. */
export class NetworkError extends SealwireError {}
/** The account and its devices. */
export class AccountError extends SealwireError {}
/** Linking a further device. */
export class LinkingError extends SealwireError {}
/** A message or its thread. */
export class MessageError extends SealwireError {}
/** A file. */
export class AttachmentError extends SealwireError {}
/** The relay's contract: client and relay do not fit together. */
export class ContractError extends SealwireError {}

const CLASSES: Record<ErrorGroup, new (info: ErrorInfo) => SealwireError> = {
  client: ClientError,
  store: StoreError,
  network: NetworkError,
  account: AccountError,
  linking: LinkingError,
  message: MessageError,
  attachment: AttachmentError,
  contract: ContractError,
};

/** The error of what crossed between threads. @internal */
export function toError(info: ErrorInfo): SealwireError {
  return new (CLASSES[info.group] ?? ContractError)(info);
}

/** An error that this package finds by itself. @internal */
export function errorInfo(code: ErrorCode, reason?: string): ErrorInfo {
  const { group, text, retryable }: ErrorRow = ERRORS[code];
  const detail = reason === undefined ? "" : `${text} (${reason})`;
  return { code, group, text, detail, retryable, fields: reason === undefined ? {} : { reason } };
}

/** What was thrown, as it crosses between threads. @internal */
export function asErrorInfo(thrown: unknown): ErrorInfo {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown) || typeof thrown.code !== "string") {
    return errorInfo("internal", String(thrown));
  }
  const { code, group, text, detail, retryable, retryAfterMs, fields } = thrown as ErrorInfo;
  const said = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return {
    code,
    group: group ?? "client",
    text: text ?? code,
    detail: detail ?? "",
    retryable: retryable ?? false,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    fields: Object.fromEntries(said),
  };
}
