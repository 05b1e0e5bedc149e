import { checkKey, InvalidInputError, MAX_KEY_BYTES } from "@cairn/checkpoint";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  ascendingId,
  descendingId,
  escapeSegment,
  Keys,
  type ParsedKey,
  type Place,
  unescapeSegment,
  writesKey,
} from "../../src/checkpoint/keys.ts";

const HOSTILE = [
  "",
  ".",
  "..",
  "/",
  "../../x",
  "~",
  "~~",
  "~2e",
  "%2e%2e",
  "a/b",
  "\u0000",
  "\ufeffx",
  "__proto__",
];
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 30 }),
  fc.constantFrom(...HOSTILE),
);
const anyId = anyText.filter((id) => id !== "");
const anyPlace = fc.record(
  { thread: anyText, namespace: anyText, id: anyId },
  { noNullPrototype: true },
);
const anyHash = fc.uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
const anySlot = fc.oneof(
  fc.nat({ max: 10_000 }).map((number) => `r${number}`),
  fc.integer({ min: 1, max: 10_000 }).map((number) => `s${number}`),
);
const keys = new Keys("a/prefix");

const encoder = new TextEncoder();

/** Compares two strings by the bytes of their UTF-8, independently of the code under test. */
function compareBytes(a: string, b: string): number {
  const [x, y] = [encoder.encode(a), encoder.encode(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return x[i]! - y[i]!;
  }
  return x.length - y.length;
}

/** The key of what a parsed key says. */
function build(parsed: ParsedKey): string {
  if (parsed.kind === "checkpoint") return keys.record(parsed.place);
  if (parsed.kind === "chunk") return keys.chunk(parsed.thread, parsed.hash);
  return writesKey(keys, parsed.place, parsed.task, parsed.slot);
}

const anyParsed: fc.Arbitrary<ParsedKey> = fc.oneof(
  anyPlace.map((place) => ({ kind: "checkpoint" as const, place })),
  fc.record({
    kind: fc.constant("writes" as const),
    place: anyPlace,
    task: anyText,
    slot: anySlot,
  }, { noNullPrototype: true }),
  fc.record(
    { kind: fc.constant("chunk" as const), thread: anyText, hash: anyHash },
    { noNullPrototype: true },
  ),
);

Deno.test("escapeSegment() gives one segment of unreserved characters, from which the text comes back", () => {
  fc.assert(fc.property(anyText, (text) => {
    const segment = escapeSegment(text);
    assert.match(segment, /^[A-Za-z0-9_~-]+$/);
    assert.equal(unescapeSegment(segment), text);
  }));
});

Deno.test("escapeSegment() gives two texts two segments", () => {
  fc.assert(fc.property(anyText, anyText, (a, b) => {
    assert.equal(escapeSegment(a) === escapeSegment(b), a === b);
  }));
  assert.notEqual(escapeSegment("é"), escapeSegment("e\u0301"));
});

Deno.test("unescapeSegment() reads only what escapeSegment() writes", () => {
  for (
    const segment of ["", "~2", "~6", "~61", "~2E", "a.b", "~~", "a~", "~ff", "é", "~c3", "%2e"]
  ) {
    assert.equal(unescapeSegment(segment), undefined, segment);
  }
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom(..."~0123456789abcdefAz_-./"), maxLength: 12 }),
    (segment) => {
      const text = unescapeSegment(segment);
      if (text !== undefined) assert.equal(escapeSegment(text), segment);
    },
  ));
});

Deno.test("descendingId() sorts ids exactly opposite to the bytes of their UTF-8", () => {
  fc.assert(fc.property(anyId, anyId, (a, b) => {
    const turned = compareBytes(descendingId(a), descendingId(b));
    assert.equal(Math.sign(turned), -Math.sign(compareBytes(a, b)) + 0);
  }));
});

Deno.test("descendingId() puts an id after those that begin with it", () => {
  fc.assert(fc.property(anyId, anyId, (id, more) => {
    assert(compareBytes(descendingId(id + more), descendingId(id)) < 0);
    // In a key the id is a folder, and its slash must not change the order.
    const place = { thread: "t", namespace: "", id };
    assert(compareBytes(keys.record({ ...place, id: id + more }), keys.record(place)) < 0);
  }));
});

