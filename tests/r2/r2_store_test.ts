import assert from "node:assert/strict";
import {
  AccessError,
  getBytes,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  ThrottledError,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
} from "@cairn/checkpoint";
import {
  type R2Bucket,
  type R2ObjectBody,
  r2Store,
  type R2StoreOptions,
} from "@cairn/checkpoint/r2";
import { streamOf } from "../../src/store/body.ts";
import { r2Object, scriptedBucket, scriptedUpload } from "./_scripted_bucket.ts";

const MIB = 1024 * 1024;
const bytes = new TextEncoder().encode("content");
const quick: R2StoreOptions = { retry: { baseDelay: 0.001, maxAttempts: 3 } };

function numbered(number: number): Error {
  return new Error(`put: Something is wrong with it. (${number})`);
}

Deno.test("r2Store() refuses what is no binding, and says where to look", () => {
  for (const binding of [undefined, null, {}, "BUCKET"]) {
    assert.throws(() => r2Store(binding as unknown as R2Bucket), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, /env\.BUCKET.*r2_buckets/);
      return true;
    });
  }
});

Deno.test("r2Store() refuses options that cannot be, and quotes them", () => {
  const wrong: R2StoreOptions[] = [
    { partSize: 5 * MIB - 1 },
    { partSize: 101 * MIB },
    { partsInFlight: 0 },
    { multipartThreshold: -1 },
    { maxOpenRequests: 0 },
  ];
  for (const options of wrong) {
    const [name, value] = Object.entries(options)[0]!;
    assert.throws(
      () => r2Store(scriptedBucket({}), options),
      new RegExp(`${name}: current value is ${value}`),
    );
  }
});

Deno.test("r2Store maps R2's numbers to errors, and tries again what may succeed", async () => {
  const expected: [number, new (message: string) => Error, tries: number][] = [
    [10001, UnavailableError, 3],
    [10043, ThrottledError, 3],
    [10058, ThrottledError, 3],
    [10002, AccessError, 1],
    [10003, AccessError, 1],
    [10042, AccessError, 1],
    [10007, NotFoundError, 1],
    [10006, NotFoundError, 1],
    [10031, PreconditionFailedError, 1],
    [10100, InvalidInputError, 1],
    [99999, UnavailableError, 3],
  ];
  for (const [number, Type, tries] of expected) {
    let tried = 0;
    const cause = numbered(number);
    const put = () => {
      tried++;
      return Promise.reject(cause);
    };
    const store = r2Store(scriptedBucket({ put }), quick);
    await assert.rejects(store.put("key", bytes), (error) => {
      assert(error instanceof Type, `${number} gave ${error}`);
      assert.equal((error as UnavailableError).code, String(number));
      assert.equal((error as UnavailableError).key, "key");
      assert.equal(error.cause, cause);
      return true;
    });
    assert.equal(tried, tries, `tries after ${number}`);
  }
});

Deno.test("r2Store tells a missing bucket from a missing object", async () => {
  const store = r2Store(scriptedBucket({ head: () => Promise.reject(numbered(10006)) }), quick);
  await assert.rejects(
    store.head("key"),
    (error) => error instanceof NotFoundError && error.what === "bucket",
  );
});

Deno.test("r2Store tries again what the network has lost", async () => {
  let tries = 0;
  const head = (key: string) =>
    ++tries < 3
      ? Promise.reject(new Error("Network connection lost."))
      : Promise.resolve(r2Object(key, 7));
  const store = r2Store(scriptedBucket({ head }), quick);
  assert.equal((await store.head("key")).size, 7);
  assert.equal(tries, 3);
});

Deno.test("r2Store does not wait for a binding that never answers", async () => {
  const bucket = scriptedBucket({ head: () => new Promise(() => {}) });
  const store = r2Store(bucket, { attemptTimeout: 5, retry: { maxAttempts: 1 } });
  await assert.rejects(store.head("key"), TimeoutError);
  const reason = new Error("enough");
  const cancelled = r2Store(bucket).head("key", { signal: AbortSignal.any([abortSoon(reason)]) });
  await assert.rejects(cancelled, reason);
});

Deno.test("r2Store resumes a body that breaks off, with the same version", async () => {
  const asked: unknown[] = [];
  const get: R2Bucket["get"] = (key, options) => {
    asked.push(options);
    const start = options?.range && "offset" in options.range ? options.range.offset : 0;
    const object: R2ObjectBody = {
      ...r2Object(key, bytes.length, "v1"),
      body: start === 0 ? breaking(bytes.subarray(0, 3)) : streamOf(bytes.subarray(start)),
    };
    return Promise.resolve(object);
  };
  const { bytes: read } = await getBytes(r2Store(scriptedBucket({ get }), quick), "key");
  assert.deepEqual(read, bytes);
  assert.deepEqual(asked, [
    {},
    { range: { offset: 3, length: 4 }, onlyIf: { etagMatches: "v1" } },
  ]);
});

