/** The history of `history.py` on our saver: the same calls with the same values. */

import { edgeStore } from "@cairn/checkpoint/edge";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { serve, storeOptions, timed } from "./serve.mjs";

const kind = process.argv[2];
const history = JSON.parse(readFileSync("history.json", "utf8"));
const store = { edge: edgeStore, sdk: sdkStore }[kind](storeOptions());
/** As a new process: connections are kept, what was read is not. */
const start = () => new S3Saver({ store, prefix: `${history.prefix}${kind}/` });
const saver = start();

function configOf(thread, id) {
  return {
    configurable: { thread_id: thread, checkpoint_ns: "", ...(id && { checkpoint_id: id }) },
  };
}

async function put(thread, number, values) {
  const versions = Object.fromEntries(Object.keys(values).map((name) => [name, number + 1]));
  const checkpoint = {
    v: 4,
    id: history.ids[number],
    ts: "2026-01-01T00:00:00.000Z",
    channel_values: values,
    channel_versions: versions,
    versions_seen: {},
  };
  const metadata = {
    source: "loop",
    step: number,
    parents: {},
    tag: number % history.every === 0 ? "mark" : "plain",
  };
  await saver.put(configOf(thread, history.ids[number - 1]), checkpoint, metadata, versions);
}

await serve({
  play: async ({ thread, first, last }) => {
    const puts = [], writes = [];
    for (let number = first; number < last; number++) {
      const messages = history.messages.slice(number, number + history.window);
      puts.push(await timed(() => put(thread, number, { messages, step: number })));
      const config = configOf(thread, history.ids[number]);
      const channels = [["messages", messages.slice(0, 1)], ["step", number + 1]];
      writes.push(await timed(() => saver.putWrites(config, channels, history.tasks[number])));
    }
    return { put: puts, putWrites: writes };
  },
  grow: async ({ thread, number, size }) =>
    await timed(() => put(thread, number, { messages: history.messages.slice(0, size) })),
  latest: async ({ thread, number }) => {
    const cold = start();
    let found;
    const taken = await timed(async () => found = await cold.getTuple(configOf(thread)));
    assert.equal(found.checkpoint.id, history.ids[number]);
    assert.equal(found.pendingWrites.length, 2);
    return taken;
  },
  list: async ({ thread, expected, limit, filter }) => {
    const cold = start();
    const found = [];
    const taken = await timed(async () => {
      for await (const tuple of cold.list(configOf(thread), { limit, filter })) found.push(tuple);
    });
    assert.equal(found.length, expected);
    return taken;
  },
});
