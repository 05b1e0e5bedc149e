import { CairnError, type ErrorKind } from "../errors.ts";
import { refuse } from "./_options.ts";
import { tell } from "./_tell.ts";
import { type StreamEnd, watched } from "./_watch.ts";
import type {
  Body,
  CallOptions,
  CallTrace,
  ListPage,
  ObjectStore,
  StoreOperation,
} from "./store.ts";

/**
 * How an operation ended: well, with an error of a kind, `aborted` by its
 * signal, or `failed` where the caller's own stream broke, or with an error
 * that is none of the package's.
 */
export type StoreOutcome = "ok" | ErrorKind | "aborted" | "failed";

/** What is told of an operation when it has ended. There is no key in it, no state and no secret. */
export interface StoreEvent {
  /** What was asked for. */
  readonly operation: StoreOperation;
  /** The store's name, such as `s3 bucket "state"`. */
  readonly store: string;
  /** What `classify` says of the key; `mixed` for keys of several classes, absent for a listing. */
  readonly keyClass?: string | undefined;
  /** How many keys it was about; of a listing, how many objects and prefixes were given. */
  readonly keys: number;
  /** How many pages a listing gave. */
  readonly pages?: number | undefined;
  /** The bytes of the body that were sent by a `put`, or received by a `get`. */
  readonly bytes: number;
  /** The requests that were sent, in all; 0 where it was refused before, and for `presign`. */
  readonly attempts: number;
  /** Those of them that were sent because an earlier one had failed. */
  readonly retries: number;
  /** The store's id of the last request that was answered, where it gives one. */
  readonly requestId?: string | undefined;
  /** When it began, in milliseconds since 1970. */
  readonly startedAt: number;
  /** How long it took until its end; a `get` ends with its body, a `list` with its last page. */
  readonly milliseconds: number;
  /** How much of that the store took, and not the reader of a body or of a listing. */
  readonly waited: number;
  /** How it ended. */
  readonly outcome: StoreOutcome;
  /** Whether the reader of a body or of a listing wanted no more of it, which is no failure. */
  readonly stopped: boolean;
  /** The store's own word for a failure, such as `SlowDown`. */
  readonly code?: string | undefined;
  /** The HTTP status of a failure. */
  readonly status?: number | undefined;
}

/** Is told of each operation when it has ended. What it throws is nobody's concern. */
export type Observer = (event: StoreEvent) => unknown;

/** Options of {@link observed}. */
export interface ObservedOptions {
  /** Gives the class of a key, such as `keyClass` does. @default keys have no class */
  readonly classify?: ((key: string) => string) | undefined;
}

/**
 * A store that tells of all that is done with it: one event for each
 * operation, at its end. A body ends when it has been read, cancelled or
 * failed; one that is left alone never does. A listing is one operation.
 *
 * The observer is called at once, before the caller goes on: it should note
 * what it is told and return. One that throws or rejects harms nothing.
 *
 * @throws {InvalidInputError} where the observer or `classify` is no function.
 *
 * @example
 * ```ts
 * import { keyClass, memoryStore, observed, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const seen: string[] = [];
 * const store = observed(
 *   memoryStore(),
 *   ({ operation, keyClass, outcome }) => seen.push(`${operation} ${keyClass}: ${outcome}`),
 *   { classify: keyClass },
 * );
 * await new S3Checkpointer(store).save("thread-1", { step: 1 });
 * assert.deepEqual(seen, ["put checkpoint: ok"]);
 * ```
 */
export function observed(
  store: ObjectStore,
  observer: Observer,
  { classify }: ObservedOptions = {},
): ObjectStore {
  if (typeof observer !== "function") refuse("observer", observer, "a function");
  if (classify !== undefined && typeof classify !== "function") {
    refuse("classify", classify, "a function");
  }

  const begin = (operation: StoreOperation, keys: readonly string[], options: CallOptions = {}) => {
    const about = { operation, store: store.name, keyClass: classOf(keys, classify) };
    return new Watch(about, keys.length, options, observer);
  };

  return {
    get name() {
      return store.name;
    },
    get capabilities() {
      return store.capabilities;
    },
    put(key, body, options) {
      const watch = begin("put", [key], options);
      return watch.run(() => store.put(key, watch.source(body), { ...options, ...watch.options }));
    },
    async get(key, options) {
      const watch = begin("get", [key], options);
      const get = () => store.get(key, { ...options, ...watch.options });
      const { info, body } = await watch.run(get, false);
      return { info, body: watch.body(body) };
    },
    head(key, options) {
      const watch = begin("head", [key], options);
      return watch.run(() => store.head(key, { ...options, ...watch.options }));
    },
    async *list(options) {
      const watch = begin("list", [], options);
      let pages: AsyncIterator<ListPage> | undefined;
      let stopped = true;
      try {
        pages = store.list({ ...options, ...watch.options })[Symbol.asyncIterator]();
        while (true) {
          const next = await watch.run(pages.next.bind(pages), false);
          if (next.done) break;
          watch.page(next.value.objects.length + next.value.prefixes.length);
          yield next.value;
        }
        stopped = false;
      } finally {
        watch.end("ok", stopped);
        await pages?.return?.();
      }
    },
    delete(keys, options) {
      const watch = begin("delete", keys, options);
      return watch.run(() => store.delete(keys, { ...options, ...watch.options }));
    },
    copy(from, to, options) {
      const watch = begin("copy", [from], options);
      return watch.run(() => store.copy(from, to, { ...options, ...watch.options }));
    },
    presign(key, options) {
      const watch = begin("presign", [key], options);
      return watch.run(() => store.presign(key, { ...options, ...watch.options }));
    },
  };
}

