import { NotFoundError } from "../errors.ts";
import { getBytes, readAll } from "../store/body.ts";
import type { ObjectInfo } from "../store/store.ts";
import { assert, equal, equalBytes, rejects } from "./_assert.ts";
import {
  type ConformanceCase,
  conformanceCase,
  each,
  exists,
  listing,
  randomBytes,
  read,
  utf8,
} from "./_case.ts";

const DAY = 24 * 60 * 60 * 1000;

/** What a store must do with single objects. */
export const objectCases: readonly ConformanceCase[] = [
  conformanceCase("gives back the bytes it was given", async (store, { prefix }) => {
    const key = `${prefix}object`;
    const bytes = randomBytes(100_000, 1);
    await store.put(key, bytes);
    const answer = await getBytes(store, key);
    equalBytes(answer.bytes, bytes, "the object");
    equal(answer.info.key, key, "key of get");
    equal(answer.info.size, bytes.length, "size of get");
  }),

  conformanceCase("keeps every value of a byte", async (store, { prefix }) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await store.put(`${prefix}binary`, bytes);
    equalBytes(await read(store, `${prefix}binary`), bytes, "the object");
  }),

  conformanceCase("keeps an empty object", async (store, { prefix }) => {
    const key = `${prefix}empty`;
    await store.put(key, new Uint8Array(0));
    equal((await read(store, key)).length, 0, "length of the body");
    equal((await store.head(key)).size, 0, "size of head");
    equal((await listing(store, prefix)).objects[0]?.size, 0, "size of list");
  }),

  conformanceCase(
    "does not see what happens to the bytes afterwards",
    async (store, { prefix }) => {
      const key = `${prefix}copied`;
      const whole = utf8("..original..");
      const bytes = whole.subarray(2, 10);
      await store.put(key, bytes);
      bytes.fill(0);
      (await read(store, key)).fill(0);
      equalBytes(await read(store, key), utf8("original"), "the object");
    },
  ),

  conformanceCase("replaces an object", async (store, { prefix }) => {
    const key = `${prefix}replaced`;
    const first = await store.put(key, utf8("the first, and longer"));
    const second = await store.put(key, utf8("the second"));
    assert(first.etag !== second.etag, "another content has the same ETag");
    equalBytes(await read(store, key), utf8("the second"), "the object");
    equal((await store.head(key)).size, 10, "size of head");
  }),

  conformanceCase("tells the same of an object everywhere", async (store, { prefix }) => {
    const key = `${prefix}object`;
    const { etag } = await store.put(key, utf8("content"));
    const { info } = await getBytes(store, key);
    const all: [string, ObjectInfo | undefined][] = [
      ["get", info],
      ["head", await store.head(key)],
      ["list", (await listing(store, prefix)).objects[0]],
    ];
    assert(etag.length > 0 && !etag.includes('"'), `the ETag ${etag} is empty or quoted`);
    for (const [call, known] of all) {
      equal(known?.key, key, `key of ${call}`);
      equal(known?.size, 7, `size of ${call}`);
      equal(known?.etag, etag, `ETag of ${call}`);
      const written = known?.lastModified;
      assert(written instanceof Date, `lastModified of ${call} is not a Date`);
      assert(Math.abs(Date.now() - written.getTime()) < DAY, `lastModified of ${call}: ${written}`);
      // Some calls of S3 tell whole seconds.
      const apart = Math.abs(written.getTime() - info.lastModified.getTime());
      assert(apart < 1000, `lastModified of ${call} is ${apart} ms from that of get`);
    }
  }),

  conformanceCase("says that an object is not there", async (store, { prefix }) => {
    const absent = `${prefix}absent`;
    const calls = {
      get: () => store.get(absent),
      "get of a range": () => store.get(absent, { range: { start: 1 } }),
      "get under a condition": () => store.get(absent, { ifMatch: "etag" }),
      head: () => store.head(absent),
      copy: () => store.copy(absent, `${prefix}copy`),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await rejects(call, NotFoundError, name);
      equal(error.what, "object", `what is missing in ${name}`);
    }
    equal((await listing(store, prefix)).keys, [], "keys after");
  }),

  conformanceCase("deletes an object", async (store, { prefix }) => {
    const key = `${prefix}doomed`;
    await store.put(key, utf8("content"));
    await store.put(`${prefix}doomed-not/below`, utf8("stays"));
    await store.delete([key]);
    await rejects(() => store.get(key), NotFoundError, "get");
    await rejects(() => store.head(key), NotFoundError, "head");
    equal((await listing(store, prefix)).keys, ["doomed-not/below"], "keys after");
  }),

  conformanceCase("deletes what is not there without an error", async (store, { prefix }) => {
    await store.put(`${prefix}present`, utf8("content"));
    await store.delete([`${prefix}absent`, `${prefix}present`, `${prefix}no/such/folder`]);
    await store.delete([]);
    equal((await listing(store, prefix)).keys, [], "keys after");
  }),

  conformanceCase("copies an object", async (store, { prefix }) => {
    const bytes = randomBytes(70_000, 2);
    await store.put(`${prefix}from`, bytes);
    const { etag } = await store.copy(`${prefix}from`, `${prefix}deep/to`);
    equal((await store.head(`${prefix}deep/to`)).etag, etag, "ETag of the copy");
    await store.put(`${prefix}from`, utf8("changed"));
    equalBytes(await read(store, `${prefix}deep/to`), bytes, "the copy");
    await store.copy(`${prefix}from`, `${prefix}deep/to`);
    equalBytes(
      await read(store, `${prefix}deep/to`),
      utf8("changed"),
      "the copy that was replaced",
    );
  }),

  conformanceCase("shows an object whole, whoever writes", async (store, { prefix }) => {
    const key = `${prefix}contended`;
    const version = (number: number) => new Uint8Array(20_000 + number).fill(number);
    await store.put(key, version(0));
    const writers = each([1, 2, 3, 4, 5, 6, 7, 8], (number) => store.put(key, version(number)));
    const readers = each(Array.from({ length: 16 }), async () => {
      const { bytes, info } = await getBytes(store, key);
      equal(bytes.length, info.size, "length of the body");
      equalBytes(bytes, version(bytes[0]!), "a version");
    });
    await Promise.all([writers, readers]);
    assert(await exists(store, key), "it is gone");
  }),

  conformanceCase("gives bodies that may wait for their reader", async (store, { prefix }) => {
    const key = `${prefix}waiting`;
    const bytes = randomBytes(200_000, 3);
    await store.put(key, bytes);
    // More than any store opens requests at once: headers must not wait for bodies.
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await store.get(key));
    for (const { body } of answers.reverse()) {
      equalBytes(await readAll(body), bytes, "a body");
    }
  }),

  conformanceCase("lets go of a body that is cancelled", async (store, { prefix }) => {
    const key = `${prefix}cancelled`;
    await store.put(key, randomBytes(300_000, 4));
    for (let i = 0; i < 12; i++) {
      const { body } = await store.get(key);
      if (i % 2 === 0) {
        await body.cancel();
        continue;
      }
      const reader = body.getReader();
      await reader.read();
      await reader.cancel("enough");
    }
    equal((await read(store, key)).length, 300_000, "length of a body after");
  }),
];
