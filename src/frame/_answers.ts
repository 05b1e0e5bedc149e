import { TimeoutError } from "../errors.ts";
import { withTimeout } from "../store/policy.ts";

interface Entry<T> {
  readonly promise: Promise<T>;
  readonly asked: number;
  /** Whether the promise has settled, and what it gave. */
  settled: boolean;
  value?: T;
}

/** For how long one caller waits for what another has asked, in milliseconds. */
const PATIENCE = 10_000;

/** What somebody was asked, by name: asked once for all who need it, and held for a time. */
export class Answers<T> {
  readonly #most: number;
  readonly #maxAge: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(most: number, maxAge: number, now: () => number) {
    this.#most = most;
    this.#maxAge = maxAge;
    this.#now = now;
  }

  /** The answer of a name, asked for where it is not held. A failure is not held. */
  async get(name: string, ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const entry = this.#entries.get(name);
      if (entry === undefined || this.#now() - entry.asked >= this.#maxAge) {
        return await this.#put(name, ask()).promise;
      }
      this.#keep(name, entry);
      if (entry.settled) return await entry.promise;
      try {
        return await withTimeout(() => entry.promise, PATIENCE);
      } catch (error) {
        if (entry.settled || !(error instanceof TimeoutError)) throw error;
        // It may be of a Worker's request that has ended, and never settle.
        if (this.#entries.get(name) === entry) this.#entries.delete(name);
      }
    }
  }

  /** Whether an answer is held, or asked for. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** The answer of a name where it is held, whatever its age: asks nobody. */
  held(name: string): T | undefined {
    return this.#entries.get(name)?.value;
  }

  /** Holds what was not asked for. */
  set(name: string, value: T): void {
    const entry = this.#put(name, Promise.resolve(value));
    entry.settled = true;
    entry.value = value;
  }

  /** Forgets a name. */
  delete(name: string): void {
    this.#entries.delete(name);
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.clear();
  }

  #put(name: string, promise: Promise<T>): Entry<T> {
    const entry: Entry<T> = { promise, asked: this.#now(), settled: false };
    promise.then((value) => {
      entry.settled = true;
      entry.value = value;
    }, () => {
      entry.settled = true;
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    });
    this.#keep(name, entry);
    return entry;
  }

  /** Puts an entry last, and lets the least used go where there are too many. */
  #keep(name: string, entry: Entry<T>): void {
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (this.#entries.size > this.#most) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
  }
}
