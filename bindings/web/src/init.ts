/** Where the parts of this package lie. */

// Safari has no such symbol yet; it has to be there before a class is made that is disposed by it.
(Symbol as { asyncDispose: symbol }).asyncDispose ??= Symbol.for("Symbol.asyncDispose");

/** How much a line of the log matters; `trace` is everything. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** One line of the log. No line holds a secret, or what anybody wrote. */
export interface LogLine {
  level: LogLevel;
  /** Which part of the SDK says it. */
  target: string;
  /** What happened. */
  text: string;
  /** Values beside it. */
  fields: Record<string, string>;
}

/** What `init` takes. */
export interface InitOptions {
  /** The `.wasm` file; by default beside the worker's script. */
  wasmUrl?: string | URL;
  /** The worker's script, of the page's own origin; by default beside this module. */
  workerUrl?: string | URL;
  /** Told every line of the log, in the tab that holds the store; nobody: nothing is logged. */
  logger?: (line: LogLine) => void;
  /** Down to which level lines are told; `warn` if nothing is said. */
  logLevel?: LogLevel;
}

let given: InitOptions = {};

/**
 * Says where the worker and the `.wasm` file lie. Needed only where they do not lie as in the package: bundlers that know
 * `new URL("…", import.meta.url)`, such as Vite, and plain `<script type="module">` find them by themselves.
 */
export function init(options: InitOptions = {}): void {
  given = options;
}

/** @internal */
export function spawnWorker(): Worker {
  if (given.workerUrl !== undefined) return new Worker(given.workerUrl, { type: "module", name: "sealwire" });
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "sealwire" });
}

/** Who is told of the log, and down to which level. @internal */
export function logging(): { logger?: (line: LogLine) => void; logLevel?: LogLevel } {
  const { logger, logLevel } = given;
  return logger ? { logger, logLevel: logLevel ?? "warn" } : {};
}

/** @internal */
export function wasmUrl(): string | undefined {
  return given.wasmUrl === undefined ? undefined : new URL(given.wasmUrl, location.href).href;
}