Deno.test("r2Store does not mix two versions in one body", async () => {
  let tries = 0;
  const get: R2Bucket["get"] = (key) =>
    Promise.resolve(
      tries++ === 0
        ? { ...r2Object(key, bytes.length, "v1"), body: breaking(bytes.subarray(0, 3)) }
        : r2Object(key, 3, "v2"),
    );
  const store = r2Store(scriptedBucket({ get }), quick);
  await assert.rejects(getBytes(store, "key"), PreconditionFailedError);
});

Deno.test("r2Store sends long bodies in equal parts, and aborts what fails", async () => {
  const lengths: number[] = [];
  let aborted = 0;
  const upload = scriptedUpload({
    uploadPart: (partNumber, value) => {
      lengths[partNumber - 1] = value.length;
      return partNumber === 4
        ? Promise.reject(numbered(10003))
        : Promise.resolve({ partNumber, etag: `part-${partNumber}` });
    },
    abort: () => Promise.resolve(void aborted++),
  });
  const bucket = scriptedBucket({
    head: () => Promise.resolve(null),
    createMultipartUpload: () => Promise.resolve(upload),
  });
  const store = r2Store(bucket, { partSize: 5 * MIB, partsInFlight: 1, ...quick });
  await store.put("key", streamOf(new Uint8Array(7 * MIB), new Uint8Array(7 * MIB)));
  assert.deepEqual(lengths, [5 * MIB, 5 * MIB, 4 * MIB]);
  assert.equal(aborted, 0);
  await assert.rejects(store.put("key", new Uint8Array(16 * MIB)), AccessError);
  assert.equal(aborted, 1);
});

Deno.test("r2Store recognises an upload that was completed though the answer was lost", async () => {
  for (
    const [after, succeeds] of [["whole-2", true], ["other-3", false], ["old-2", false]] as const
  ) {
    let tries = 0;
    let heads = 0;
    const upload = scriptedUpload({
      complete: () =>
        Promise.reject(tries++ === 0 ? new Error("Network connection lost.") : numbered(10024)),
    });
    const bucket = scriptedBucket({
      head: (key) => Promise.resolve(r2Object(key, 1, heads++ === 0 ? "old-2" : after)),
      createMultipartUpload: () => Promise.resolve(upload),
    });
    const put = r2Store(bucket, quick).put("key", new Uint8Array(9 * MIB));
    if (succeeds) assert.equal((await put).etag, after);
    else await assert.rejects(put, NotFoundError);
  }
});

Deno.test("r2Store bounds what it gathers of a stream under a condition", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(8 * MIB)),
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  const store = r2Store(scriptedBucket({}), quick);
  await assert.rejects(store.put("key", endless, { precondition: "create" }), UnsupportedError);
  assert(cancelled);
});

Deno.test("r2Store names what can presign", async () => {
  const presigned = r2Store(scriptedBucket({})).presign("key", { method: "GET", expiresIn: 1 });
  await assert.rejects(presigned, /edgeStore.*r2\.cloudflarestorage\.com/);
});

/** A stream that gives some bytes and fails. */
function breaking(start: Uint8Array): ReadableStream<Uint8Array> {
  let given = false;
  return new ReadableStream({
    pull(controller) {
      if (given) throw new Error("Network connection lost.");
      given = true;
      controller.enqueue(start);
    },
  }, { highWaterMark: 0 });
}

function abortSoon(reason: unknown): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 1);
  return controller.signal;
}

Deno.test("r2Store hands attributes on under R2's names, for a put and for an upload in parts", async () => {
  const attributes = {
    contentType: "text/plain",
    cacheControl: "no-cache",
    storageClass: "InfrequentAccess",
  };
  const expected = {
    httpMetadata: { contentType: "text/plain", cacheControl: "no-cache" },
    storageClass: "InfrequentAccess",
  };
  const seen: unknown[] = [];
  const store = r2Store(scriptedBucket({
    put: (key, _bytes, options) => {
      seen.push(options);
      return Promise.resolve(r2Object(key, 0));
    },
    createMultipartUpload: (_key, options) => {
      seen.push(options);
      return Promise.resolve(scriptedUpload({}));
    },
    head: () => Promise.resolve(null),
  }));
  await store.put("a", bytes, { attributes });
  await store.put("a", bytes, { attributes: { storageClass: "InfrequentAccess" } });
  await store.put("a", new Uint8Array(9 * MIB), { attributes });
  assert.deepEqual(seen, [expected, { storageClass: "InfrequentAccess" }, expected]);
});

