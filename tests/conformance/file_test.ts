import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, prefixed } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import { type Subject, testConformance } from "./_run.ts";

async function inDirectory(layer: (store: ObjectStore) => ObjectStore): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  const close = async () => {
    const left = await readdir(directory, { recursive: true });
    await rm(directory, { recursive: true });
    assert.deepEqual(left.filter((name) => name !== ".tmp"), [], "files or directories are left");
  };
  return { store: layer(fileStore(directory)), close };
}

testConformance("fileStore", () => inDirectory((store) => store));

testConformance("prefixed(fileStore)", async () => ({
  ...await inDirectory((store) => prefixed(store, "staging/É-")),
  taken: 11,
}));

testConformance(
  "faultyStore(countingStore(fileStore))",
  () => inDirectory((store) => faultyStore(countingStore(store), () => undefined)),
);
