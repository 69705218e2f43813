// Headless Chromium on a page that runs the module in workers.
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const MIME = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Serves the test page and the folder of the built module. */
async function serve(pkg) {
  const pages = fileURLToPath(new URL("page/", import.meta.url));
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://page").pathname;
    const file = path.startsWith("/pkg/") ? join(pkg, path.slice(5)) : join(pages, path === "/" ? "index.html" : path);
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": MIME[extname(file)] ?? "application/octet-stream", "cache-control": "max-age=600" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

/** A browser with a fresh profile, ended with `stop`. */
export async function startBrowser(pkg) {
  const { server, origin } = await serve(pkg);
  const profile = mkdtempSync(join(tmpdir(), "sealwire-wasm-"));
  const launch = () =>
    chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", args: FLAGS, chromiumSandbox: false });
  let context = await launch();
  return {
    origin,
    async page() {
      const page = await context.newPage();
      await page.goto(origin);
      await page.waitForFunction(() => window.ready);
      return new TestPage(page);
    },
    /** Ended hard, started again on the same profile. */
    async restart() {
      await context.close();
      context = await launch();
    },
    async stop() {
      await context.close();
      server.close();
      server.closeAllConnections();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A page whose workers are asked by name. */
class TestPage {
  constructor(page) {
    this.page = page;
  }
  /** A worker with the module loaded. */
  async worker(name) {
    await this.page.evaluate((name) => window.startWorker(name), name);
    return {
      /** What it answers; what it throws comes as `{ thrown }`. */
      ask: async (tool, ...args) =>
        await this.page.evaluate(
          ([name, tool, args]) => window.ask(name, tool, ...args).catch((thrown) => ({ thrown })),
          [name, tool, args],
        ),
      kill: () => this.page.evaluate((name) => window.killWorker(name), name),
      panicked: () => this.page.evaluate((name) => window.panicOf(name), name),
    };
  }
  async reload() {
    await this.page.reload();
    await this.page.waitForFunction(() => window.ready);
  }
  /** So many bytes for the origin, or as many as before. */
  async limitQuota(origin, quotaSize) {
    const session = await this.page.context().newCDPSession(this.page);
    await session.send("Storage.overrideQuotaForOrigin", quotaSize === undefined ? { origin } : { origin, quotaSize });
  }
  close() {
    return this.page.close();
  }
}