Deno.test("ascendingId() turns back what descendingId() turned, and nothing else", () => {
  fc.assert(fc.property(anyId, (id) => assert.equal(ascendingId(descendingId(id)), id)));
  for (const segment of ["", "~", "9e", "9~", "9E~", "00~", "9e~~", "zz~", " 9e~"]) {
    assert.equal(ascendingId(segment), undefined, segment);
  }
});

Deno.test("Keys.parse() reads each key that Keys builds", () => {
  fc.assert(fc.property(anyParsed, (parsed) => {
    assert.deepEqual(keys.parse(build(parsed)), parsed);
  }));
});

Deno.test("Keys gives two things two keys", () => {
  fc.assert(fc.property(anyParsed, anyParsed, (a, b) => {
    fc.pre(JSON.stringify(a) !== JSON.stringify(b));
    assert.notEqual(build(a), build(b));
  }));
});

Deno.test("Keys gives keys of unreserved characters that every store takes, all under the prefix", () => {
  fc.assert(fc.property(anyParsed, (parsed) => {
    const key = build(parsed);
    checkKey(key);
    assert.match(key, /^[A-Za-z0-9_~./-]+$/);
    for (const segment of key.split("/")) assert(!["", ".", ".."].includes(segment), key);
    assert(key.startsWith("a/prefix/"));
    // A URL parser resolves dot segments, also escaped ones; it finds none.
    assert.equal(new URL(`http://host/${key}`).pathname, `/${key}`);
  }));
});

Deno.test("Keys keeps everything of a thread under the thread, and of a checkpoint under the checkpoint", () => {
  fc.assert(fc.property(anyPlace, anyText, anyText, (place, task, otherThread) => {
    const folder = keys.thread(place.thread);
    const record = keys.record(place);
    assert(record.startsWith(keys.checkpoint(place)));
    assert(writesKey(keys, place, task, "r0").startsWith(keys.checkpoint(place)));
    assert(keys.checkpoint(place).startsWith(keys.namespace(place.thread, place.namespace)));
    assert(keys.namespaces(place.thread).startsWith(folder));
    assert(keys.chunks(place.thread).startsWith(folder));
    assert.equal(keys.threadOf(folder), place.thread);
    if (otherThread !== place.thread) assert(!record.startsWith(keys.thread(otherThread)));
  }));
});

Deno.test("Keys keeps `1`, `10` and `1/2` apart as threads, namespaces and ids", () => {
  const ids = ["1", "10", "1/2", "1~2f2"];
  const folders = [
    ...ids.map((id) => keys.thread(id)),
    ...ids.map((id) => keys.namespace("t", id)),
    ...ids.map((id) => keys.checkpoint({ thread: "t", namespace: "n", id })),
  ];
  for (const a of folders) {
    // The folders of the namespaces are in the one of no other thread, and so on.
    assert.deepEqual(folders.filter((b) => b.startsWith(a)), [a]);
  }
});

Deno.test("Keys.afterCheckpoint() is after all of a checkpoint and before the next older one", () => {
  fc.assert(fc.property(anyPlace, anyId, anyText, anySlot, (place, id, task, slot) => {
    const after = keys.afterCheckpoint(place);
    assert(compareBytes(keys.record(place), after) < 0);
    assert(compareBytes(writesKey(keys, place, task, slot), after) < 0);
    const other = { ...place, id };
    const older = compareBytes(id, place.id) < 0;
    assert.equal(compareBytes(after, keys.record(other)) < 0, older);
    assert.equal(compareBytes(after, writesKey(keys, other, task, slot)) < 0, older);
  }));
});

