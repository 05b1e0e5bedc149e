import assert from "node:assert/strict";
import fc from "fast-check";
import { RecentObjects } from "../../src/checkpoint/cache.ts";

Deno.test("RecentObjects gives what was kept, under its ETag alone", () => {
  const recent = new RecentObjects(100);
  const value = {};
  recent.set("k", "e1", value, 10);
  assert.equal(recent.get("k", "e1"), value);
  assert.equal(recent.get("k", "e2"), undefined);
  assert.equal(recent.get("other", "e1"), undefined);
  assert.equal(recent.etagOf("k"), "e1");
  recent.set("k", "e2", "new", 10);
  assert.equal(recent.get("k", "e1"), undefined);
  assert.equal(recent.get("k", "e2"), "new");
});

Deno.test("RecentObjects drops the least recently used first", () => {
  const recent = new RecentObjects(30);
  for (const key of ["a", "b", "c"]) recent.set(key, "", key, 10);
  assert.equal(recent.get("a", ""), "a"); // used: now b is the oldest
  recent.set("d", "", "d", 10);
  assert.deepEqual(["a", "b", "c", "d"].filter((key) => recent.etagOf(key) !== undefined), [
    "a",
    "c",
    "d",
  ]);
  recent.set("e", "", "e", 25);
  assert.deepEqual(["a", "b", "c", "d", "e"].filter((key) => recent.etagOf(key) !== undefined), [
    "e",
  ]);
});

Deno.test("RecentObjects keeps nothing that is larger than its limit, nor what it replaced", () => {
  const recent = new RecentObjects(10);
  recent.set("k", "", "small", 5);
  recent.set("k", "", "large", 11);
  assert.equal(recent.etagOf("k"), undefined);
  recent.set("k", "", "exact", 10);
  assert.equal(recent.get("k", ""), "exact");
  const none = new RecentObjects(0);
  none.set("k", "", "any", 1);
  assert.equal(none.etagOf("k"), undefined);
});

Deno.test("RecentObjects forgets a key, or all under a prefix", () => {
  const recent = new RecentObjects(100);
  for (const key of ["a/1", "a/2", "ab/1"]) recent.set(key, "", key, 10);
  recent.deleteUnder("a/");
  assert.deepEqual(["a/1", "a/2", "ab/1"].filter((key) => recent.etagOf(key) !== undefined), [
    "ab/1",
  ]);
  recent.delete("ab/1");
  recent.delete("ab/1");
  assert.equal(recent.etagOf("ab/1"), undefined);
});

Deno.test("RecentObjects never holds more than its limit, and as much as fits", () => {
  const operation = fc.record({
    kind: fc.constantFrom("set", "set", "set", "get", "delete"),
    key: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    size: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
    const LIMIT = 60;
    const recent = new RecentObjects(LIMIT);
    let model: { key: string; size: number }[] = []; // the least recently used first
    for (const { kind, key, size } of operations) {
      const held = model.find((entry) => entry.key === key);
      model = model.filter((entry) => entry !== held);
      if (kind === "set") {
        recent.set(key, "", size, size);
        model.push({ key, size });
        while (model.reduce((sum, entry) => sum + entry.size, 0) > LIMIT) model.shift();
      } else if (kind === "get") {
        assert.equal(recent.get(key, ""), held?.size);
        if (held) model.push(held);
      } else recent.delete(key);
      for (const key of "abcdef") {
        assert.equal(recent.etagOf(key) !== undefined, model.some((entry) => entry.key === key));
      }
    }
  }));
});
