import { InvalidInputError } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { Keys } from "../../src/checkpoint/keys.ts";

const LIMIT = {
  name: "InvalidInputError",
  message: /the key would have \d+ bytes; the limit is 1024; give shorter ids/,
};

Deno.test("Keys refuse to name a folder that no key could be in", () => {
  const keys = new Keys("cairn/");
  const long = "x".repeat(1100);
  assert.throws(() => keys.thread(long), LIMIT);
  assert.throws(() => keys.namespaces(long), LIMIT);
  assert.throws(() => keys.chunks(long), LIMIT);
  assert.throws(() => keys.namespace("t", long), LIMIT);
  assert.throws(() => keys.checkpoint({ thread: "t", namespace: "", id: long }), LIMIT);
  assert.throws(() => keys.afterCheckpoint({ thread: "t", namespace: "", id: long }), LIMIT);
});

Deno.test("Keys count the bytes of a prefix, not its characters", () => {
  const keys = new Keys("é".repeat(500)); // 1,001 bytes with its slash
  assert.doesNotThrow(() => keys.thread("t"));
  assert.throws(() => keys.record({ thread: "t".repeat(20), namespace: "", id: "x" }), LIMIT);
});

Deno.test("Keys refuse a prefix that is no text", () => {
  for (const prefix of [5, null, {}, ["a"]]) {
    assert.throws(() => new Keys(prefix as unknown as string), InvalidInputError);
  }
});

Deno.test("Keys.parse() takes no slot in another spelling", () => {
  const keys = new Keys("");
  const record = keys.record({ thread: "t", namespace: "", id: "a" });
  for (const slot of ["r00", "r01", "r-1", "s0", "s01", "r", "x0", "r0.r0", "r0/x"]) {
    assert.equal(keys.parse(record.replace(/c$/, `w.task.${slot}`)), undefined, slot);
  }
});
