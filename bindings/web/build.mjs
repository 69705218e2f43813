// Makes dist/: `node build.mjs FOLDER`, where FOLDER holds the wasm module as `cargo xtask web` made it.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";

const here = new URL(".", import.meta.url);
const generated = process.argv[2];
if (!generated || !existsSync(`${generated}/sealwire_wasm.js`)) {
  console.error("usage: node build.mjs FOLDER (with the wasm module: `cargo xtask web` makes it)");
  process.exit(1);
}
for (const folder of ["dist", "src/pkg"]) rmSync(new URL(folder, here), { recursive: true, force: true });
cpSync(generated, new URL("src/pkg", here), { recursive: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"], { cwd: here, stdio: "inherit" });
cpSync(generated, new URL("dist/pkg", here), { recursive: true });
