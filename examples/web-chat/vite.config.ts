import { defineConfig } from "vite";

export default defineConfig({
  // A worker of modules, as the package's own is.
  worker: { format: "es" },
  build: { target: "es2022" },
});
