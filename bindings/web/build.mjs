// Makes dist/: the package's own modules by tsc, and the wasm module as it was generated.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";

const here = new URL(".", import.meta.url);
rmSync(new URL("dist", here), { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"], { cwd: here, stdio: "inherit" });
cpSync(new URL("src/pkg", here), new URL("dist/pkg", here), { recursive: true });
