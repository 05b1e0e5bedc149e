import {
  InvalidInputError,
  NotFoundError,
  type ObjectStore,
  PreconditionFailedError,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { bytesOf, failure, object, STORED, withStore as withEdgeStore } from "../edge/_fixture.ts";
import { withStore as withSdkStore } from "../sdk/_fixture.ts";
import type { Answer, Seen } from "../sdk/_scripted_server.ts";

const PART = 5 * 1024 * 1024;
const BYTES = bytesOf(2 * PART + 1000);
const SMALL = { multipartThreshold: PART, partSize: PART, retry: { baseDelay: 1, maxDelay: 2 } };
const MINIO = { ...SMALL, dialect: "minio" } as const;

const TRANSPORTS = { edgeStore: withEdgeStore, sdkStore: withSdkStore };

type Step = "copy" | "get" | "start" | "partCopy" | "part" | "complete" | "abort" | "head" | "put";

function stepOf({ method, headers, url: { searchParams } }: Seen): Step {
  const isCopy = headers.has("x-amz-copy-source");
  if (method === "GET" || method === "HEAD") return method === "GET" ? "get" : "head";
  if (searchParams.has("uploads")) return "start";
  if (searchParams.has("partNumber")) return isCopy ? "partCopy" : "part";
  if (!searchParams.has("uploadId")) return isCopy ? "copy" : "put";
  return method === "POST" ? "complete" : "abort";
}

/** A server whose object is too large for one CopyObject; its steps can be replaced. */
function server(steps: Partial<Record<Step, (request: Seen, nth: number) => Answer>> = {}) {
  const usual: Record<Step, (request: Seen) => Answer> = {
    copy: () => failure(400, "InvalidRequest"),
    get: () => ({
      ...object("", { etag: '"source"' }),
      body: BYTES,
    }),
    start: () => ({
      body:
        "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
    }),
    partCopy: ({ url }) => ({
      body: `<CopyPartResult><ETag>"e${
        url.searchParams.get("partNumber")
      }"</ETag></CopyPartResult>`,
    }),
    part: () => STORED,
    complete: () => ({
      body:
        "<CompleteMultipartUploadResult><ETag>&quot;whole-3&quot;</ETag></CompleteMultipartUploadResult>",
    }),
    abort: () => ({ status: 204 }),
    head: () => failure(404, "NoSuchKey"),
    put: () => STORED,
  };
  const counts = new Map<Step, number>();
  return (request: Seen) => {
    const step = stepOf(request);
    const nth = (counts.get(step) ?? 0) + 1;
    counts.set(step, nth);
    return (steps[step] ?? usual[step])(request, nth);
  };
}

function count(seen: readonly Seen[], step: Step): number {
  return seen.filter((request) => stepOf(request) === step).length;
}

for (const [name, withStore] of Object.entries(TRANSPORTS)) {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test(`${name}.copy() ${what}`, { sanitizeOps: true, sanitizeResources: true }, fn);

  test("has the server copy in parts what is too large for one CopyObject", async () => {
    for (const code of ["InvalidRequest", "EntityTooLarge"]) {
      const script = server({ copy: () => failure(400, code) });
      await withStore(script, async (store: ObjectStore, seen: Seen[]) => {
        assert.deepEqual(await store.copy("from +", "to"), { etag: "whole-3" });
        const parts = seen.filter((request) => stepOf(request) === "partCopy")
          .sort((a, b) => a.url.search < b.url.search ? -1 : 1);
        assert.deepEqual(
          parts.map(({ headers, body }) => [headers.get("x-amz-copy-source-range"), body.length]),
          [
            [`bytes=0-${PART - 1}`, 0],
            [`bytes=${PART}-${2 * PART - 1}`, 0],
            [`bytes=${2 * PART}-${2 * PART + 999}`, 0],
          ],
        );
        for (const { headers, url } of parts) {
          assert.equal(headers.get("x-amz-copy-source"), "/state/from%20%2B");
          assert.equal(headers.get("x-amz-copy-source-if-match"), '"source"');
          assert.equal(url.searchParams.get("uploadId"), "u1");
        }
        const last = seen.at(-1)!;
        assert.equal(stepOf(last), "complete");
        const complete = new TextDecoder().decode(last.body);
        assert.match(complete, /e1[^]*e2[^]*e3/, "the parts' own ETags, in order");
        assert.equal(count(seen, "get"), 1, "its size is asked for once");
        assert.equal(seen.length, 7);
      }, MINIO);
    }
  });

  test("asks for its precondition at the end, and copies in parts for it", async () => {
    await withStore(server(), async (store: ObjectStore, seen: Seen[]) => {
      await store.copy("from", "to", { precondition: "create" });
      await store.copy("from", "to", { precondition: { ifMatch: "e0" } });
      assert.equal(count(seen, "copy"), 0);
      const conditional = seen.filter(({ headers }) =>
        headers.has("if-none-match") || headers.has("if-match")
      );
      assert.deepEqual(
        conditional.map((request) => [
          stepOf(request),
          request.headers.get("if-none-match"),
          request.headers.get("if-match"),
        ]),
        [["complete", "*", null], ["complete", null, '"e0"']],
      );
    }, MINIO);
  });

  test("reads and writes where the server copies no parts", async () => {
    const script = server({ partCopy: () => failure(501, "NotImplemented") });
    await withStore(script, async (store: ObjectStore, seen: Seen[]) => {
      assert.deepEqual(await store.copy("from", "to"), { etag: "whole-3" });
      assert.equal(count(seen, "abort"), 1);
      assert.equal(count(seen, "part"), 3);
      assert.equal(count(seen, "complete"), 1);
    }, MINIO);
  });

  test("takes along what CopyObject would, whichever way it is made", async () => {
    const kept = {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "max-age=60",
      "content-disposition": 'attachment; filename="a.txt"',
      "content-encoding": "identity",
      "content-language": "fr",
      expires: "Thu, 01 Jan 2037 00:00:00 GMT",
      "x-amz-meta-owner": "me, myself",
      "x-amz-meta-word": "=?UTF-8?B?w6k=?=",
    };
    const other = {
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-server-side-encryption": "AES256",
      "x-amz-version-id": "v1",
      "x-amz-tagging-count": "1",
      "x-amz-website-redirect-location": "/elsewhere",
      "x-amz-meta-raw": "\u00e9",
    };
    const get = (bytes: Uint8Array<ArrayBuffer>) => () => ({
      ...object("", { ...kept, ...other, etag: '"source"' }),
      body: bytes,
    });
    const noParts = { partCopy: () => failure(501, "NotImplemented") };
    const ways: [Step, ReturnType<typeof server>][] = [
      ["start", server({ get: get(BYTES) })],
      ["start", server({ get: get(BYTES), ...noParts })],
      ["put", server({ get: get(BYTES.subarray(0, 9)) })],
    ];
    for (const [made, script] of ways) {
      await withStore(script, async (store: ObjectStore, seen: Seen[]) => {
        await store.copy("from", "to");
        const { headers } = seen.findLast((request) => stepOf(request) === made)!;
        const told = Object.keys({ ...kept, ...other }).map((name) => [name, headers.get(name)]);
        const expected = {
          ...Object.fromEntries(Object.keys(other).map((name) => [name, null])),
          ...kept,
          "x-amz-storage-class": "GLACIER_IR",
        };
        assert.deepEqual(Object.fromEntries(told), expected);
        const signed = headers.get("authorization") ?? "";
        assert.match(signed, /;x-amz-meta-owner;x-amz-meta-word;/);
      }, { ...MINIO, storageClass: "GLACIER_IR" });
    }
  });

  test("tells a condition that fails from a source that is missing", async () => {
    const condition = { precondition: { ifMatch: "e0" } };
    const gone = () => failure(404, "NoSuchKey");
    await withStore(server({ complete: gone }), async (store: ObjectStore, seen: Seen[]) => {
      await assert.rejects(store.copy("from", "to", condition), (error) => {
        assert(error instanceof PreconditionFailedError);
        assert.match(error.message, /"to" is not "e0": there is no such object/);
        return true;
      });
      assert.equal(count(seen, "abort"), 1);
    }, MINIO);
    await withStore(server({ partCopy: gone }), async (store: ObjectStore) => {
      await assert.rejects(store.copy("from", "to", condition), NotFoundError);
    }, MINIO);
    await withStore(server(), async (store: ObjectStore, seen: Seen[]) => {
      await assert.rejects(
        store.copy("from", "to", { precondition: { ifMatch: 'e"0' } }),
        InvalidInputError,
      );
      assert.equal(seen.length, 0);
    }, MINIO);
  });

  test("copies a part again that was throttled, or failed with a 200", async () => {
    const script = server({
      partCopy: ({ url }, nth) =>
        nth === 1 ? failure(503, "SlowDown") : nth === 2 ? failure(200, "InternalError") : {
          body: `<CopyPartResult><ETag>e${
            url.searchParams.get("partNumber")
          }</ETag></CopyPartResult>`,
        },
    });
    await withStore(script, async (store: ObjectStore, seen: Seen[]) => {
      assert.deepEqual(await store.copy("from", "to"), { etag: "whole-3" });
      assert.equal(count(seen, "partCopy"), 5);
      assert.equal(count(seen, "abort"), 0);
    }, MINIO);
  });

  test("aborts where the source was replaced or deleted meanwhile", async () => {
    for (
      const [status, code, expected] of [
        [412, "PreconditionFailed", PreconditionFailedError],
        [404, "NoSuchKey", NotFoundError],
      ] as const
    ) {
      const script = server({ partCopy: () => failure(status, code) });
      await withStore(script, async (store: ObjectStore, seen: Seen[]) => {
        await assert.rejects(store.copy("from", "to"), expected);
        assert.equal(count(seen, "abort"), 1);
        assert.equal(count(seen, "complete"), 0);
        assert.equal(count(seen, "part"), 0, "nothing is read and written instead");
      }, MINIO);
    }
  });

  test("starts anew where another writer came between, and gives up after three", async () => {
    const conflict = () => failure(409, "ConditionalRequestConflict");
    const once = server({
      complete: (_, nth) =>
        nth === 1 ? conflict() : {
          body: "<CompleteMultipartUploadResult><ETag>w</ETag></CompleteMultipartUploadResult>",
        },
    });
    await withStore(once, async (store: ObjectStore, seen: Seen[]) => {
      assert.deepEqual(await store.copy("from", "to", { precondition: "create" }), { etag: "w" });
      assert.equal(count(seen, "start"), 2);
      assert.equal(count(seen, "abort"), 1);
    }, MINIO);
    await withStore(server({ complete: conflict }), async (store: ObjectStore, seen: Seen[]) => {
      await assert.rejects(
        store.copy("from", "to", { precondition: "create" }),
        PreconditionFailedError,
      );
      assert.equal(count(seen, "start"), 3);
      assert.equal(count(seen, "abort"), 3);
    }, MINIO);
  });

  test("has no part copied on a condition that no upload takes", async () => {
    await withStore(server(), async (store: ObjectStore, seen: Seen[]) => {
      await store.copy("from", "to", { precondition: "create" });
      assert.deepEqual(seen.map(stepOf), ["get", "put"]);
      assert.deepEqual(seen[1]!.body, BYTES);
    }, { ...SMALL, partsInFlight: 3, dialect: "ceph" });
    await withStore(server(), async (store: ObjectStore, seen: Seen[]) => {
      await assert.rejects(store.copy("from", "to", { precondition: "create" }), /multipart/);
      assert.deepEqual(seen.map(stepOf), ["get"]);
    }, { ...SMALL, partsInFlight: 2, dialect: "ceph" });
  });
}