/** One operation, from its beginning to its event. */
class Watch {
  readonly options: { readonly trace: CallTrace };
  readonly #about: Pick<StoreEvent, "operation" | "store" | "keyClass">;
  readonly #observer: Observer;
  readonly #signal: AbortSignal | undefined;
  readonly #before: CallTrace;
  readonly #startedAt = Date.now();
  readonly #start = performance.now();
  #keys: number;
  #waited = 0;
  #asked = 0;
  #bytes = 0;
  #pages = 0;
  #broken: { readonly error: unknown } | undefined;
  #ended = false;

  constructor(
    about: Pick<StoreEvent, "operation" | "store" | "keyClass">,
    keys: number,
    { signal, trace = { attempts: 0, retries: 0 } }: CallOptions,
    observer: Observer,
  ) {
    this.options = { trace };
    this.#about = about;
    this.#observer = observer;
    this.#keys = keys;
    this.#before = { ...trace };
    this.#signal = signal;
  }

  /** Waits for the store; a failure ends the operation, and a success where that is all of it. */
  async run<T>(operation: () => Promise<T>, whole = true): Promise<T> {
    this.#ask();
    try {
      const answer = await operation();
      this.#answered();
      if (whole) this.end("ok");
      return answer;
    } catch (error) {
      this.#answered();
      this.#fail(error);
      throw error;
    }
  }

  /** The body of a `put`, which counts what is taken of it. */
  source(body: Body): Body {
    if (body instanceof Uint8Array) {
      this.#bytes = body.length;
      return body;
    }
    // What cannot be read is for the store to refuse.
    if (!(body instanceof ReadableStream) || body.locked) return body;
    return watched(body, {
      piece: (bytes) => this.#count(bytes),
      ended: (how, error) => {
        if (how === "failed") this.#broken = { error };
      },
    });
  }

  /** The body of a `get`, whose end is that of the operation. */
  body(stream: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
    return watched(stream, {
      asked: () => this.#ask(),
      piece: (bytes) => {
        this.#answered();
        this.#count(bytes);
      },
      ended: (how: StreamEnd, error) => {
        if (how !== "cancelled") this.#answered();
        if (how === "failed") this.#fail(error);
        else this.end("ok", how === "cancelled");
      },
    });
  }

  page(entries: number): void {
    this.#pages++;
    this.#keys += entries;
  }

  end(outcome: StoreOutcome, stopped = false, error?: CairnError): void {
    if (this.#ended) return;
    this.#ended = true;
    const { attempts, retries, requestId } = this.options.trace;
    const event: StoreEvent = {
      ...this.#about,
      keys: this.#keys,
      pages: this.#about.operation === "list" ? this.#pages : undefined,
      bytes: this.#bytes,
      attempts: attempts - this.#before.attempts,
      retries: retries - this.#before.retries,
      requestId: word(requestId ?? error?.requestId, 128),
      startedAt: this.#startedAt,
      milliseconds: performance.now() - this.#start,
      waited: this.#waited,
      outcome,
      stopped,
      code: word(error?.code, 64),
      status: error?.status,
    };
    tell(this.#observer, event);
  }

  #fail(error: unknown): void {
    const aborted = this.#signal?.aborted && error === this.#signal.reason;
    if (aborted) this.end("aborted");
    else if (!(error instanceof CairnError) || error === this.#broken?.error) this.end("failed");
    else this.end(error.kind, false, error);
  }

  #ask(): void {
    this.#asked = performance.now();
  }

  #answered(): void {
    this.#waited += performance.now() - this.#asked;
  }

  #count(bytes: unknown): void {
    if (bytes instanceof Uint8Array) this.#bytes += bytes.length;
  }
}

/** What a server said in one word: anything else may be anything. */
function word(text: string | undefined, most: number): string | undefined {
  return text !== undefined && text.length <= most && /^[\w.:/+=-]+$/.test(text) ? text : undefined;
}

function classOf(
  keys: readonly string[],
  classify: ((key: string) => string) | undefined,
): string | undefined {
  if (classify === undefined || keys.length === 0) return undefined;
  try {
    const classes = new Set(keys.map((key) => classify(key)));
    return classes.size === 1 ? [...classes][0] : "mixed";
  } catch {
    return undefined;
  }
}
