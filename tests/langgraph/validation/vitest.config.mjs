import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^@cairn\/checkpoint\/file$/, replacement: `${root}src/store/file_store.ts` },
      { find: /^@cairn\/checkpoint\/(.+)$/, replacement: `${root}src/$1/mod.ts` },
      { find: /^@cairn\/checkpoint$/, replacement: `${root}mod.ts` },
    ],
  },
  test: {
    // LangGraph's suite takes describe, it and expect from the globals.
    globals: true,
    include: ["tests/langgraph/validation/*.vitest.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
