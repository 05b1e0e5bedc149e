import assert from "node:assert/strict";
import { descendingId, escapeSegment } from "../../src/checkpoint/keys.ts";
import {
  type CheckpointRecord,
  decodeCheckpoint,
  decodeWrites,
  encodeCheckpoint,
  encodeWrites,
  type WritesRecord,
} from "../../src/checkpoint/record.ts";

const page = await Deno.readTextFile(new URL("../../docs/format.md", import.meta.url));

const bytes = (text: string) => new TextEncoder().encode(text);
const value = (text: string) => ({ type: "json", body: [bytes(text)], attachments: [] });
const hex = (of: Uint8Array) => of.reduce((hex, b) => hex + b.toString(16).padStart(2, "0"), "");

/** The checkpoint of the page's vector. */
const checkpoint: CheckpointRecord = {
  id: "ab",
  parent: "a",
  metadata: value("{}"),
  head: value('{"v":4}'),
  channels: [
    { name: "n", version: 2, value: value("1") },
    {
      name: "image",
      version: undefined,
      value: {
        type: "json",
        body: [bytes('{"png":null}')],
        attachments: [{ path: ["png"], body: [new Uint8Array([1, 2, 3])] }],
      },
    },
    {
      name: "log",
      version: "7",
      value: {
        type: "json",
        body: [
          { hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", length: 4 },
          bytes("!"),
        ],
        attachments: [],
      },
    },
  ],
};

/** The checkpoint of the page's vector of one that ends. */
const mortal: CheckpointRecord = {
  id: "ab",
  parent: undefined,
  life: [1_767_225_600_000, 1_767_312_000_000, 1_769_904_000_000],
  metadata: value("{}"),
  head: value("{}"),
  channels: [],
};

/** The writes of the page's vector. */
const writes: WritesRecord = {
  task: "t",
  path: "",
  writes: [
    { index: 0, channel: "log", value: value('"x"') },
    { index: -3, channel: "__interrupt__", value: value("1") },
  ],
};

/** The hex block under a heading of the page. */
function vector(heading: string): Uint8Array {
  const block = page.split(`${heading}\n`)[1]?.match(/```text\n([0-9a-f\s]+)```/)?.[1];
  assert(block, `the page has no vector under ${heading}`);
  return Uint8Array.from(block.match(/[0-9a-f]{2}/g)!, (pair) => parseInt(pair, 16));
}

Deno.test("docs/format.md: each id of the table has the key segment that it says", () => {
  const rows = [...page.matchAll(/^\| (thread|namespace|checkpoint|`)(.*?)\| `(\S+)` +\|$/gm)];
  let checked = 0;
  for (const [, kind, rest, segment] of rows) {
    const id = kind === "`" ? rest!.split("`")[0]! : rest!.match(/`(.*)`/)?.[1] ?? "";
    const escape = kind === "thread" || kind === "namespace" ? escapeSegment : descendingId;
    assert.equal(escape(id), segment);
    checked++;
  }
  assert.equal(checked, 6);
});

for (
  const [heading, record] of [
    ["#### A checkpoint", checkpoint],
    ["#### A checkpoint that ends", mortal],
  ] as const
) {
  Deno.test(`docs/format.md: the vector under "${heading}" reads as its record, which writes as the vector`, () => {
    const expected = vector(heading);
    assert.deepEqual(decodeCheckpoint(expected), record);
    assert.equal(hex(encodeCheckpoint(record)), hex(expected));
  });
}

Deno.test("docs/format.md: the writes' vector reads as its record, which writes as the vector", () => {
  const expected = vector("#### A task's writes");
  assert.deepEqual(decodeWrites(expected), writes);
  assert.equal(hex(encodeWrites(writes)), hex(expected));
});
