import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { InvalidInputError, jsonSerializer } from "@cairn/checkpoint";
import { isPlainObject } from "../../src/checkpoint/serializer.ts";

const serializer = jsonSerializer();

async function roundTrip(value: unknown): Promise<unknown> {
  const [type, bytes] = await serializer.dumpsTyped(value);
  return await serializer.loadsTyped(type, bytes);
}

/** A circle of two objects. */
function circle(): unknown {
  const inner: Record<string, unknown> = {};
  return inner.list = [{ inner }], inner;
}

class Point {
  x = 1;
}

Deno.test("jsonSerializer() gives JSON back as it was", async () => {
  await fc.assert(fc.asyncProperty(
    fc.jsonValue().filter((value) => !JSON.stringify(value)?.includes("-0")),
    async (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      assert.deepEqual(await roundTrip(plain), plain);
    },
  ));
});

Deno.test("jsonSerializer() keeps bytes that are the whole value as bytes", async () => {
  const bytes = new Uint8Array([0, 255]);
  assert.deepEqual(await serializer.dumpsTyped(bytes), ["bytes", bytes]);
  assert.deepEqual(await roundTrip(bytes), bytes);
});

const REFUSED: readonly [name: string, value: unknown, message: RegExp][] = [
  ["NaN", { a: [1, NaN] }, /NaN at "a\.1"/],
  ["Infinity", -Infinity, /-Infinity at "the top"/],
  ["undefined alone", undefined, /undefined at "the top"/],
  ["undefined in an array", { a: [undefined] }, /undefined at "a\.0"/],
  // deno-lint-ignore no-sparse-arrays -- a hole is what it refuses
  ["a hole in an array", { a: [1, , 2] }, /a hole, or an array's field, at "a"/],
  ["a field of an array", { a: "xy".match(/x/) }, /a hole, or an array's field,/],
  ["a bigint", { a: 1n }, /a bigint at "a"/],
  ["a function", { a: { b: () => 1 } }, /a function at "a\.b"/],
  ["a symbol", [Symbol("s")], /a symbol at "0"/],
  ["a Map", { a: new Map() }, /a Map at "a"/],
  ["a Set", new Set([1]), /a Set at "the top"/],
  ["an instance", { a: new Point() }, /a Point at "a"/],
  ["an error", { a: new Error("e") }, /a Error at "a"/],
  ["a regular expression", { a: /x/ }, /a RegExp at "a"/],
  ["a boxed number", { a: Object(1) }, /a Number at "a"/],
  ["another kind of bytes", { a: new Float32Array(1) }, /a Float32Array at "a"/],
  ["a promise", { a: Promise.resolve() }, /a Promise at "a"/],
  ["a circle", circle(), /a circle at "list\.0\.inner"/],
  ["bytes that were not taken out", { a: new Uint8Array(1) }, /a Uint8Array at "a"/],
  ["a Buffer, whose toJSON is another thing", { a: Buffer.from("a") }, /a Buffer at "a"/],
  ["a date that is none", { a: { toJSON: () => NaN } }, /NaN at "a"/],
  ["a toJSON that gives nothing", { toJSON: () => undefined }, /undefined at "the top"/],
  ["a toJSON that gives a Map", { a: { toJSON: () => new Map() } }, /a Map at "a"/],
  [
    "a toJSON that gives a date",
    { a: { toJSON: () => new Date(0) } },
    /a toJSON's toJSON/,
  ],
  ["a toJSON that gives itself", toItself(), /a toJSON's toJSON at "the top"/],
];

function toItself(): unknown {
  const value = { toJSON: (): unknown => value };
  return value;
}

for (const [name, value, message] of REFUSED) {
  Deno.test(`jsonSerializer() refuses ${name}, and says where`, async () => {
    await assert.rejects(serializer.dumpsTyped(value), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, message);
      assert.match(error.message, /JSON has none; convert it, or give a serializer$/);
      return true;
    });
  });
}

Deno.test("jsonSerializer() drops a field that is undefined, as if it were not there", async () => {
  assert.deepEqual(await roundTrip({ a: undefined, b: { c: undefined, d: 1 } }), { b: { d: 1 } });
});

Deno.test("jsonSerializer() takes what a toJSON gives, as JSON does", async () => {
  const url = new URL("https://example.com/");
  assert.deepEqual(await roundTrip({ at: new Date(0), url }), {
    at: "1970-01-01T00:00:00.000Z",
    url: "https://example.com/",
  });
  assert.deepEqual(await roundTrip({ key: { toJSON: (key: string) => [key] } }), { key: ["key"] });
});

Deno.test("jsonSerializer() takes the same object in two places, and __proto__ as a field", async () => {
  const shared = { x: 1 };
  assert.deepEqual(await roundTrip([shared, { shared }]), [shared, { shared }]);
  const hostile = JSON.parse('{"__proto__": {"polluted": true}}');
  const back = await roundTrip(hostile);
  assert.deepEqual(back, hostile);
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
});

Deno.test("jsonSerializer() names the type that it cannot load", async () => {
  await assert.rejects(serializer.loadsTyped("msgpack", new Uint8Array(1)), {
    name: "InvalidInputError",
    message: /type "msgpack" as JSON; give the serializer that saved it/,
  });
});

Deno.test("isPlainObject() tells records of fields, of any realm, from all else", () => {
  const plain = [{}, Object.create(null), JSON.parse("{}"), runInNewContext("({ a: 1 })")];
  for (const value of plain) assert.equal(isPlainObject(value), true);
  const others = [null, undefined, 1, "x", [], () => {}, new Map(), new Date(), new Point()];
  others.push(Object.create({}), runInNewContext("new Map()"), runInNewContext("[]"));
  for (const value of others) assert.equal(isPlainObject(value), false);
});
