import {
  AccessError,
  CorruptError,
  type Fallback,
  getBytes,
  InvalidInputError,
  memoryStore,
  NotFoundError,
  type ObjectStore,
  PreconditionFailedError,
  S3Checkpointer,
  ThrottledError,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
  withReplica,
} from "@cairn/checkpoint";
import {
  type Fault,
  type FaultPlan,
  faultyStore,
  type StoreOperation,
} from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";

const PASSING = [new UnavailableError("503"), new ThrottledError("429"), new TimeoutError("late")];
const FINAL = [
  new NotFoundError("gone", { what: "bucket" }),
  new AccessError("403"),
  new PreconditionFailedError("412"),
  new CorruptError("bits"),
  new InvalidInputError("400"),
  new UnsupportedError("501"),
  new TypeError("a bug"),
];

const bytes = (...all: number[]) => new Uint8Array(all);
const ten = new Uint8Array(10).map((_, at) => at);

/** An origin that fails as planned, the replica behind it, and what was heard of it. */
function pair(plan: FaultPlan = () => undefined, deleteAfter?: number) {
  const [origin, replica] = [memoryStore(), memoryStore()];
  const heard: Fallback[] = [];
  const clock = { at: 5_000 };
  const options = { onFallback: (fallback: Fallback) => void heard.push(fallback), deleteAfter };
  const store = withReplica(faultyStore(origin, plan), replica, options, { now: () => clock.at });
  return { origin, replica, heard, clock, store };
}

/** The same object in both, with the same ETag. */
async function putBoth(
  { origin, replica }: { origin: ObjectStore; replica: ObjectStore },
  key: string,
  value: Uint8Array,
): Promise<void> {
  const etags = [await origin.put(key, value), await replica.put(key, value)];
  assert.deepEqual(etags[0], etags[1]);
}

const failing = (error: unknown, ...operations: StoreOperation[]): FaultPlan => ({ operation }) =>
  operations.includes(operation) ? { kind: "fail", error } : undefined;

async function keysOf(store: ObjectStore, prefix = ""): Promise<string[]> {
  const pages = await Array.fromAsync(store.list({ prefix }));
  return pages.flatMap(({ objects }) => objects.map(({ key }) => key));
}

Deno.test("withReplica() asks the replica nothing while the origin answers", async () => {
  const origin = memoryStore();
  const never = faultyStore(memoryStore(), () => assert.fail("the replica was asked"));
  const store = withReplica(origin, never, { onFallback: () => assert.fail("a fallback") });
  await store.put("a/1", ten);
  await store.copy("a/1", "a/2");
  assert.deepEqual((await getBytes(store, "a/1")).bytes, ten);
  assert.equal((await store.head("a/2")).size, 10);
  assert.deepEqual(await keysOf(store), ["a/1", "a/2"]);
  await assert.rejects(store.get("absent"), NotFoundError);
  assert.deepEqual(await keysOf(store, "b/"), []);
  await store.delete(["a/1", "a/2"]);
  assert.deepEqual(await keysOf(origin), []);
});

Deno.test("withReplica() reads from the replica where the origin fails for a while", async () => {
  for (const error of PASSING) {
    const { replica, heard, store } = pair(failing(error, "get", "list"));
    await replica.put("a/1", ten);
    assert.deepEqual((await getBytes(store, "a/1")).bytes, ten);
    const range = { suffix: 2 };
    assert.deepEqual((await getBytes(store, "a/1", { range })).bytes, bytes(8, 9));
    assert.deepEqual(await keysOf(store, "a/"), ["a/1"]);
    assert.deepEqual(heard, [
      { operation: "get", key: "a/1", error },
      { operation: "get", key: "a/1", error },
      { operation: "list", key: "a/", error },
    ]);
  }
});

Deno.test("withReplica() takes any other failure for the origin's answer", async () => {
  for (const error of FINAL) {
    const { replica, heard, store } = pair(failing(error, "get", "list"));
    await replica.put("a/1", ten);
    await assert.rejects(store.get("a/1"), error);
    await assert.rejects(keysOf(store), error);
    assert.deepEqual(heard, []);
  }
});

Deno.test("withReplica() never writes, copies, deletes or asks a head elsewhere", async () => {
  const error = new UnavailableError("503");
  const plan = failing(error, "put", "copy", "delete", "head", "presign");
  const { replica, heard, store } = pair(plan);
  await replica.put("a", ten);
  await assert.rejects(store.put("a", bytes(1)), error);
  await assert.rejects(store.put("b", bytes(1), { precondition: "create" }), error);
  await assert.rejects(store.copy("a", "b"), error);
  await assert.rejects(store.delete(["a"]), error);
  await assert.rejects(store.head("a"), error);
  await assert.rejects(store.presign("a", { method: "GET", expiresIn: 1 }), error);
  assert.deepEqual(await keysOf(replica), ["a"]);
  assert.deepEqual((await getBytes(replica, "a")).bytes, ten);
  assert.deepEqual(heard, []);
});

