import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { testCases } from "./_case.ts";
import { cases } from "./_cases.ts";

testCases("memoryStore", cases, () => Promise.resolve({ store: memoryStore() }));

testCases("fileStore", cases, async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-saver-"));
  return { store: fileStore(directory), close: () => rm(directory, { recursive: true }) };
});
