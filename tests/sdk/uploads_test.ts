import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  AccessError,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../../src/errors.ts";
import { failure, object, STORED, test, withStore } from "./_fixture.ts";
import type { Answer, Reply, Seen } from "./_scripted_server.ts";

const MIB = 1024 * 1024;
const PARTS = { partSize: 5 * MIB, multipartThreshold: 5 * MIB, partsInFlight: 2 };

/** A stream of so many MiB that says whether it was cancelled, and can break at its end. */
function source(mebibytes: number, error?: Error) {
  const state = { cancelled: false, reason: undefined as unknown };
  let left = mebibytes;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left > 0) controller.enqueue(new Uint8Array(Math.min(left, 1) * MIB).fill(left--));
      else if (error !== undefined) controller.error(error);
      else controller.close();
    },
    cancel(reason) {
      state.cancelled = true;
      state.reason = reason;
    },
  }, { highWaterMark: 0 });
  return { stream, state };
}

const STARTED: Reply = {
  body: "<InitiateMultipartUploadResult><UploadId>U 1</UploadId></InitiateMultipartUploadResult>",
};
const COMPLETED: Reply = {
  body: '<CompleteMultipartUploadResult><ETag>"whole-3"</ETag></CompleteMultipartUploadResult>',
};

/** What a request of an upload is. */
function stepOf({ method, url }: Seen): "start" | "part" | "complete" | "abort" | "single" {
  const { searchParams } = url;
  if (method === "POST") return searchParams.has("uploads") ? "start" : "complete";
  if (!searchParams.has("uploadId")) return "single";
  return method === "DELETE" ? "abort" : "part";
}

/** A server that takes uploads, but for what a test says. */
function taking(exception: (request: Seen, step: string) => Answer | undefined = () => undefined) {
  return (request: Seen): Answer => {
    const step = stepOf(request);
    const answer = exception(request, step);
    if (answer !== undefined) return answer;
    if (step === "start") return STARTED;
    if (step === "part") {
      return { headers: { etag: `"part-${request.url.searchParams.get("partNumber")}"` } };
    }
    return step === "complete" ? COMPLETED : step === "abort" ? { status: 204 } : STORED;
  };
}

/** Once, and whatever a part that was on its way then still does. */
function assertAborted(seen: readonly Seen[]): void {
  const aborts = seen.filter((request) => stepOf(request) === "abort");
  assert.deepEqual(aborts.map(({ url }) => url.searchParams.get("uploadId")), ["U 1"]);
}

test("SdkStore.put() sends a stream up to the threshold in one request", async () => {
  await withStore(taking(), async (store, seen) => {
    assert.deepEqual(await store.put("key", source(5).stream), { etag: "e1" });
    assert.deepEqual(seen.map(stepOf), ["single"]);
    assert.equal(seen[0]?.body.length, 5 * MIB);
  }, PARTS);
});

test("SdkStore.put() sends a longer stream in parts of one size", async () => {
  await withStore(taking(), async (store, seen) => {
    assert.deepEqual(await store.put("key", source(12).stream), { etag: "whole-3" });
    const parts = seen.filter((request) => stepOf(request) === "part");
    assert.deepEqual(parts.map(({ body }) => body.length / MIB).sort(), [2, 5, 5]);
    assert(parts.every(({ url }) => url.searchParams.get("uploadId") === "U 1"));
    const complete = new TextDecoder().decode(seen.at(-1)?.body);
    const numbers = [...complete.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => number);
    assert.deepEqual(numbers, ["1", "2", "3"]);
    assert.equal(stepOf(seen.at(-1)!), "complete");
  }, PARTS);
});

test("SdkStore.put() sends bytes above the threshold in the same parts", async () => {
  const bytes = new Uint8Array(11 * MIB).fill(7);
  await withStore(taking(), async (store, seen) => {
    await store.put("key", bytes);
    const parts = seen.filter((request) => stepOf(request) === "part");
    assert.deepEqual(parts.map(({ body }) => body.length / MIB).sort(), [1, 5, 5]);
  }, PARTS);
});

