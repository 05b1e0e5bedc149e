import { AccessError, type ObjectStore } from "@cairn/checkpoint";
import type { S3Credentials } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { bytesOf, failure, object, withStore as withEdgeStore } from "../edge/_fixture.ts";
import { withStore as withSdkStore } from "../sdk/_fixture.ts";
import type { Answer, Seen } from "../sdk/_scripted_server.ts";

const PART = 5 * 1024 * 1024;
const BYTES = bytesOf(3 * PART + 1);
const OPTIONS = {
  dialect: "minio",
  multipartThreshold: PART,
  partSize: PART,
  partsInFlight: 1,
  retry: { baseDelay: 1, maxDelay: 2, maxAttempts: 2 },
} as const;

/** A server that keeps nothing, and answers all that the two stores ask for. */
function usual({ method, url: { searchParams }, headers }: Seen): Answer {
  const isPart = searchParams.has("partNumber");
  if (headers.has("x-amz-copy-source")) {
    const root = isPart ? "CopyPartResult" : "CopyObjectResult";
    return { body: `<${root}><ETag>"e"</ETag></${root}>` };
  }
  if (searchParams.has("uploads")) {
    return {
      body: "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    };
  }
  if (searchParams.has("uploadId") && method === "POST") {
    return {
      body: '<CompleteMultipartUploadResult><ETag>"w"</ETag></CompleteMultipartUploadResult>',
    };
  }
  if (searchParams.has("list-type")) {
    return { body: "<ListBucketResult><Name>state</Name></ListBucketResult>" };
  }
  if (method === "DELETE") return { status: 204 };
  return object(method === "GET" ? "stone" : "");
}

function tokenOf({ headers }: Seen): string {
  return headers.get("x-amz-security-token") ?? "";
}

/** A provider of numbered sessions, which from a certain one on does as it is told. */
function sessions(last = Infinity, then?: () => Promise<S3Credentials>) {
  let asked = 0;
  const credentials = (): Promise<S3Credentials> =>
    ++asked > last ? then!() : Promise.resolve({
      accessKeyId: "id",
      secretAccessKey: "secret",
      sessionToken: `t${asked}`,
    });
  return { credentials, asked: () => asked };
}

for (
  const [name, withStore] of Object.entries({ edgeStore: withEdgeStore, sdkStore: withSdkStore })
) {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test(`${name} ${what}`, { sanitizeOps: true, sanitizeResources: true }, fn);

  test("goes on with an upload in parts whose session ends in the middle", async () => {
    const { credentials, asked } = sessions();
    const script = (request: Seen) => {
      const late = request.url.searchParams.get("partNumber") !== "1" &&
        !request.url.searchParams.has("uploads");
      return late && tokenOf(request) === "t1" ? failure(400, "ExpiredToken") : usual(request);
    };
    await withStore(script, async (store: ObjectStore, seen: Seen[]) => {
      assert.deepEqual(await store.put("key", BYTES), { etag: "w" });
      assert.equal(asked(), 2);
      const steps = seen.map((request) =>
        `${request.url.searchParams.get("partNumber") ?? request.method} ${tokenOf(request)}`
      );
      assert.deepEqual(
        steps,
        ["POST t1", "1 t1", "2 t1", "2 t2", "3 t2", "4 t2", "POST t2"],
      );
    }, { ...OPTIONS, credentials });
  });

  test("ends an upload whose session has ended for good, and cancels its source", async () => {
    const { credentials } = sessions(1, () => Promise.reject(new Error("no more")));
    const ended = (request: Seen) =>
      request.url.searchParams.get("partNumber") === "2"
        ? failure(400, "ExpiredToken")
        : usual(request);
    await withStore(ended, async (store: ObjectStore, seen: Seen[]) => {
      let cancelled = false;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(PART)),
        cancel: () => void (cancelled = true),
      }, { highWaterMark: 0 });
      await assert.rejects(store.put("key", body), AccessError);
      assert(cancelled);
      assert(
        !seen.some(({ method, url }) => method === "POST" && url.searchParams.has("uploadId")),
      );
    }, { ...OPTIONS, credentials });
  });

  test("sends a customer's key with all that reads, writes or copies an object, and with nothing else", async () => {
    const sseCustomerKey = new Uint8Array(32).fill(7);
    const key = btoa(String.fromCharCode(...sseCustomerKey));
    const tooLarge = (request: Seen): Answer => {
      const { method, headers, url } = request;
      const whole = headers.has("x-amz-copy-source") && !url.searchParams.has("partNumber");
      if (whole) return failure(400, "EntityTooLarge");
      return method === "GET" && url.pathname.endsWith("/large")
        ? object("x".repeat(PART + 1))
        : usual(request);
    };
    await withStore(tooLarge, async (store: ObjectStore, seen: Seen[]) => {
      await store.put("key", new Uint8Array(1));
      await store.put("key", BYTES.subarray(0, PART + 1));
      await (await store.get("key")).body.cancel();
      await store.head("key");
      await store.copy("large", "to");
      await Array.fromAsync(store.list());
      await store.delete(["key"]);
      const told = seen.map((request) => {
        const { method, url: { searchParams }, headers } = request;
        const own = headers.get("x-amz-server-side-encryption-customer-key") === key;
        const source = headers.get("x-amz-copy-source-server-side-encryption-customer-key") === key;
        const names = ["uploads", "partNumber", "uploadId", "list-type"];
        const what = names.find((query) => searchParams.has(query)) ?? "";
        const copies = headers.has("x-amz-copy-source") ? " copy" : "";
        return `${method}${copies} ${what}: ${own ? "key" : ""}${source ? " and source's" : ""}`;
      });
      assert.deepEqual(told, [
        "PUT : key",
        ...["POST uploads: key", "PUT partNumber: key", "PUT partNumber: key", "POST uploadId: "],
        "GET : key",
        "HEAD : key",
        "PUT copy : key and source's",
        "GET : key",
        "POST uploads: key",
        ...["PUT copy partNumber: key and source's", "PUT copy partNumber: key and source's"],
        "POST uploadId: ",
        "GET list-type: ",
        "DELETE : ",
      ]);
    }, { ...OPTIONS, sseCustomerKey });
  });
}