Deno.test("withReplica() believes no absence of the replica's: it lags", async () => {
  const error = new UnavailableError("503");
  const { replica, heard, store } = pair(failing(error, "get", "list"));
  await replica.put("a/1", ten);
  await assert.rejects(store.get("a/2"), error);
  await assert.rejects(keysOf(store, "b/"), error);
  assert(heard.every(({ replicaError }) => replicaError !== undefined));
  assert(heard[0]?.replicaError instanceof NotFoundError);
  assert.equal(heard.length, 2);
  // The end of a listing is no absence, nor is a listing of nothing.
  assert.deepEqual(await Array.fromAsync(store.list({ prefix: "a/", startAfter: "a/1" })), []);
  assert.deepEqual(await Array.fromAsync(store.list({ prefix: "b/", limit: 0 })), []);
});

Deno.test("withReplica() throws the origin's error where both fail", async () => {
  const error = new TimeoutError("the origin");
  const denied = new AccessError("the replica");
  const heard: Fallback[] = [];
  const store = withReplica(
    faultyStore(memoryStore(), () => ({ kind: "fail", error })),
    faultyStore(memoryStore(), () => ({ kind: "fail", error: denied })),
    { onFallback: (fallback) => heard.push(fallback) },
  );
  await assert.rejects(store.get("k"), error);
  await assert.rejects(keysOf(store), error);
  assert.deepEqual(heard, [
    { operation: "get", key: "k", error, replicaError: denied },
    { operation: "list", key: "", error, replicaError: denied },
  ]);
});

Deno.test("withReplica() goes on in the middle of a body where the ETag is the same", async () => {
  const ranges = [undefined, { start: 2, end: 9 }, { start: 3 }, { suffix: 8 }];
  for (const range of ranges) {
    for (const after of [0, 1, 4, 6]) {
      const both = pair(({ operation }) =>
        operation === "get" ? { kind: "cut", after } : undefined
      );
      await putBoth(both, "k", ten);
      const whole = (await getBytes(both.replica, "k", { range })).bytes;
      assert.deepEqual((await getBytes(both.store, "k", { range })).bytes, whole);
      assert.equal(both.heard.length, 1);
      assert.equal(both.heard[0]?.replicaError, undefined);
    }
  }
});

Deno.test("withReplica() mixes no two versions of an object into one body", async () => {
  const error = new UnavailableError("broke off");
  const fault: Fault = { kind: "cut", after: 4, error };
  const { origin, replica, heard, store } = pair(({ operation }) =>
    operation === "get" ? fault : undefined
  );
  await replica.put("k", new Uint8Array(10).fill(7));
  await origin.put("other", ten);
  await origin.put("k", ten);
  await assert.rejects(getBytes(store, "k"), error);
  assert(heard[0]?.replicaError instanceof PreconditionFailedError);
});

Deno.test("withReplica() ends a body that breaks off on the replica, too", async () => {
  const first = new UnavailableError("the origin");
  const second = new UnavailableError("the replica");
  const [origin, replica] = [memoryStore(), memoryStore()];
  await putBoth({ origin, replica }, "k", ten);
  const cut = (store: ObjectStore, error: Error) =>
    faultyStore(
      store,
      ({ operation }) => operation === "get" ? { kind: "cut", after: 3, error } : undefined,
    );
  const heard: Fallback[] = [];
  const store = withReplica(cut(origin, first), cut(replica, second), {
    onFallback: (fallback) => heard.push(fallback),
  });
  await assert.rejects(getBytes(store, "k"), second);
  assert.deepEqual(heard, [{ operation: "get", key: "k", error: first }]);
});

Deno.test("withReplica() refuses a body that goes on past its end", async () => {
  const origin = memoryStore();
  await origin.put("k", ten);
  const long: ObjectStore = {
    ...origin,
    get: async (key, options) => ({
      ...await origin.get(key, options),
      body: new Blob([ten, ten]).stream(),
    }),
  };
  const { body } = await withReplica(long, memoryStore()).get("k");
  await assert.rejects(new Response(body).bytes(), CorruptError);
});

Deno.test("withReplica() cancels the body that is being read", async () => {
  const origin = memoryStore();
  await origin.put("k", ten);
  const reasons: unknown[] = [];
  const watched: ObjectStore = {
    ...origin,
    get: async (key, options) => ({
      ...await origin.get(key, options),
      body: new ReadableStream({ cancel: (reason) => void reasons.push(reason) }),
    }),
  };
  const { body } = await withReplica(watched, memoryStore()).get("k");
  await body.cancel("enough");
  assert.deepEqual(reasons, ["enough"]);
});

