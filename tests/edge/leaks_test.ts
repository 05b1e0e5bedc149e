import { CairnError } from "@cairn/checkpoint";
import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import fc from "fast-check";
import { failure, object, test } from "./_fixture.ts";

/** What becomes of a request: when it is answered, with what, and how its body goes on. */
interface Fate {
  /** In milliseconds; a request that is never answered waits for its signal. */
  readonly after: number;
  readonly answer: "usual" | "503" | "404" | "400" | "200 with an error" | "none" | "garbage";
  readonly body: "whole" | "breaks" | "stalls";
}

/** How a caller behaves. */
interface Caller {
  readonly call: "put" | "parts" | "get" | "head" | "list" | "delete" | "copy";
  /** When it gives up, in milliseconds. */
  readonly aborts: number;
  /** What it does with a body: all of it, a piece and a cancellation, or nothing until it gives up. */
  readonly reads: "all" | "some" | "nothing";
}

const PIECE = 4;
const TEXT = "x".repeat(3 * PIECE);

function usual(method: string, url: URL, headers: Headers): ReturnType<typeof object> {
  const query = url.searchParams;
  const xml = (root: string, content = "") => ({ body: `<${root}>${content}</${root}>` });
  if (query.has("list-type")) return xml("ListBucketResult", "<Name>state</Name>");
  if (query.has("delete")) return xml("DeleteResult");
  if (query.has("uploads")) return xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>");
  if (method === "POST") return xml("CompleteMultipartUploadResult", "<ETag>w</ETag>");
  if (headers.has("x-amz-copy-source")) return xml("CopyObjectResult", "<ETag>e</ETag>");
  if (method === "DELETE") return { status: 204, body: "" };
  if (method !== "GET") return object("");
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? [];
  if (from === undefined) return object(TEXT, { "content-length": String(TEXT.length) });
  const range = { "content-range": `bytes ${from}-${to}/${TEXT.length}` };
  return { ...object(TEXT.slice(Number(from), Number(to) + 1), range), status: 206 };
}

/** A `fetch` that keeps count of the bodies that nobody has read, cancelled or aborted. */
function countingFetch(fates: readonly Fate[]) {
  const open = new Set<string>();
  let requests = 0;
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const number = requests++;
    const { after, answer, body: goes } = fates[number % fates.length]!;
    const { method = "GET", signal } = init;
    const aborted = new Promise<never>((_, reject) => {
      if (signal!.aborted) reject(signal!.reason);
      signal!.addEventListener("abort", () => reject(signal!.reason));
    });
    aborted.catch(() => {});
    if (answer === "none") return await aborted;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, after)), aborted]);
    const { status = 200, headers = {}, body } = answer === "usual"
      ? usual(method, new URL(String(input)), new Headers(init.headers))
      : answer === "garbage"
      ? { status: 200, headers: { etag: '"e"' }, body: "<a>" }
      : answer === "200 with an error"
      ? failure(200, "InternalError")
      : failure(Number(answer), "SlowDown");
    if (method === "HEAD" || status === 204) return new Response(null, { status, headers });
    const name = `${number} ${method} ${answer} ${goes}`;
    const bytes = new TextEncoder().encode(body as string);
    let at = 0;
    open.add(name);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        signal!.addEventListener("abort", () => {
          if (open.delete(name)) controller.error(signal!.reason);
        });
      },
      pull(controller) {
        if (at >= bytes.length) {
          open.delete(name);
          return controller.close();
        }
        if (at > 0 && goes === "breaks") {
          open.delete(name);
          return controller.error(new TypeError("connection reset"));
        }
        if (at > 0 && goes === "stalls") return new Promise(() => {});
        controller.enqueue(bytes.slice(at, at += PIECE));
      },
      cancel: () => void open.delete(name),
    }, { highWaterMark: 0 });
    return new Response(stream, { status, headers });
  };
  return { fetch, open };
}

async function behave(store: S3Store, { call, reads }: Caller, signal: AbortSignal): Promise<void> {
  const options = { signal };
  if (call === "put") await store.put("a", new Uint8Array(3), options);
  else if (call === "parts") {
    const pieces = [new Uint8Array(2), new Uint8Array(2)];
    await store.put("a", ReadableStream.from(pieces), options);
  } else if (call === "head") await store.head("a", options);
  else if (call === "list") await Array.fromAsync(store.list(options));
  else if (call === "delete") await store.delete(["a", "b"], options);
  else if (call === "copy") await store.copy("a", "b", options);
  else {
    const { body } = await store.get("a", options);
    if (reads === "all") await new Response(body).bytes();
    else if (reads === "nothing") {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    } else {
      const reader = body.getReader();
      await reader.read();
      await reader.cancel();
    }
  }
}

const fate: fc.Arbitrary<Fate> = fc.record({
  after: fc.integer({ min: 0, max: 3 }),
  answer: fc.constantFrom(
    ...[
      "usual",
      "usual",
      "usual",
      "503",
      "404",
      "400",
      "200 with an error",
      "none",
      "garbage",
    ] as const,
  ),
  body: fc.constantFrom("whole", "whole", "breaks", "stalls"),
});
const caller: fc.Arbitrary<Caller> = fc.record({
  call: fc.constantFrom("put", "parts", "get", "get", "head", "list", "delete", "copy"),
  aborts: fc.integer({ min: 0, max: 12 }),
  reads: fc.constantFrom("all", "some", "nothing"),
});

test("EdgeStore leaves no body, timer or request behind, however answers fail and callers give up", async () => {
  await fc.assert(
    fc.asyncProperty(
      caller,
      fc.array(fate, { minLength: 1, maxLength: 5 }),
      async (caller, fates) => {
        const { fetch, open } = countingFetch(fates);
        const store = edgeStore({
          bucket: "state",
          endpoint: "https://s3.example.com",
          credentials: { accessKeyId: "id", secretAccessKey: "secret" },
          fetch,
          multipartThreshold: 3,
          retry: { maxAttempts: 3, baseDelay: 1, maxDelay: 1 },
          attemptTimeout: 6,
          timeout: 40,
        });
        const control = new AbortController();
        const reason = new Error("no longer wanted");
        const timer = setTimeout(() => control.abort(reason), caller.aborts);
        try {
          await behave(store, caller, control.signal);
        } catch (error) {
          assert(error === reason || error instanceof CairnError, `${error}`);
        }
        clearTimeout(timer);
        // What is cancelled ends in its own time, though at once.
        await new Promise((resolve) => setTimeout(resolve, 1));
        assert.deepEqual([...open], []);
      },
    ),
    { numRuns: 400 },
  );
});
