/** Objects in a bucket that somebody has altered with knowledge of the format: right checksums, wrong content. */
import assert from "node:assert/strict";
import {
  CairnError,
  decodeFrame,
  encodeFrame,
  type FrameKind,
  getBytes,
  type ObjectStore,
  type Sealing,
} from "@cairn/checkpoint";
import fc from "fast-check";
import { concat } from "../../src/store/body.ts";

/** What is altered of an object's payload, and what is put there. */
export interface Mutation {
  /** Which object, counted modulo how many there are. */
  readonly object: number;
  /**
   * Which part: the index, one of the values that stand in the payload, or all
   * of the payload as bytes.
   */
  readonly part: "index" | "value" | "bytes";
  /** Which of several, and which place in it, counted modulo how many there are. */
  readonly which: number;
  readonly at: number;
  /** What is put there; where nothing is said, another part of the same. */
  readonly value: { readonly json: string } | null;
  /** A part that is put there. */
  readonly from: number;
  /** How many bytes are left, counted modulo, and what follows them. */
  readonly cut: number;
  readonly tail: Uint8Array<ArrayBuffer>;
}

/** What most often is not what a reader expects. */
const PLAIN = ["null", "true", "5", '"text"', "[]", "[null]", "{}"] as const;

/** JSON that is not what a reader expects, as text: `__proto__` is a field of its own in it. */
const hostile = fc.constantFrom(
  ...PLAIN,
  "0",
  "-1",
  "1.5",
  "3",
  "9007199254740991",
  "9007199254740993",
  "1e308",
  '""',
  '"json"',
  '"bytes"',
  '"undefined"',
  '"__proto__"',
  '"\\ud800"',
  '"0000000000000000000000000000000000000000000000000000000000000000"',
  "[[]]",
  "[null,null,null]",
  "[1,2,3]",
  '["json",[0]]',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":1,"length":-1,"then":1}',
  '{"lc":1,"type":"constructor","id":["langchain","Nobody"],"kwargs":{}}',
  '{"lc":2,"type":"undefined"}',
  '{"lc":2,"type":"constructor","id":["Map"],"method":null,"args":[5]}',
  '{"lc":2,"type":"constructor","id":["Uint8Array"],"method":"from","args":[9007199254740991]}',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  `"${"x".repeat(2_000)}"`,
);

export const mutations: fc.Arbitrary<Mutation> = fc.record({
  object: fc.oneof(fc.constant(0), fc.nat(1_000)),
  part: fc.oneof(
    { arbitrary: fc.constant("index" as const), weight: 4 },
    { arbitrary: fc.constant("value" as const), weight: 4 },
    { arbitrary: fc.constant("bytes" as const), weight: 1 },
  ),
  which: fc.oneof(fc.nat(1), fc.nat(1_000)), // the first two are a checkpoint's metadata and its head
  at: fc.oneof(fc.nat(3), fc.nat(10_000)), // the first is the whole
  value: fc.option(hostile.map((json) => ({ json })), { freq: 5 }),
  from: fc.nat(10_000),
  cut: fc.nat(10_000),
  tail: fc.uint8Array({ maxLength: 12 }) as fc.Arbitrary<Uint8Array<ArrayBuffer>>,
});

/**
 * What a checkpoint says of itself, altered near its top: each field of its
 * metadata and of its head becomes each of a few other things.
 */
export function* plainMutations(): Generator<Mutation> {
  for (const which of [0, 1]) {
    for (let at = 0; at < 9; at++) {
      for (const json of PLAIN) {
        const rest = { from: 0, cut: 1, tail: new Uint8Array(0) };
        yield { object: 0, part: "value", which, at, value: { json }, ...rest };
      }
    }
  }
}

/** Alters one of some objects; where they are sealed, by somebody who has the key, or who leaves it open. */
export async function mutate(
  store: ObjectStore,
  keys: readonly string[],
  mutation: Mutation,
  sealingOf: (key: string) => Sealing | undefined = () => undefined,
): Promise<void> {
  const key = keys[mutation.object % keys.length]!;
  const { bytes } = await getBytes(store, key);
  const sealing = sealingOf(key);
  const { payload, kind } = await decodeFrame(bytes, { sealing });
  const altered = kind === "chunk" || mutation.part === "bytes"
    ? alterBytes(payload, mutation)
    : alterRecord(payload, mutation);
  const hasKey = mutation.from % 3 > 0;
  await store.put(key, await frameOf(kind, altered, mutation, hasKey ? sealing : undefined));
}