Deno.test("withReplica() goes on with a listing where it began", async () => {
  const error = new UnavailableError("503");
  const second: FaultPlan = ({ operation, number }) =>
    operation === "list" && number === 2 ? { kind: "fail", error } : undefined;
  const many = Array.from({ length: 1_500 }, (_, at) => `k${String(at).padStart(4, "0")}`);

  const broken = pair(second);
  for (const key of many) await broken.origin.put(key, bytes(1));
  for (const key of many) await broken.replica.put(key, bytes(1));
  await assert.rejects(keysOf(broken.store), error);
  assert.deepEqual(broken.heard, []);

  // The origin is back for the second page, which is the replica's all the same.
  const first = pair(({ operation, number }) =>
    operation === "list" && number === 1 ? { kind: "fail", error } : undefined
  );
  for (const key of many) await first.replica.put(key, bytes(1));
  assert.deepEqual(await keysOf(first.store), many);
  assert.equal(first.heard.length, 1);
});

Deno.test("withReplica() closes a listing that is not read to its end", async () => {
  let closed = 0;
  const endless: ObjectStore = {
    ...memoryStore(),
    async *list() {
      try {
        while (true) yield { objects: [], prefixes: ["p/"] };
      } finally {
        closed++;
      }
    },
  };
  const down = faultyStore(memoryStore(), () => ({ kind: "fail" }));
  for (const store of [withReplica(endless, memoryStore()), withReplica(down, endless)]) {
    for await (const _ of store.list()) break;
  }
  assert.equal(closed, 2);
});

Deno.test("withReplica() asks nobody else once the caller has given up", async () => {
  const reason = new Error("enough");
  for (const operation of ["get", "list"] as const) {
    const controller = new AbortController();
    const { signal } = controller;
    const { replica, heard, store } = pair(() => ({ kind: "hang" }));
    await replica.put("k", ten);
    const reading = operation === "get"
      ? store.get("k", { signal })
      : Array.fromAsync(store.list({ signal }));
    controller.abort(reason);
    await assert.rejects(reading, reason);
    assert.deepEqual(heard, []);
  }
  // While the replica is asked, too.
  const controller = new AbortController();
  const { signal } = controller;
  const down = faultyStore(memoryStore(), () => ({ kind: "fail" }));
  const slow = faultyStore(memoryStore(), () => ({ kind: "hang" }));
  const reading = withReplica(down, slow).get("k", { signal });
  setTimeout(() => controller.abort(reason));
  await assert.rejects(reading, reason);
});

Deno.test("withReplica() deletes and copies nothing for a while after a read from the replica", async () => {
  const down = { now: false };
  const { origin, replica, clock, store } = pair(
    () => down.now ? { kind: "fail" } : undefined,
    1_000,
  );
  await putBoth({ origin, replica }, "k", ten);
  down.now = true;
  await getBytes(store, "k");
  down.now = false;
  clock.at += 400;
  await assert.rejects(store.delete(["k", "l"]), (error) => {
    assert(error instanceof UnavailableError);
    assert.equal(error.retryAfter, 600);
    assert.match(error.message, /Cannot delete 2 keys.*1000 ms.*with the origin alone/);
    return true;
  });
  await assert.rejects(store.copy("k", "l"), (error) => {
    assert(error instanceof UnavailableError);
    assert.deepEqual([error.key, error.retryAfter], ["k", 600]);
    return true;
  });
  assert.deepEqual(await keysOf(origin), ["k"]);
  await store.delete([]);
  await store.put("k", bytes(1));
  clock.at += 600;
  await store.copy("k", "l");
  await store.delete(["k", "l"]);
  assert.deepEqual(await keysOf(origin), []);
  assert.deepEqual(await keysOf(replica), ["k"]);
});

