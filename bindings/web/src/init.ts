/** Where the parts of this package lie. */

// Safari has no such symbol yet; it has to be there before a class is made that is disposed by it.
(Symbol as { asyncDispose: symbol }).asyncDispose ??= Symbol.for("Symbol.asyncDispose");

/** What `init` takes. */
export interface InitOptions {
  /** The `.wasm` file; by default beside the worker's script. */
  wasmUrl?: string | URL;
  /** The worker's script, of the page's own origin; by default beside this module. */
  workerUrl?: string | URL;
}

let urls: InitOptions = {};

/**
 * Says where the worker and the `.wasm` file lie. Needed only where they do not lie as in the package: bundlers that know
 * `new URL("…", import.meta.url)`, such as Vite, and plain `<script type="module">` find them by themselves.
 */
export function init(options: InitOptions = {}): void {
  urls = options;
}

/** @internal */
export function spawnWorker(): Worker {
  if (urls.workerUrl !== undefined) return new Worker(urls.workerUrl, { type: "module", name: "sealwire" });
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "sealwire" });
}

/** @internal */
export function wasmUrl(): string | undefined {
  return urls.wasmUrl === undefined ? undefined : new URL(urls.wasmUrl, location.href).href;
}