Deno.test("r2Store.copy() takes along what R2 keeps beside the bytes, at once and in parts of a size that fits", async () => {
  const kept = {
    httpMetadata: { contentType: "text/plain", contentLanguage: "fr", cacheExpiry: new Date(0) },
    customMetadata: { owner: "é" },
  };
  const seen: unknown[] = [];
  let lengths: number[] = [];
  const source = { ...r2Object("from", 7), ...kept, storageClass: "InfrequentAccess" };
  let body = () => streamOf(bytes);
  const store = r2Store(
    scriptedBucket({
      get: () => Promise.resolve({ ...source, body: body() } as R2ObjectBody),
      put: (key, _bytes, options) => {
        seen.push(options);
        return Promise.resolve(r2Object(key, 7));
      },
      createMultipartUpload: (_key, options) => {
        seen.push(options);
        return Promise.resolve(scriptedUpload({
          uploadPart: (partNumber, value) => {
            lengths.push(value.length);
            return Promise.resolve({ partNumber, etag: "e" });
          },
        }));
      },
      head: () => Promise.resolve(null),
    }),
    { partSize: 5 * MIB, multipartThreshold: 5 * MIB, partsInFlight: 1, ...quick },
  );
  await store.copy("from", "to");
  await store.copy("from", "to", { precondition: "create" });
  assert.deepEqual(seen, [kept, { onlyIf: { etagDoesNotMatch: "*" }, ...kept }]);

  // 60,000 MiB would be 12,000 parts of 5 MiB; only the first two are read here.
  Object.assign(source, { size: 60_000 * MIB });
  const reason = new Error("enough");
  const control = new AbortController();
  body = () =>
    new ReadableStream({
      pull(controller) {
        if (lengths.length === 2) control.abort(reason);
        controller.enqueue(new Uint8Array(MIB));
      },
    }, { highWaterMark: 0 });
  seen.length = 0;
  lengths = [];
  await assert.rejects(
    store.copy("from", "to", { signal: control.signal }),
    (error) => error === reason,
  );
  assert.deepEqual(seen, [kept]);
  assert.deepEqual(lengths.slice(0, 2), [6 * MIB, 6 * MIB]);
});

Deno.test("r2Store leaves no body open of an answer that comes too late", async () => {
  const cancelled: unknown[] = [];
  const late = Promise.withResolvers<void>();
  const answer = async () => {
    await late.promise;
    const body = new ReadableStream({ cancel: (why) => void cancelled.push(why) });
    return { ...r2Object("key", 9), body } as R2ObjectBody;
  };
  const reason = new Error("no longer wanted");
  const store = r2Store(scriptedBucket({ get: answer }), {
    retry: { maxAttempts: 1 },
    attemptTimeout: 5,
  });
  await assert.rejects(
    store.get("key", { signal: abortSoon(reason) }),
    (error) => error === reason,
  );
  await assert.rejects(store.get("key"), TimeoutError);
  late.resolve();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(cancelled.length, 2);
  assert.equal(cancelled[0], reason);

  let gets = 0;
  const rest = Promise.withResolvers<void>();
  const broken = r2Store(
    scriptedBucket({
      get: async () => {
        const first = ++gets === 1;
        if (!first) await rest.promise;
        const body = first
          ? breaking(bytes)
          : new ReadableStream({ cancel: (why) => void cancelled.push(why) });
        return { ...r2Object("key", 90), body } as R2ObjectBody;
      },
    }),
    { retry: { maxAttempts: 1 }, attemptTimeout: 5 },
  );
  await assert.rejects(getBytes(broken, "key"), TimeoutError);
  rest.resolve();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(cancelled.length, 3);
});

Deno.test("r2Store aborts an upload that starts too late, and sends the parts of the next", async () => {
  const late = Promise.withResolvers<void>();
  const aborted: number[] = [];
  let started = 0;
  const store = r2Store(
    scriptedBucket({
      head: () => Promise.resolve(null),
      async createMultipartUpload() {
        const number = ++started;
        if (number === 1) await late.promise;
        return scriptedUpload({ abort: () => Promise.resolve(void aborted.push(number)) });
      },
    }),
    { ...quick, attemptTimeout: 5 },
  );
  await store.put("key", new Uint8Array(9 * MIB));
  late.resolve();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual([started, aborted], [2, [1]]);
});

Deno.test("r2Store refuses an ETag that is none, and that the binding would take for any", async () => {
  const store = r2Store(scriptedBucket({}), quick);
  for (const ifMatch of ["*", "", 'a"', "a b"]) {
    const refused = (error: unknown) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, /ifMatch/);
      return true;
    };
    await assert.rejects(store.get("key", { ifMatch }), refused);
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
    await assert.rejects(store.put("key", body, { precondition: { ifMatch } }), refused);
    assert(cancelled);
  }
});