Deno.test("withReplica() with an S3Checkpointer loads what the replica has, and saves nothing", async () => {
  const down = { now: false };
  const { origin, replica, heard, store } = pair(() => down.now ? { kind: "fail" } : undefined);
  const large = "x".repeat(100_000);
  const first = await new S3Checkpointer(origin).save("t", { step: 1, large });
  for (const key of await keysOf(origin)) {
    await replica.put(key, (await getBytes(origin, key)).bytes);
  }
  await new S3Checkpointer(origin).save("t", { step: 2, large }, { parent: first.id });
  const reader = () => new S3Checkpointer<{ step: number; large: string }>(store);
  assert.equal((await reader().load("t"))?.state.step, 2);

  down.now = true;
  const older = await reader().load("t");
  assert.deepEqual(older?.state, { step: 1, large });
  assert(heard.length > 2);
  assert(heard.every(({ replicaError }) => replicaError === undefined));
  await assert.rejects(reader().load("another"), UnavailableError);
  const writer = reader();
  await writer.load("t");
  await assert.rejects(writer.save("t", { step: 3, large }), UnavailableError);

  // Once the origin is back, what was saved meanwhile is the latest again.
  down.now = false;
  assert.equal((await reader().load("t"))?.state.step, 2);
  await assert.rejects(reader().delete("t"), UnavailableError);
  assert.equal((await reader().load("t"))?.state.step, 2);
});

Deno.test("withReplica() lists in order where both do", () => {
  const unordered: ObjectStore = {
    ...memoryStore(),
    capabilities: { ...memoryStore().capabilities, orderedList: false, conditionalCreate: false },
  };
  const ordered = memoryStore();
  assert.equal(withReplica(ordered, unordered).capabilities.orderedList, false);
  assert.equal(withReplica(ordered, unordered).capabilities.conditionalCreate, true);
  assert.equal(withReplica(unordered, ordered).capabilities.orderedList, false);
  assert.deepEqual(withReplica(ordered, ordered).capabilities, {
    ...ordered.capabilities,
    lags: true,
  });
  assert.equal(withReplica(ordered, ordered).name, "memory, else memory");
});

Deno.test("withReplica() refuses a time that is none", () => {
  for (const deleteAfter of [-1, NaN, "1" as unknown as number]) {
    assert.throws(
      () => withReplica(memoryStore(), memoryStore(), { deleteAfter }),
      InvalidInputError,
    );
  }
});

Deno.test("withReplica() counts what the replica was asked, as requests that were sent because another had failed", async () => {
  const trace = () => ({ attempts: 0, retries: 0 });
  const down = pair(failing(PASSING[0], "get", "list"));
  await down.replica.put("k", ten);
  const [got, listed] = [trace(), trace()];
  await getBytes(down.store, "k", { trace: got });
  await Array.fromAsync(down.store.list({ trace: listed }));
  assert.deepEqual([got, listed], [{ attempts: 1, retries: 1 }, { attempts: 1, retries: 1 }]);

  const cut = pair(({ operation }) => operation === "get" ? { kind: "cut", after: 4 } : undefined);
  await putBoth(cut, "k", ten);
  const rest = trace();
  assert.deepEqual((await getBytes(cut.store, "k", { trace: rest })).bytes, ten);
  assert.deepEqual(rest, { attempts: 2, retries: 1 });

  const well = trace();
  await down.origin.put("other", ten);
  await down.store.head("other", { trace: well });
  assert.deepEqual(well, { attempts: 1, retries: 0 });
});

Deno.test("withReplica() that is cancelled while it asks the replica leaves no body open, and tells no old error", async () => {
  const origin = memoryStore();
  await origin.put("k", ten);
  const cut = faultyStore(
    origin,
    ({ operation }) => operation === "get" ? { kind: "cut", after: 4 } : undefined,
  );
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  const late: ObjectStore = {
    ...origin,
    async get(key, options) {
      asked.resolve();
      await answer.promise;
      const { info } = await origin.get(key, options);
      const body = new ReadableStream({
        pull: (controller) => controller.enqueue(bytes(4)),
        cancel: (reason) => void reasons.push(reason),
      }, { highWaterMark: 0 });
      return { info, body };
    },
  };
  const reader = (await withReplica(cut, late).get("k")).body.getReader();
  let read = 0;
  while (read < 4) read += (await reader.read()).value!.length;
  const reading = reader.read();
  await asked.promise;
  await reader.cancel("enough");
  assert.equal((await reading).done, true);
  answer.resolve();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(reasons.length, 1);
});

Deno.test("withReplica() goes on with the version that was asked for", async () => {
  const origin = memoryStore();
  await origin.put("k", ten);
  const cut = faultyStore(
    origin,
    ({ operation }) => operation === "get" ? { kind: "cut", after: 4 } : undefined,
  );
  const forgetting = (store: ObjectStore, asked: unknown[]): ObjectStore => ({
    ...store,
    get(key, { versionId, ...options } = {}) {
      asked.push(versionId);
      return store.get(key, options);
    },
  });
  const asked: unknown[] = [];
  const store = withReplica(forgetting(cut, asked), forgetting(origin, asked));
  assert.deepEqual((await getBytes(store, "k", { versionId: "v1" })).bytes, ten);
  assert.deepEqual(asked, ["v1", "v1"]);
});
