import { InvalidInputError } from "../errors.ts";
import { streamOf } from "../store/body.ts";
import { MAX_KEY_BYTES } from "../store/limits.ts";
import { compareKeys, quote } from "../store/key.ts";
import type { ObjectStore } from "../store/store.ts";
import { assert, equal, equalBytes, rejects } from "./_assert.ts";
import { type ConformanceCase, conformanceCase, each, listing, read, utf8 } from "./_case.ts";

/** Keys that something on the way may spell otherwise, fold, decode or trim. */
const ODD = [
  "a b",
  " a",
  "a ",
  "+",
  "a+b",
  "%",
  "%2F",
  "%20",
  "%252F",
  "100%",
  "é",
  "e\u0301",
  "ß",
  "😀",
  "👩\u200d🚀",
  "日本/語",
  "~",
  "~user",
  "'",
  '"',
  "`",
  "&",
  "&amp;",
  "<>",
  "<Key>",
  "]]>",
  "*()'!",
  "*",
  "?",
  "a?b=c&d",
  "#",
  "a#b",
  "=",
  ";",
  ":",
  "a:b",
  "@",
  ",",
  "$",
  "$(x)",
  "[x]",
  "{x}",
  "|",
  "^",
  "-",
  "--help",
  "_",
  ".hidden",
  "trailing.",
  "...",
  "a/.../b",
  "Key",
  "key",
  "KEY",
  "con",
  "CON",
  "nul.txt",
  "aux/lpt1",
  "__proto__",
  "constructor",
  "toString/valueOf",
  "\u00a0",
  "\u2028",
  "\ufeff",
  "\ufeffbom",
  "x".repeat(250),
];

/** Keys that lead out of a bucket or a directory, or that not every store can keep. */
const HOSTILE = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "../x",
  "../../x",
  "a/..",
  "a/../b",
  "a/./b",
  "./a",
  "a\\b",
  "..\\x",
  "a\u0000b",
  "a\nb",
  "\u007f",
  "\ud800",
  "a\udc00b",
  "k".repeat(MAX_KEY_BYTES + 1),
  "é".repeat(MAX_KEY_BYTES / 2) + "x",
];

/** What a store must do with keys of every kind. */
export const keyCases: readonly ConformanceCase[] = [
  conformanceCase("keeps odd keys apart and gives them back", async (store, { prefix }) => {
    await each(ODD, (key) => store.put(prefix + key, utf8(key)));
    const expected = [...ODD].sort(compareKeys);
    const listed = await listing(store, prefix);
    equal(listed.keys.sort(compareKeys), expected, "keys");
    await each(ODD, async (key) => {
      const whole = prefix + key;
      equalBytes(await read(store, whole), utf8(key), `the object ${quote(key)}`);
      equal((await store.head(whole)).key, whole, "key of head");
      const only = await listing(store, prefix, { prefix: key, limit: 1 });
      equal(only.keys, [key], `keys with the prefix ${quote(key)}`);
    });
    for (const key of ODD.slice(0, 30)) {
      await store.copy(prefix + key, `${prefix}copies/${key}`);
      equalBytes(await read(store, `${prefix}copies/${key}`), utf8(key), `copy of ${quote(key)}`);
    }
    await store.delete(ODD.map((key) => prefix + key));
    await store.delete(ODD.map((key) => `${prefix}copies/${key}`));
    equal((await listing(store, prefix)).keys, [], "keys after they were deleted");
  }),

  conformanceCase("keeps a key of the most bytes", async (store, context) => {
    const { prefix, maxKeyBytes = MAX_KEY_BYTES } = context;
    // In segments that a file system can hold, as some servers keep them in files.
    const path = prefix + `${"segment-of-the-key".repeat(8)}/`.repeat(20);
    const key = path.slice(0, maxKeyBytes - 8) + "12345678";
    await store.put(key, utf8("content"));
    equalBytes(await read(store, key), utf8("content"), "the object");
    equal((await listing(store, prefix)).keys, [key.slice(prefix.length)], "keys");
    await refused(store, `${key}x`, prefix);
  }),

  conformanceCase("refuses hostile keys and writes nothing", async (store, { prefix }) => {
    await store.put(`${prefix}present`, utf8("content"));
    for (const key of HOSTILE) await refused(store, key, prefix);
    // Behind the prefix too, where the start of the key is a good one.
    for (const key of HOSTILE) await refused(store, prefix + (key || "/"), prefix);
    equal((await listing(store, prefix)).keys, ["present"], "keys after");
  }),
];

async function refused(store: ObjectStore, key: string, prefix: string): Promise<void> {
  const present = `${prefix}present`;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
  const calls: Record<string, () => Promise<unknown>> = {
    put: () => store.put(key, utf8("hostile")),
    "put of a stream": () => store.put(key, streamOf(utf8("hostile"))),
    "put of a stream that waits": () => store.put(key, stream),
    get: () => store.get(key),
    head: () => store.head(key),
    delete: () => store.delete([present, key]),
    "copy from": () => store.copy(key, `${prefix}copy`),
    "copy to": () => store.copy(present, key),
  };
  if (store.capabilities.presign) {
    calls["presign"] = () => store.presign(key, { method: "PUT", expiresIn: 60 });
  }
  for (const [name, call] of Object.entries(calls)) {
    await rejects(call, InvalidInputError, `${name} of ${quote(key)}`);
  }
  assert(cancelled, `the stream put as ${quote(key)} was not cancelled`);
}
