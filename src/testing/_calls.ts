import { InvalidInputError, NotFoundError, UnsupportedError } from "../errors.ts";
import { readAll, streamOf } from "../store/body.ts";
import type { CallTrace } from "../store/store.ts";
import { assert, equal, equalBytes, rejects, rejectsWith } from "./_assert.ts";
import { type ConformanceCase, conformanceCase, listing, read, utf8 } from "./_case.ts";

const WEEK = 604_800;

/** What a store must do with signals and with presigned URLs. */
export const callCases: readonly ConformanceCase[] = [
  conformanceCase("does nothing under a signal that has aborted", async (store, { prefix }) => {
    const key = `${prefix}present`;
    const other = `${prefix}other`;
    await store.put(key, utf8("content"));
    const reason = { why: "changed my mind" };
    const signal = AbortSignal.abort(reason);
    let cancelledWith: unknown;
    const stream = new ReadableStream<Uint8Array>({
      cancel: (given) => void (cancelledWith = given),
    });
    const calls: Record<string, () => Promise<unknown>> = {
      put: () => store.put(other, utf8("content"), { signal }),
      "put of a stream": () => store.put(other, stream, { signal }),
      get: () => store.get(key, { signal }),
      head: () => store.head(key, { signal }),
      list: () => listing(store, prefix, { signal }),
      delete: () => store.delete([key], { signal }),
      copy: () => store.copy(key, other, { signal }),
    };
    if (store.capabilities.presign) {
      calls["presign"] = () => store.presign(key, { method: "GET", expiresIn: 60, signal });
    }
    for (const [name, call] of Object.entries(calls)) await rejectsWith(call, reason, name);
    assert(cancelledWith !== undefined, "the stream was not cancelled");
    equal((await listing(store, prefix)).keys, ["present"], "keys after");
  }),

  conformanceCase("stops a listing that is aborted between pages", async (store, { prefix }) => {
    await store.put(`${prefix}present`, utf8("content"));
    const controller = new AbortController();
    const reason = new Error("enough");
    const pages = store.list({ prefix, signal: controller.signal })[Symbol.asyncIterator]();
    await pages.next();
    controller.abort(reason);
    // The last page may be the first one: then there is nothing left to stop.
    const outcome = await pages.next().then((next) => next.done, (error) => error);
    assert(outcome === true || outcome === reason, `the next page gave ${outcome}`);
  }),

  conformanceCase("is not held up by a signal that never aborts", async (store, { prefix }) => {
    const { signal } = new AbortController();
    const key = `${prefix}signalled`;
    await store.put(key, streamOf(utf8("content")), { signal });
    equalBytes(await read(store, key, { signal }), utf8("content"), "the object");
    await store.copy(key, `${key}-copy`, { signal });
    equal((await store.head(`${key}-copy`, { signal })).size, 7, "size of the copy");
    equal((await listing(store, prefix, { signal })).keys.length, 2, "number of keys");
    await store.delete([key, `${key}-copy`], { signal });
    equal((await listing(store, prefix)).keys, [], "keys after");
  }),

  conformanceCase("counts the attempts of each call", async (store, { prefix }) => {
    const key = `${prefix}counted`;
    const absent = `${prefix}absent`;
    const calls: Record<string, (trace: CallTrace) => Promise<unknown>> = {
      put: (trace) => store.put(key, utf8("content"), { trace }),
      "put of a stream": (trace) => store.put(key, streamOf(utf8("content")), { trace }),
      get: async (trace) => await readAll((await store.get(key, { trace })).body),
      "get of nothing": (trace) =>
        rejects(() => store.get(absent, { trace }), NotFoundError, "get of nothing"),
      head: (trace) => store.head(key, { trace }),
      list: (trace) => listing(store, prefix, { trace }),
      copy: (trace) => store.copy(key, `${key}-copy`, { trace }),
      delete: (trace) => store.delete([`${key}-copy`], { trace }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const trace: CallTrace = { attempts: 0, retries: 0 };
      await call(trace);
      const { attempts, retries } = trace;
      assert(Number.isInteger(attempts) && attempts >= 1, `${name} counted ${attempts} attempts`);
      assert(retries < attempts, `${name} counted ${retries} of ${attempts} attempts as retries`);
    }
    const trace: CallTrace = { attempts: 0, retries: 0 };
    await rejects(() => store.get("../outside", { trace }), InvalidInputError, "a wrong key");
    equal(trace.attempts, 0, "attempts of a call that was refused before");
  }),

  conformanceCase("presigns URLs, or says that it cannot", async (store, context) => {
    const { prefix, fetch = globalThis.fetch } = context;
    const key = `${prefix}pre signed/é+%2F&='()!~*`;
    const presign = (method: "GET" | "PUT", expiresIn = 60) =>
      store.presign(key, { method, expiresIn });
    if (!store.capabilities.presign) {
      await rejects(() => presign("GET"), UnsupportedError, "presign of a GET");
      await rejects(() => presign("PUT"), UnsupportedError, "presign of a PUT");
      return;
    }
    const sent = await fetch(await presign("PUT"), { method: "PUT", body: utf8("by its URL") });
    await sent.body?.cancel();
    assert(sent.ok, `PUT of a presigned URL: status ${sent.status}`);
    equalBytes(await read(store, key), utf8("by its URL"), "the object");

    const got = await fetch(await presign("GET", WEEK));
    equal(await got.text(), "by its URL", "body of a presigned GET");
    const named = await fetch(
      await store.presign(key, {
        method: "GET",
        expiresIn: 1_000,
        response: { contentType: "text/x-cairn", contentDisposition: 'attachment; filename="a b"' },
      }),
    );
    await named.body?.cancel();
    equal(named.headers.get("content-type"), "text/x-cairn", "Content-Type");
    const disposition = named.headers.get("content-disposition");
    equal(disposition, 'attachment; filename="a b"', "Content-Disposition");

    const send: Record<string, string> = {};
    const upload = { contentType: "text/x-cairn", contentLength: 3, send } as const;
    const url = await store.presign(key, { method: "PUT", expiresIn: 60, ...upload });
    // Whoever sends a body sends its length, and may not name it.
    const { "content-length": length, ...headers } = send;
    equal(length, "3", "the length to send");
    equal(headers["content-type"], "text/x-cairn", "the type to send");
    const typed = await fetch(url, { method: "PUT", headers, body: utf8("abc") });
    await typed.body?.cancel();
    assert(typed.ok, `PUT of a presigned type and length: status ${typed.status}`);
    equalBytes(await read(store, key), utf8("abc"), "the object of one type and length");

    for (const seconds of [0, -1, 1.5, NaN, WEEK + 1]) {
      await rejects(() => presign("GET", seconds), InvalidInputError, `expiresIn ${seconds}`);
    }
  }),
];
