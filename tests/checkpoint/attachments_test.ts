import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { CorruptError } from "@cairn/checkpoint";
import { attach, detach } from "../../src/checkpoint/attachments.ts";

/** Nested plain values with bytes in them, and with fields named `__proto__`. */
const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    tie("leaf"),
    tie("bytes"),
    fc.array(tie("node"), { maxLength: 4 }),
    fc.array(fc.tuple(tie("name"), tie("node")), { maxLength: 4 }).map((fields) =>
      Object.fromEntries(fields as [string, unknown][])
    ),
  ),
  leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constantFrom(null, undefined)),
  bytes: fc.uint8Array({ maxLength: 5 }),
  name: fc.oneof(fc.constantFrom("a", "b", "__proto__", "constructor", "0", ""), fc.string()),
})).node;

/** Whether any bytes are left inside a value. */
function holdsBytes(value: unknown): boolean {
  if (value instanceof Uint8Array) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(holdsBytes);
}

/** Freezes all that can be frozen, so that whoever changes it throws. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}

Deno.test("attach() gives back what detach() took apart, which changes nothing of its input", () => {
  fc.assert(fc.property(anyValue, (value) => {
    const copy = structuredClone(value);
    const { value: rest, attachments } = detach(freeze(value));
    assert.deepEqual(value, copy);
    if (!(value instanceof Uint8Array)) assert.equal(holdsBytes(rest), false);
    assert.deepEqual(attach(structuredClone(rest), attachments), copy);
  }));
});

Deno.test("detach() puts null where bytes stood, and copies only what is on the way to them", () => {
  const [plain, png] = [{ a: [1, 2] }, new Uint8Array([1, 2])];
  const value = { plain, deep: [{ png }], list: [png, png] };
  const { value: rest, attachments } = detach(value);
  assert.deepEqual(rest, { plain, deep: [{ png: null }], list: [null, null] });
  assert.equal((rest as unknown as typeof value).plain, plain);
  assert.deepEqual(attachments.map(({ path }) => path), [["deep", 0, "png"], ["list", 0], [
    "list",
    1,
  ]]);
  assert(attachments.every(({ bytes }) => bytes === png));
});

Deno.test("detach() gives a value without bytes as it is", () => {
  const value = { a: [{ b: null }], c: new Date(0), d: new Map([["x", new Uint8Array(1)]]) };
  assert.equal(detach(value).value, value);
  assert.deepEqual(detach(value).attachments, []);
});

Deno.test("detach() leaves bytes that are the whole value to the serializer", () => {
  const bytes = new Uint8Array([1]);
  assert.deepEqual(detach(bytes), { value: bytes, attachments: [] });
});

Deno.test("detach() takes a Buffer as the bytes it is, before its toJSON", () => {
  const buffer = Buffer.from("cairn");
  const { value, attachments } = detach({ buffer });
  assert.deepEqual(value, { buffer: null });
  assert.equal(attachments[0]?.bytes, buffer);
});

Deno.test("detach() leaves what is no plain object alone, and records of the LangChain serializer", () => {
  class Image {
    bytes = new Uint8Array([1]);
  }
  for (const value of [new Image(), { lc: 1, type: "constructor", bytes: new Uint8Array([1]) }]) {
    assert.deepEqual(detach({ value }), { value: { value }, attachments: [] });
  }
});

Deno.test("detach() takes objects without a prototype, and of another realm", () => {
  const bytes = new Uint8Array([1]);
  const bare = Object.assign(Object.create(null), { bytes });
  assert.equal(detach({ bare }).attachments.length, 1);
  const foreignPrototype = Object.create(null); // what Object.prototype of another realm looks like
  const foreign = Object.assign(Object.create(foreignPrototype), { bytes });
  assert.equal(detach({ foreign }).attachments.length, 1);
});

Deno.test("detach() leaves a circle for the serializer to judge, and an object in two places alone", () => {
  const circle: Record<string, unknown> = { name: "circle" };
  circle.self = circle;
  assert.equal(detach(circle).value, circle);
  const shared = { bytes: new Uint8Array([7]) };
  const { value, attachments } = detach([shared, shared]);
  assert.deepEqual(attach(value, attachments), [shared, shared]);
});

Deno.test("detach() and attach() treat __proto__ as a name like any other", () => {
  const value = JSON.parse('{"__proto__": {"bytes": null}, "x": {"__proto__": null}}');
  const bytes = new Uint8Array([1, 2, 3]);
  const hostile = attach(value, [
    { path: ["__proto__", "bytes"], bytes },
    { path: ["x", "__proto__"], bytes },
  ]);
  assert.deepEqual(Object.keys(hostile as object), ["__proto__", "x"]);
  assert.equal((hostile as { bytes?: unknown }).bytes, undefined);
  assert.equal(({} as { bytes?: unknown }).bytes, undefined);
  const { value: rest, attachments } = detach(hostile);
  assert.deepEqual(attachments.map(({ path }) => path), [["__proto__", "bytes"], [
    "x",
    "__proto__",
  ]]);
  assert.deepEqual(rest, JSON.parse('{"__proto__": {"bytes": null}, "x": {"__proto__": null}}'));
});

Deno.test("attach() refuses a path that leads nowhere, to a prototype, or to what is not null", () => {
  const bytes = new Uint8Array(1);
  const value = () => ({ a: { b: null }, text: "x", list: [null], set: 1 });
  const refused = [
    [],
    ["missing"],
    ["missing", "b"],
    ["a", "missing"],
    ["a"],
    ["set"],
    ["text", 0],
    ["list", 1],
    ["list", -1],
    ["list", "length"],
    ["a", "b", "c"],
    ["__proto__"],
    ["constructor", "prototype", "polluted"],
    ["__proto__", "polluted"],
  ];
  for (const path of refused) {
    assert.throws(() => attach(value(), [{ path, bytes }]), (error) => {
      assert(error instanceof CorruptError);
      return error.message.includes(JSON.stringify(path));
    });
  }
  for (const value of [null, undefined, 1, "text"]) {
    assert.throws(() => attach(value, [{ path: ["a"], bytes }]), CorruptError);
  }
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});
