/** A cached object: what was decoded of it, under the ETag it had. */
interface Entry {
  readonly etag: string;
  readonly value: unknown;
  readonly size: number;
  /** When the store was last known to have it, in milliseconds since 1970. */
  seen: number;
}

/**
 * What this process has read or written lately, bounded in bytes, the least
 * recently used going first. An entry counts only while a listing shows its
 * ETag, so another process's write is never hidden.
 */
export class RecentObjects {
  /** The most bytes that are kept. */
  readonly limit: number;
  readonly #entries = new Map<string, Entry>();
  #size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** What was kept of an object while it had this ETag; whichever it had, where none is given. */
  get<T>(key: string, etag = this.etagOf(key)): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.etag !== etag) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value as T;
  }

  /** The ETag under which an object is held. */
  etagOf(key: string): string | undefined {
    return this.#entries.get(key)?.etag;
  }

  /** When the store was last known to have a held object. */
  seenAt(key: string): number {
    return this.#entries.get(key)?.seen ?? -Infinity;
  }

  /** Notes when the store was known to have a held object. */
  see(key: string, seen: number): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.seen = seen;
  }

  /** The keys of what is held under a prefix. */
  *keysUnder(prefix: string): Generator<string> {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) yield key;
  }

  /** Keeps what was decoded of an object; `size` is its weight in bytes. */
  set(key: string, etag: string, value: unknown, size: number, seen = -Infinity): void {
    this.delete(key);
    if (size > this.limit) return;
    this.#entries.set(key, { etag, value, size, seen });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.limit) break;
      this.delete(oldest);
    }
  }

  /** Forgets an object. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
  }

  /** Forgets all under a prefix. */
  deleteUnder(prefix: string): void {
    for (const key of this.keysUnder(prefix)) this.delete(key);
  }
}