test("SdkStore.put() sends a part that failed again, and no other", async () => {
  let failed = false;
  await withStore(
    taking(({ url }) => {
      if (failed || url.searchParams.get("partNumber") !== "2") return undefined;
      failed = true;
      return failure(500, "InternalError");
    }),
    async (store, seen) => {
      await store.put("key", source(12).stream);
      const numbers = seen.map(({ url }) => url.searchParams.get("partNumber")).filter(Boolean);
      assert.deepEqual(numbers.sort(), ["1", "2", "2", "3"]);
      const [first, second] = seen.filter(({ url }) => url.searchParams.get("partNumber") === "2");
      assert.deepEqual(first?.body, second?.body);
    },
    PARTS,
  );
});

test("SdkStore.put() aborts the upload and cancels the source where a part is refused", async () => {
  const { stream, state } = source(64);
  await withStore(
    taking((_, step) => step === "part" ? failure(403, "AccessDenied") : undefined),
    async (store, seen) => {
      await assert.rejects(store.put("key", stream), AccessError);
      assert(state.reason instanceof AccessError);
      assertAborted(seen);
    },
    PARTS,
  );
});

test("SdkStore.put() aborts the upload where the source fails", async () => {
  const broken = new Error("the source broke");
  await withStore(taking(), async (store, seen) => {
    await assert.rejects(store.put("key", source(12, broken).stream), (error) => error === broken);
    assertAborted(seen);
  }, PARTS);
});

test("SdkStore.put() aborts the upload and cancels the source where the signal aborts", async () => {
  const { stream, state } = source(64);
  const controller = new AbortController();
  await withStore(
    taking((_, step) => {
      if (step !== "part") return undefined;
      controller.abort("the user left");
      return "silence";
    }),
    async (store, seen) => {
      await assert.rejects(
        store.put("key", stream, { signal: controller.signal }),
        (error) => error === "the user left",
      );
      assert.equal(state.reason, "the user left");
      assertAborted(seen);
    },
    PARTS,
  );
});

test("SdkStore.put() cancels a stream that it never starts to read", async () => {
  const { stream, state } = source(1);
  await withStore(() => STORED, async (store, seen) => {
    await assert.rejects(store.put("../key", stream), InvalidInputError);
    assert(state.reason instanceof InvalidInputError);
    assert.equal(seen.length, 0);
  });
});

test("SdkStore.put() asks for its precondition on one request, or on the last of an upload", async () => {
  await withStore(taking(), async (store, seen) => {
    await store.put("key", new Uint8Array(1), { precondition: "create" });
    await store.put("key", new Uint8Array(1), { precondition: { ifMatch: "e1" } });
    await store.put("key", source(6).stream, { precondition: "create" });
    const conditions = seen.map((request) => [
      stepOf(request),
      request.headers.get("if-none-match") ?? request.headers.get("if-match"),
    ]);
    assert.deepEqual(conditions.sort(), [
      ["complete", "*"],
      ["part", null],
      ["part", null],
      ["single", '"e1"'],
      ["single", "*"],
      ["start", null],
    ]);
  }, PARTS);
});

test("SdkStore.put() aborts an upload that comes too late", async () => {
  await withStore(
    taking((_, step) => step === "complete" ? failure(412, "PreconditionFailed") : undefined),
    async (store, seen) => {
      await assert.rejects(
        store.put("key", source(6).stream, { precondition: "create" }),
        PreconditionFailedError,
      );
      assertAborted(seen);
    },
    PARTS,
  );
});

