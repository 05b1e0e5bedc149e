import { PreconditionFailedError, UnsupportedError } from "../errors.ts";
import { streamOf } from "../store/body.ts";
import type { Body, ObjectStore, Precondition } from "../store/store.ts";
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

/** Longer than any default threshold: it goes in parts where a store has parts. */
const LONG = 9 * 1024 * 1024;

/** What a store must do with preconditions, or say that it cannot. */
export const conditionCases: readonly ConformanceCase[] = [
  conformanceCase("creates an object only where none is", async (store, { prefix }) => {
    const key = `${prefix}created`;
    if (!store.capabilities.conditionalCreate) return await refuses(store, key, "create");
    const { etag } = await store.put(key, utf8("first"), { precondition: "create" });
    await loses(() => store.put(key, utf8("second"), { precondition: "create" }), "put");
    await store.put(`${prefix}other`, utf8("other"));
    await loses(() => store.copy(`${prefix}other`, key, { precondition: "create" }), "copy");
    equalBytes(await read(store, key), utf8("first"), "the object");
    equal((await store.head(key)).etag, etag, "ETag after");
    await store.copy(key, `${prefix}copy`, { precondition: "create" });
    await store.delete([key]);
    await store.put(key, utf8("third"), { precondition: "create" });
    equalBytes(await read(store, key), utf8("third"), "the object created again");
  }),

  conformanceCase("lets one of many creators win", async (store, { prefix }) => {
    const key = `${prefix}raced`;
    if (!store.capabilities.conditionalCreate) return await refuses(store, key, "create");
    const winners = await race(
      20,
      (number) => store.put(key, utf8(`writer ${number}`), { precondition: "create" }),
    );
    equal(winners.length, 1, "number of winners");
    equalBytes(await read(store, key), utf8(`writer ${winners[0]}`), "the object");
  }),

  conformanceCase("creates from a long body only where none is", async (store, { prefix }) => {
    const key = `${prefix}long`;
    const create = (body: Body) => store.put(key, body, { precondition: "create" });
    if (!store.capabilities.conditionalCreate) return await refuses(store, key, "create");
    const bytes = randomBytes(LONG, 7);
    await create(streamOf(bytes));
    await loses(() => create(streamOf(bytes.subarray(1))), "put of a stream");
    await loses(() => create(bytes.subarray(2)), "put of bytes");
    equalBytes(await read(store, key), bytes, "the object");
  }),

  conformanceCase("updates only the version that was read", async (store, { prefix }) => {
    const key = `${prefix}updated`;
    const first = await store.put(key, utf8("first"));
    const under = (etag: string): Precondition => ({ ifMatch: etag });
    if (!store.capabilities.conditionalUpdate) {
      await refuses(store, key, under(first.etag));
      return equalBytes(await read(store, key), utf8("first"), "the object");
    }
    const second = await store.put(key, utf8("second"), { precondition: under(first.etag) });
    await loses(() => store.put(key, utf8("third"), { precondition: under(first.etag) }), "put");
    equalBytes(await read(store, key), utf8("second"), "the object");
    equal((await store.head(key)).etag, second.etag, "ETag after");
    const absent = `${prefix}absent`;
    await loses(
      () => store.put(absent, utf8("x"), { precondition: under(first.etag) }),
      "update of what is not there",
    );
    assert(!await exists(store, absent), "an update created what was not there");
  }),

  conformanceCase("lets one of many updaters win", async (store, { prefix }) => {
    const key = `${prefix}raced`;
    const { etag } = await store.put(key, utf8("first"));
    if (!store.capabilities.conditionalUpdate) {
      return await refuses(store, key, { ifMatch: etag });
    }
    const winners = await race(
      10,
      (number) => store.put(key, utf8(`writer ${number}`), { precondition: { ifMatch: etag } }),
    );
    equal(winners.length, 1, "number of winners");
    equalBytes(await read(store, key), utf8(`writer ${winners[0]}`), "the object");
  }),
];

async function loses(call: () => Promise<unknown>, what: string): Promise<void> {
  await rejects(call, PreconditionFailedError, what);
}

/** A store that cannot says so, and writes nothing. */
async function refuses(
  store: ObjectStore,
  key: string,
  precondition: Precondition,
): Promise<void> {
  const before = (await listing(store, key)).objects;
  for (const body of [utf8("refused"), streamOf(utf8("refused"))]) {
    await rejects(() => store.put(key, body, { precondition }), UnsupportedError, "put");
  }
  equal((await listing(store, key)).objects, before, "objects after");
}

/** Those of the writers that did not lose; any other failure fails the case. */
async function race(
  writers: number,
  write: (number: number) => Promise<unknown>,
): Promise<number[]> {
  const winners: number[] = [];
  await each(Array.from({ length: writers }, (_, index) => index), async (number) => {
    try {
      await write(number);
      winners.push(number);
    } catch (error) {
      assert(error instanceof PreconditionFailedError, `writer ${number}: ${error}`);
    }
  });
  return winners;
}
