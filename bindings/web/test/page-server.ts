/** Serves the built package and an empty page that imports it. */

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const MIME: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>sealwire</title>
<script type="module">import * as sealwire from "/dist/index.js"; window.sealwire = sealwire;</script>`;

/** Nothing but what every page with a worker has: `window.ready` is when it answered. */
const BARE = `<!doctype html><meta charset="utf-8"><title>bare</title>
<script type="module">const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(0)"], { type: "text/javascript" })), { type: "module" });
worker.onmessage = () => { window.ready = performance.now(); };</script>`;

export interface PageServer {
  /** With the port; no slash at the end. */
  origin: string;
  close(): void;
}

/**
 * The module with the tests' doors stands in the place of the published one, if there is one.
 *
 * On a port of the loopback address, a free one if none is named, which is not the relay's: pages ask the relay across origins.
 */
export async function servePages(folder: string, port = 0): Promise<PageServer> {
  const server: Server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://page").pathname);
    const page = { "/empty.html": PAGE, "/bare.html": BARE }[path];
    if (page) {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" });
      return void response.end(page);
    }
    const inModule = path.startsWith("/dist/pkg/") ? process.env["SEALWIRE_WEB_PKG"] : undefined;
    const file = inModule ? join(inModule, path.slice("/dist/pkg/".length)) : join(folder, path === "/" ? "index.html" : path);
    if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": MIME[extname(file)] ?? "application/octet-stream",
      "cache-control": "max-age=3600",
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: listening } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${listening}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
