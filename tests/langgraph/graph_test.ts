import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { comparePlays } from "./_play.ts";

async function withDirectory(use: (store: ObjectStore) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "cairn-graph-"));
  try {
    await use(fileStore(directory));
  } finally {
    await rm(directory, { recursive: true });
  }
}

for (const durability of ["sync", "async", "exit"] as const) {
  for (const inlineLimit of [0, 16_384]) {
    const settings = `durability "${durability}", values inline up to ${inlineLimit} bytes`;
    const compare = async (store: ObjectStore) => {
      await comparePlays(() => new S3Saver({ store, inlineLimit }), durability);
    };

    Deno.test(`A graph runs, resumes, forks and copies on memoryStore as on MemorySaver: ${settings}`, async () => {
      await compare(memoryStore());
    });

    Deno.test(`A graph runs, resumes, forks and copies on fileStore as on MemorySaver: ${settings}`, async () => {
      await withDirectory(compare);
    });
  }
}
