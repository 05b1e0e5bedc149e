import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PreconditionFailedError, UnavailableError, UnsupportedError } from "../../src/errors.ts";
import { multipartETag } from "../../src/s3/messages.ts";
import { md5 } from "../../src/s3/md5.ts";
import { toHex } from "../../src/store/hex.ts";
import { streamOf } from "../../src/store/body.ts";
import {
  type Answer,
  bytesOf,
  failure,
  object,
  type Seen,
  STORED,
  test,
  withStore,
} from "./_fixture.ts";

const PART = 5 * 1024 * 1024;
const BYTES = bytesOf(PART + 1000);
const SMALL = { multipartThreshold: PART, partSize: PART };
const STARTED = {
  body: "<InitiateMultipartUploadResult><UploadId>u 1</UploadId></InitiateMultipartUploadResult>",
};
const COMPLETED = {
  body:
    "<CompleteMultipartUploadResult><ETag>&quot;whole-2&quot;</ETag></CompleteMultipartUploadResult>",
};

type Step = "start" | "part" | "complete" | "abort" | "other";

function stepOf({ method, url: { searchParams } }: Seen): Step {
  if (searchParams.has("uploads")) return "start";
  if (searchParams.has("partNumber")) return "part";
  if (!searchParams.has("uploadId")) return "other";
  return method === "POST" ? "complete" : "abort";
}

/** A server that keeps parts; its steps can be replaced. */
function server(steps: Partial<Record<Step, (request: Seen, nth: number) => Answer>> = {}) {
  const counts = new Map<Step, number>();
  const usual: Record<Step, (request: Seen) => Answer> = {
    start: () => STARTED,
    part: ({ body }) => ({ headers: { etag: `"${toHex(md5(body))}"` } }),
    complete: () => COMPLETED,
    abort: () => ({ status: 204 }),
    other: () => STORED,
  };
  return (request: Seen) => {
    const step = stepOf(request);
    const nth = (counts.get(step) ?? 0) + 1;
    counts.set(step, nth);
    return (steps[step] ?? usual[step])(request, nth);
  };
}

test("EdgeStore.put() sends bytes above the threshold in equal parts", async () => {
  await withStore(server(), async (store, seen) => {
    assert.deepEqual(await store.put("key", BYTES), { etag: "whole-2" });
    const parts = seen.filter((request) => stepOf(request) === "part")
      .sort((a, b) => a.url.search < b.url.search ? -1 : 1);
    assert.deepEqual(parts.map(({ body }) => body.length), [PART, 1000]);
    assert.deepEqual(new Uint8Array(Buffer.concat(parts.map(({ body }) => body))), BYTES);
    assert.equal(parts[0]?.url.searchParams.get("uploadId"), "u 1");
  }, SMALL);
});

test("EdgeStore.put() asks for its precondition when the upload is completed", async () => {
  await withStore(server(), async (store, seen) => {
    await store.put("key", BYTES, { precondition: "create" });
    assert.deepEqual(
      seen.filter(({ headers }) => headers.has("if-none-match")).map(stepOf),
      ["complete"],
    );
  }, { ...SMALL, dialect: "minio" });
});

test("EdgeStore.put() aborts the upload whose part is refused", async () => {
  const refused = { part: () => failure(403, "AccessDenied") };
  await withStore(server(refused), async (store, seen) => {
    await assert.rejects(store.put("key", BYTES), /AccessDenied/);
    // The other part, which was cut off, may be seen after it.
    assert.equal(seen.map(stepOf).filter((step) => step === "abort").length, 1);
  }, SMALL);
});

test("EdgeStore.put() sends a part again, and the upload goes on", async () => {
  const flaky = { part: (_: Seen, nth: number) => nth === 1 ? failure(503, "SlowDown") : STORED };
  await withStore(server(flaky), async (store, seen) => {
    await store.put("key", BYTES);
    assert.equal(seen.filter((request) => stepOf(request) === "part").length, 3);
  }, SMALL);
});

test("EdgeStore.put() takes no 200 that carries an error for a completed upload", async () => {
  const late = {
    complete: (_: Seen, nth: number) => nth === 1 ? failure(200, "InternalError") : COMPLETED,
  };
  await withStore(server(late), async (store) => {
    assert.deepEqual(await store.put("key", BYTES), { etag: "whole-2" });
  }, SMALL);
});