/** Uses a store in each way; each answers, or fails by an error of the package's own. Gives the errors' names. */
export async function tryAll(
  uses: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<string[]> {
  const names: string[] = [];
  for (const [what, use] of Object.entries(uses)) {
    try {
      await use();
    } catch (error) {
      assert(error instanceof CairnError, `${what}: ${(error as Error).stack}`);
      names.push(error.name);
    }
    assert.equal(({} as { polluted?: unknown }).polluted, undefined, what);
  }
  return names;
}

async function frameOf(
  kind: FrameKind,
  payload: Uint8Array,
  { which }: Mutation,
  sealing: Sealing | undefined,
) {
  // Now and then of another kind, where nothing else may be wrong.
  const kinds: FrameKind[] = [kind, kind, kind, kind, kind, kind, "checkpoint", "writes", "chunk"];
  const options = { compression: "none", sealing } as const;
  return await encodeFrame(payload, { kind: kinds[which % kinds.length]!, ...options });
}

function alterBytes(payload: Uint8Array, { cut, tail }: Mutation): Uint8Array<ArrayBuffer> {
  return concat([payload.slice(0, cut % (payload.length + 1)), tail, new Uint8Array(0)]);
}

/** Alters the index of a record, or a value that stands behind it, so that the lengths still hold. */
function alterRecord(payload: Uint8Array, mutation: Mutation): Uint8Array<ArrayBuffer> {
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  const index = JSON.parse(new TextDecoder().decode(payload.subarray(4, 4 + length)));
  const blob = payload.slice(4 + length);
  if (mutation.part === "index") return join(alterJson(index, mutation), blob);
  // A value is a type and a body; its first inline piece is JSON, where it has one.
  const values: [
    type: string,
    body: unknown[],
    attachments?: [path: unknown, body: unknown[]][],
  ][] = [
    ...index.metadata ? [index.metadata, index.head] : [],
    ...(index.channels ?? index.writes ?? []).map((entry: unknown[]) => entry[2]),
  ];
  const wanted = values[mutation.which % values.length];
  let at = 0;
  for (const value of values) {
    for (const body of [value[1], ...(value[2] ?? []).map(([, body]) => body)]) {
      for (const [place, piece] of body.entries()) {
        if (typeof piece !== "number") continue;
        if (value === wanted && body === value[1]) {
          const bytes = alterText(blob.subarray(at, at + piece), mutation);
          body[place] = bytes.length;
          return join(index, concat([blob.slice(0, at), bytes, blob.slice(at + piece)]));
        }
        at += piece;
      }
    }
  }
  return join(alterJson(index, mutation), blob);
}

function alterText(bytes: Uint8Array<ArrayBuffer>, mutation: Mutation): Uint8Array<ArrayBuffer> {
  let json;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return alterBytes(bytes, mutation);
  }
  if (mutation.cut % 8 === 0) return alterBytes(bytes, mutation);
  return new TextEncoder().encode(JSON.stringify(alterJson(json, mutation)));
}

function alterJson(root: unknown, { at, value, from }: Mutation): unknown {
  const holder = { root };
  const places: [object: Record<string, unknown>, key: string][] = [];
  const visit = (object: Record<string, unknown>) => {
    for (const key of Object.keys(object)) {
      places.push([object, key]);
      const item = object[key];
      if (typeof item === "object" && item !== null) visit(item as Record<string, unknown>);
    }
  };
  visit(holder);
  const [object, key] = places[at % places.length]!;
  const [other, part] = places[from % places.length]!;
  const put = value === null ? structuredClone(other[part]) : JSON.parse(value.json);
  if (value === null && from % 7 === 0) delete object[key];
  else object[key] = put;
  return holder.root;
}

function join(index: unknown, blob: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(index) ?? "");
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length);
  return concat([length, json, blob]);
}