Deno.test("Keys.parse() takes no key of somebody else for its own", () => {
  const hash = "0".repeat(64);
  const id = descendingId("id");
  const foreign = [
    "",
    "a/prefix",
    "a/prefix/",
    "a/prefix/t",
    "a/prefix/t/",
    "other/t/v/" + hash,
    `xa/prefix/t/n/~/${id}/c`,
    `a/prefix/t/n/~/${id}`,
    `a/prefix/t/n/~/${id}/`,
    `a/prefix/t/n/~/${id}/d`,
    `a/prefix/t/n/~/${id}/c/`,
    `a/prefix/t/n/~/${id}/c.tmp`,
    `a/prefix/t/n//${id}/c`,
    `a/prefix//n/~/${id}/c`,
    `a/prefix/t t/n/~/${id}/c`,
    `a/prefix/t/N/~/${id}/c`,
    "a/prefix/t/n/~/id/c",
    `a/prefix/t/n/~/${id.toUpperCase()}/c`,
    `a/prefix/t/n/~/${id}/w.task`,
    `a/prefix/t/n/~/${id}/w.task.x0`,
    `a/prefix/t/n/~/${id}/w.task.s0`,
    `a/prefix/t/n/~/${id}/w..r0`,
    `a/prefix/t/n/~/${id}/w.a.b.r0`,
    `a/prefix/t/v/${hash}0`,
    `a/prefix/t/v/${hash.slice(1)}`,
    `a/prefix/t/v/${"A".repeat(64)}`,
    `a/prefix/t/v/${hash}/x`,
    "a/prefix/t/v",
    "a/prefix/t/v/",
  ];
  for (const key of foreign) assert.equal(keys.parse(key), undefined, key);
  fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => {
    const parsed = keys.parse(`a/prefix/${text}`);
    if (parsed !== undefined) assert.equal(build(parsed), `a/prefix/${text}`);
  }));
});

Deno.test("Keys refuses ids that fit no key and names the limit, before and not after it", () => {
  const sized = (length: number) =>
    keys.record({ thread: "t", namespace: "", id: "i".repeat(length) });
  const room = MAX_KEY_BYTES - sized(1).length;
  const most = 1 + Math.floor(room / 2);
  assert(sized(most).length <= MAX_KEY_BYTES);
  assert.throws(() => sized(most + 1), (error) => {
    assert(error instanceof InvalidInputError);
    assert.match(error.message, /1024/);
    assert(error.message.length < 600, "an id that is too long is not quoted whole");
    return true;
  });
});

Deno.test("Keys takes any text of any length, or refuses it with the limit named", () => {
  fc.assert(fc.property(anyId, fc.integer({ min: 1, max: 2_000 }), (text, length) => {
    const long = text.repeat(Math.ceil(length / text.length));
    const places: Place[] = [
      { thread: long, namespace: "", id: "1" },
      { thread: "t", namespace: long, id: "1" },
      { thread: "t", namespace: "", id: long },
    ];
    for (const place of places) {
      try {
        const key = keys.record(place);
        checkKey(key);
        assert.deepEqual(keys.parse(key), { kind: "checkpoint", place });
      } catch (error) {
        assert(error instanceof InvalidInputError, String(error));
        assert.match(error.message, /1024/);
      }
    }
  }));
});

Deno.test("Keys refuses what is no well-formed text, and an empty checkpoint id", () => {
  const place = { thread: "t", namespace: "n", id: "i" };
  for (const wrong of ["\ud800", "a\udfffb", 7, null, undefined, {}, ["t"]]) {
    const text = wrong as string;
    assert.throws(() => keys.record({ ...place, thread: text }), InvalidInputError);
    assert.throws(() => keys.record({ ...place, namespace: text }), InvalidInputError);
    assert.throws(() => keys.record({ ...place, id: text }), InvalidInputError);
    assert.throws(() => writesKey(keys, place, text, "r0"), InvalidInputError);
  }
  assert.throws(() => keys.record({ ...place, id: "" }), /checkpoint id.*empty/);
});

Deno.test("Keys takes a prefix with or without its slash, and none that could leave its place", () => {
  assert.equal(new Keys("p").prefix, "p/");
  assert.equal(new Keys("p/").prefix, "p/");
  assert.equal(new Keys("").thread("t"), "t/");
  for (const prefix of ["/", "/p", "p//", "../p", "p/..", "./p", "p\\q", "p\n", "p".repeat(1024)]) {
    assert.throws(() => new Keys(prefix), InvalidInputError, prefix);
  }
});
