import { CairnError, NotFoundError, PreconditionFailedError, UnsupportedError } from "../errors.ts";
import { getBytes, listKeys } from "./body.ts";
import { compareKeys } from "./key.ts";
import type { CallOptions, ObjectStore, PutOptions, StoreCapabilities } from "./store.ts";
import { utf8 } from "./utf8.ts";

/** Options of {@link probe}. */
export interface ProbeOptions extends CallOptions {
  /** Where the probe may write. It leaves nothing there. @default "cairn-probe/" */
  readonly prefix?: string | undefined;
  /** What fetches a presigned URL. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** What a store does, and not what it says: it fits the `capabilities` option of the S3 stores. */
export interface ProbeReport extends Pick<StoreCapabilities, ProbedCapability> {
  /** What was written is read, and what was deleted is gone, at once. */
  readonly readAfterWrite: boolean;
  /** For each finding, one sentence on what was seen. */
  readonly saw: Readonly<Record<ProbedCapability | "readAfterWrite", string>>;
}

/** The capabilities that are found out; the others follow from the kind of store. */
export type ProbedCapability =
  | "conditionalCreate"
  | "conditionalUpdate"
  | "orderedList"
  | "presign";

interface Finding {
  readonly holds: boolean;
  readonly saw: string;
}

/**
 * Finds out what a bucket really honours, as some stores that speak S3 ignore
 * conditions and answer 200. Run it once for each bucket, and give a store that
 * ignores one what was found: it then refuses with `UnsupportedError` and
 * overwrites nothing by mistake.
 *
 * It writes about a dozen objects of a few bytes under a folder of its own and
 * deletes them. Probe a store that was made without `capabilities`: what they
 * deny is refused before it could be tried.
 *
 * @throws {CairnError} where the store cannot be reached, read or written at all.
 *
 * @example
 * ```ts
 * import { memoryStore, probe } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const report = await probe(memoryStore());
 * assert.equal(report.conditionalCreate, true);
 * assert.equal(report.presign, false);
 * // const store = edgeStore({ ...options, capabilities: report });
 * ```
 */
export async function probe(store: ObjectStore, options: ProbeOptions = {}): Promise<ProbeReport> {
  const { prefix = "cairn-probe/", fetch = globalThis.fetch, signal } = options;
  const folder = `${prefix}${crypto.randomUUID()}/`;
  const written = new Set<string>();
  const site: Site = {
    store,
    folder,
    signal,
    async put(name, text, precondition) {
      const key = folder + name;
      written.add(key);
      return (await store.put(key, utf8(text), { precondition, signal })).etag;
    },
    async read(name) {
      const { bytes } = await getBytes(store, folder + name, { signal });
      return new TextDecoder().decode(bytes);
    },
  };
  try {
    // First what needs no feature, so that a store that cannot be used says so as it is.
    const consistent = await probeConsistency(site);
    const create = await found(() => probeCreate(site));
    const update = await found(() => probeUpdate(site));
    const order = await found(() => probeOrder(site));
    const url = await found(() => probePresign(site, fetch));
    return {
      conditionalCreate: create.holds,
      conditionalUpdate: update.holds,
      orderedList: order.holds,
      presign: url.holds,
      readAfterWrite: consistent.holds,
      saw: {
        conditionalCreate: create.saw,
        conditionalUpdate: update.saw,
        orderedList: order.saw,
        presign: url.saw,
        readAfterWrite: consistent.saw,
      },
    };
  } finally {
    await store.delete([...written]);
  }
}

/** Where a probe works. */
interface Site {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly signal: AbortSignal | undefined;
  put(name: string, text: string, precondition?: PutOptions["precondition"]): Promise<string>;
  read(name: string): Promise<string>;
}

/**
 * Keys that tell the order of bytes from that of UTF-16, of an alphabet and of
 * directories. None is a folder of another: MinIO has no place for both.
 */
const NAMES = ["a b", "a+b", "a-b", "a/b", "a0", "aa", "B", "b", "\u00e9", "\uff5e", "\u{1f600}"];

async function found(search: () => Promise<Finding>): Promise<Finding> {
  try {
    return await search();
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return { holds: false, saw: `It refuses: ${error.message}` };
  }
}

async function probeConsistency({ store, folder, signal, put, read }: Site): Promise<Finding> {
  const stale = { holds: false, saw: "What was just written or deleted was not seen" };
  await put("seen", "first");
  if (await read("seen") !== "first") return stale;
  await put("seen", "second");
  if (await read("seen") !== "second") return stale;
  if (await listed(store, folder, signal) !== `${folder}seen`) return stale;
  await store.delete([`${folder}seen`], { signal });
  if (await listed(store, folder, signal) !== "") return stale;
  return await isMissing(() => read("seen"))
    ? { holds: true, saw: "What was written was read and listed, what was deleted was gone" }
    : stale;
}

async function probeCreate({ put, read }: Site): Promise<Finding> {
  await put("created", "first", "create");
  if (!await isRefused(() => put("created", "second", "create"))) {
    return { holds: false, saw: "A second create succeeded: If-None-Match is ignored" };
  }
  if (await read("created") !== "first") {
    return { holds: false, saw: "A create was refused, and wrote all the same" };
  }
  const racers = ["1", "2", "3", "4"];
  const refusals = await Promise.all(
    racers.map((text) => isRefused(() => put("raced", text, "create"))),
  );
  const winners = refusals.filter((refused) => !refused).length;
  return winners > 1
    ? { holds: false, saw: `${winners} of ${racers.length} creates at once succeeded` }
    : { holds: true, saw: "Later creates were refused, and of several at once one succeeded" };
}

async function probeUpdate({ put, read }: Site): Promise<Finding> {
  const first = await put("updated", "first");
  await put("updated", "second", { ifMatch: first });
  if (!await isRefused(() => put("updated", "third", { ifMatch: first }))) {
    return { holds: false, saw: "A stale ETag was accepted: If-Match is ignored" };
  }
  if (await read("updated") !== "second") {
    return { holds: false, saw: "A stale ETag was refused, and what it came with written" };
  }
  return await isRefused(() => put("absent", "first", { ifMatch: first }))
    ? { holds: true, saw: "The ETag of now was accepted, a stale one and one of nothing refused" }
    : { holds: false, saw: "An ETag was accepted where there was no object" };
}

async function probeOrder({ store, folder, signal, put }: Site): Promise<Finding> {
  const prefix = `${folder}order/`;
  const expected = NAMES.map((name) => prefix + name).sort(compareKeys);
  // Written in an order that is not theirs.
  for (const key of [...expected].reverse()) await put(key.slice(folder.length), "");
  const whole = await listed(store, prefix, signal);
  if (whole !== expected.join("\n")) {
    return { holds: false, saw: "Keys were not listed in the order of their bytes" };
  }
  const rest: string[] = [];
  for await (const { objects } of store.list({ prefix, startAfter: expected[4], signal })) {
    rest.push(...objects.map(({ key }) => key));
  }
  return rest.join("\n") === expected.slice(5).join("\n")
    ? { holds: true, saw: `${expected.length} keys were listed in the order of their bytes` }
    : { holds: false, saw: "startAfter did not give the keys after it" };
}

async function probePresign(
  { store, folder, signal, put }: Site,
  fetch: typeof globalThis.fetch,
): Promise<Finding> {
  await put("linked to", "by a URL");
  const headers: Record<string, string> = {};
  const options = { method: "GET", expiresIn: 60, send: headers, signal } as const;
  const url = await store.presign(`${folder}linked to`, options);
  let answer: { status: number; text: string };
  try {
    const response = await fetch(url, { headers, ...(signal && { signal }) });
    answer = { status: response.status, text: await response.text() };
  } catch {
    signal?.throwIfAborted();
    return { holds: true, saw: "It gave a URL, which could not be fetched from here" };
  }
  return answer.status === 200 && answer.text === "by a URL"
    ? { holds: true, saw: "A presigned URL gave the object" }
    : { holds: false, saw: `A presigned URL was answered with ${answer.status}` };
}

async function listed(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string> {
  const keys: string[] = [];
  for await (const key of listKeys(store, prefix, { signal })) keys.push(key);
  return keys.join("\n");
}

function isRefused(write: () => Promise<unknown>): Promise<boolean> {
  return failsWith(PreconditionFailedError, write);
}

function isMissing(read: () => Promise<unknown>): Promise<boolean> {
  return failsWith(NotFoundError, read);
}

async function failsWith(
  kind: new (...args: never[]) => CairnError,
  operation: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await operation();
    return false;
  } catch (error) {
    if (error instanceof kind) return true;
    throw error;
  }
}