test("EdgeStore.put() finds what an upload made whose answer was lost", async () => {
  const digest = (bytes: Uint8Array) => toHex(md5(bytes));
  const etag = multipartETag([
    { number: 1, etag: digest(BYTES.subarray(0, PART)) },
    { number: 2, etag: digest(BYTES.subarray(PART)) },
  ]) as string;
  for (const there of [etag, "another"]) {
    const lost = {
      complete: (_: Seen, nth: number) =>
        nth === 1 ? "reset" as const : failure(404, "NoSuchUpload"),
      other: () => object("", { etag: `"${there}"` }),
    };
    await withStore(server(lost), async (store) => {
      const put = store.put("key", BYTES);
      if (there === etag) assert.deepEqual(await put, { etag });
      else await assert.rejects(put, /NoSuchUpload/);
    }, SMALL);
  }
});

const CONFLICT = {
  complete: (_: Seen, nth: number) =>
    nth === 1 ? failure(409, "ConditionalRequestConflict") : COMPLETED,
};
const CREATE = { precondition: "create" } as const;

test("EdgeStore.put() starts an upload of bytes again after a conflict", async () => {
  await withStore(server(CONFLICT), async (store, seen) => {
    assert.deepEqual(await store.put("key", BYTES, CREATE), { etag: "whole-2" });
    assert.equal(seen.filter((request) => stepOf(request) === "start").length, 2);
    assert.equal(seen.filter((request) => stepOf(request) === "abort").length, 1);
  }, { ...SMALL, dialect: "aws" });
});

test("EdgeStore.put() cannot start a stream again after a conflict, and says so", async () => {
  await withStore(server(CONFLICT), async (store, seen) => {
    await assert.rejects(store.put("key", streamOf(BYTES), CREATE), (error) => {
      assert(error instanceof PreconditionFailedError);
      assert.equal(error.code, "ConditionalRequestConflict");
      assert.match(error.message, /put again with a new stream/);
      return true;
    });
    assert.equal(stepOf(seen.at(-1) as Seen), "abort");
  }, { ...SMALL, dialect: "aws" });
});

test("EdgeStore.put() sends bytes at once where an upload takes no precondition", async () => {
  await withStore(server(), async (store, seen) => {
    await store.put("key", BYTES, CREATE);
    assert.deepEqual(seen.map(stepOf), ["other"]);
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(BYTES),
      cancel: () => void (cancelled = true),
    });
    await assert.rejects(store.put("key", source, CREATE), (error) => {
      assert(error instanceof UnsupportedError);
      assert.match(error.message, new RegExp(`a multipartThreshold above ${3 * PART}$`));
      return true;
    });
    assert.equal(cancelled, true);
    assert.equal(seen.length, 1);
  }, { ...SMALL, partsInFlight: 3, dialect: "ceph" });
});

test("EdgeStore.put() refuses a precondition that the bucket ignores", async () => {
  await withStore(server(), async (store, seen) => {
    await assert.rejects(store.put("key", BYTES, CREATE), UnsupportedError);
    assert.equal(seen.length, 0);
  }, { capabilities: { conditionalCreate: false } });
});

test("EdgeStore.put() aborts an upload that is cancelled while it starts", async () => {
  const control = new AbortController();
  const reason = new Error("no longer wanted");
  const slow = {
    start: () => {
      control.abort(reason);
      return STARTED;
    },
  };
  await withStore(server(slow), async (store, seen) => {
    await assert.rejects(
      store.put("key", BYTES, { signal: control.signal }),
      (error) => error === reason,
    );
    assert.deepEqual(seen.map(stepOf), ["start", "abort"]);
  }, SMALL);
});

test("EdgeStore.put() tells the first failure where the abort fails, too", async () => {
  const down = { part: () => failure(500, "InternalError"), abort: () => "reset" as const };
  await withStore(server(down), async (store) => {
    await assert.rejects(store.put("key", BYTES), UnavailableError);
  }, { ...SMALL, retry: { maxAttempts: 1 } });
});
