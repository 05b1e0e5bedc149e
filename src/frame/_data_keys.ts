import { AccessError, CairnError, InvalidInputError, NotFoundError } from "../errors.ts";
import { toHex } from "../store/hex.ts";
import { quote } from "../store/key.ts";
import { deriveHmac, importMaterial, KEY_LENGTH } from "./_aes.ts";
import { Answers } from "./_answers.ts";
import { checkWrapped } from "./_envelope.ts";
import type { KeyProvider, WrappedKey } from "./key_provider.ts";

/** How data keys are used and held. */
export interface DataKeyLimits {
  /** How many objects of this process one data key seals. */
  readonly maxObjects: number;
  /** How long a data key seals new objects, in milliseconds since it was made. */
  readonly maxAge: number;
  /** How many data keys are held unwrapped. */
  readonly cachedKeys: number;
  /** How long one is held before the provider is asked again, in milliseconds. */
  readonly cacheAge: number;
}

/** A data key, ready for use. */
export interface Opened {
  /** What the keys of objects are derived from. */
  readonly material: CryptoKey;
  /** What the names of chunks are made with. */
  readonly naming: CryptoKey;
}

/** A data key as an object names it, and since when it has been in use. */
export interface KeyInUse extends WrappedKey {
  readonly since: number;
}

/** The data key that a thread's new objects are sealed with, and how many of this process it has sealed. */
interface Current extends KeyInUse {
  sealed: number;
}

/**
 * The data keys of threads. A thread's new objects are sealed with the data
 * key that came last into use on it, in whichever process, until that key has
 * had its time. So whoever goes on with a thread names its chunks as they are
 * named already, and asks the provider for one key.
 */
export class DataKeys {
  readonly #keys: KeyProvider;
  readonly #limits: DataKeyLimits;
  readonly #now: () => number;
  readonly #opened: Answers<Opened>;
  readonly #current: Answers<Current>;
  #revision: number | undefined;

  constructor(keys: KeyProvider, limits: DataKeyLimits, now: () => number) {
    this.#keys = keys;
    this.#limits = limits;
    this.#now = now;
    this.#opened = new Answers(limits.cachedKeys, limits.cacheAge, now);
    this.#current = new Answers(limits.cachedKeys, Infinity, now);
    this.#revision = keys.revision;
  }

  /** A data key that an object names. */
  async open(thread: string, { id, wrapped }: WrappedKey): Promise<Opened> {
    this.#dropForgotten();
    return await this.#opened.get(nameOf(thread, { id, wrapped }), async () => {
      const unwrap = () => this.#keys.unwrap({ id, wrapped }, { thread });
      return await openedOf(await ask("unwrap a data key", id, unwrap));
    });
  }

  /** The data key for one more object of a thread. */
  async next(thread: string): Promise<KeyInUse & Opened> {
    const current = await this.#usable(thread, 1);
    return { ...current, ...await this.#openCurrent(thread, current) };
  }

  /** What the names of a thread's next chunks are made with. */
  async naming(thread: string): Promise<CryptoKey> {
    return (await this.#openCurrent(thread, await this.#usable(thread, 0))).naming;
  }

  /** Goes on with the data key of an object that was opened, where none is in use that is newer. */
  adopt(thread: string, { id, wrapped, since }: KeyInUse): void {
    if (id !== this.#keys.current || this.#isOver(since)) return;
    const current = this.#current.held(thread);
    // Where one is being made, it will be newer.
    if (current === undefined ? this.#current.has(thread) : current.since >= since) return;
    this.#current.set(thread, { id, wrapped, since, sealed: 0 });
  }

  /** The data key in use, with so many more objects counted. */
  async #usable(thread: string, more: 0 | 1): Promise<Current> {
    this.#dropForgotten();
    for (;;) {
      const current = await this.#current.get(thread, () => this.#make(thread));
      if (current.sealed < this.#limits.maxObjects && !this.#isOver(current.since)) {
        // In the same turn as the check, so that those who seal at once are each counted.
        current.sealed += more;
        return current;
      }
      this.#giveUp(thread, current);
    }
  }

  async #make(thread: string): Promise<Current> {
    const since = this.#now();
    const revision = this.#revision;
    const generate = () => this.#keys.generate({ thread });
    const { id, wrapped, key } = await ask("make a data key", this.#keys.current, generate);
    checkWrapped({ id, wrapped });
    const opened = await openedOf(key);
    if (this.#keys.revision === revision) this.#opened.set(nameOf(thread, { id, wrapped }), opened);
    return { id, wrapped, since, sealed: 0 };
  }

  /** A thread's data key; one that can no longer be unwrapped is given up. */
  async #openCurrent(thread: string, current: Current): Promise<Opened> {
    try {
      return await this.open(thread, current);
    } catch (error) {
      this.#giveUp(thread, current);
      throw error;
    }
  }

  #giveUp(thread: string, current: Current): void {
    if (this.#current.held(thread) === current) this.#current.delete(thread);
  }

  #isOver(since: number): boolean {
    return this.#now() - since >= this.#limits.maxAge;
  }

  #dropForgotten(): void {
    if (this.#keys.revision === this.#revision) return;
    this.#revision = this.#keys.revision;
    this.#opened.clear();
    this.#current.clear();
  }
}

/** Asks the provider. What it lacks must not pass for an object that is not there. */
async function ask<T>(what: string, id: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    const isMissing = error instanceof NotFoundError;
    if (error instanceof CairnError && !isMissing) throw error;
    const said = isMissing ? `: ${error.message}` : "";
    throw new AccessError(
      `Cannot ${what} with the key ${quote(id)}: the key provider failed${said}`,
      { cause: error },
    );
  }
}

/** Takes a data key, after which its bytes are nowhere. */
async function openedOf(raw: Uint8Array): Promise<Opened> {
  const length = raw instanceof Uint8Array ? raw.length : 0;
  if (length !== KEY_LENGTH) {
    throw new InvalidInputError(
      `Cannot use a data key of ${length} bytes from the key provider: it must give ${KEY_LENGTH}`,
    );
  }
  const material = await importMaterial(raw);
  raw.fill(0);
  return { material, naming: await deriveHmac(material, "cairn names 1") };
}

function nameOf(thread: string, { id, wrapped }: WrappedKey): string {
  return JSON.stringify([thread, id, toHex(wrapped)]);
}