test("SdkStore.put() sends a completion that carries an error again", async () => {
  let first = true;
  await withStore(
    taking((_, step) => {
      if (step !== "complete" || !first) return undefined;
      first = false;
      return { body: "<Error><Code>InternalError</Code></Error>" };
    }),
    async (store) =>
      assert.deepEqual(await store.put("key", source(12).stream), { etag: "whole-3" }),
    PARTS,
  );
});

test("SdkStore.put() finds a completion whose answer was lost", async () => {
  const etag = (number: number) => String(number).repeat(32);
  // The MD5 of the parts' MD5s, as S3 makes it.
  const whole = createHash("md5").update(etag(1) + etag(2), "hex").digest("hex");
  let completions = 0;
  await withStore(
    taking((request, step) => {
      const number = Number(request.url.searchParams.get("partNumber"));
      if (step === "part") return { headers: { etag: `"${etag(number)}"` } };
      if (step === "complete") return ++completions === 1 ? "reset" : failure(404, "NoSuchUpload");
      return request.method === "HEAD" ? object("", { etag: `"${whole}-2"` }) : undefined;
    }),
    async (store) =>
      assert.deepEqual(await store.put("key", source(6).stream), { etag: `${whole}-2` }),
    PARTS,
  );
});

test("SdkStore.put() does not take another's object for its own lost completion", async () => {
  let completions = 0;
  await withStore(
    taking(({ method }, step) => {
      if (step === "complete") return ++completions === 1 ? "reset" : failure(404, "NoSuchUpload");
      return method === "HEAD" ? object("", { etag: '"another-2"' }) : undefined;
    }),
    (store) =>
      assert.rejects(store.put("key", source(6).stream), (error) => {
        assert(error instanceof NotFoundError);
        return error.what === "upload";
      }),
    PARTS,
  );
});

test("SdkStore.put() starts the upload of bytes again where two writers met at its end", async () => {
  let completions = 0;
  await withStore(
    taking((_, step) =>
      step === "complete" && ++completions === 1
        ? failure(409, "ConditionalRequestConflict")
        : undefined
    ),
    async (store, seen) => {
      const bytes = new Uint8Array(6 * MIB);
      await store.put("key", bytes, { precondition: "create" });
      const steps = seen.map(stepOf);
      assert.deepEqual(steps.filter((step) => step !== "part"), [
        "start",
        "complete",
        "abort",
        "start",
        "complete",
      ]);
    },
    PARTS,
  );
});

test("SdkStore.put() gives PreconditionFailedError where a stream met another writer", async () => {
  await withStore(
    taking((_, step) =>
      step === "complete" ? failure(409, "ConditionalRequestConflict") : undefined
    ),
    (store) =>
      assert.rejects(
        store.put("key", source(6).stream, { precondition: "create" }),
        PreconditionFailedError,
      ),
    PARTS,
  );
});

test("SdkStore.put() sends a stream at once on a condition that no upload honours, while it fits the memory of parts", async () => {
  await withStore(taking(), async (store, seen) => {
    const { etag } = await store.put("key", source(10).stream, { precondition: "create" });
    assert.deepEqual([etag, seen.map(stepOf)], ["e1", ["single"]]);
    assert.equal(seen[0]?.body.length, 10 * MIB);
    assert.equal(seen[0]?.headers.get("if-none-match"), "*");
    const { stream, state } = source(11);
    await assert.rejects(store.put("key", stream, { precondition: "create" }), UnsupportedError);
    assert(state.cancelled);
    assert.equal(seen.length, 1);
  }, { ...PARTS, dialect: "ceph" });
});

test("SdkStore.put() adds no checksum of its own accord", async () => {
  await withStore(taking(), async (store, seen) => {
    await store.put("key", new Uint8Array(3));
    await store.put("key", source(6).stream);
    for (const { headers } of seen) {
      const sums = [...headers.keys()].filter((name) => /checksum|content-md5|trailer/.test(name));
      assert.deepEqual(sums, []);
      assert.equal(headers.get("expect"), null);
    }
  }, PARTS);
});
