import type { BucketApi } from "../s3/api.ts";
import type { DialectName } from "../s3/dialect.ts";
import type { XmlElement } from "../s3/xml.ts";
import type { CallOptions } from "../store/store.ts";
import type { BucketConfiguration, SectionName } from "./configuration.ts";

/** What a section says in the bucket: its document, and the headers that are part of it. */
export interface SectionState {
  /** The document as XML; `null` where there is none. */
  readonly xml: string | null;
  /** The headers that S3 keeps with it, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a section is computed for. */
export interface SectionContext {
  /** The bucket. */
  readonly bucket: string;
  /** Its region. */
  readonly region: string;
  /** Whose S3 it is. */
  readonly dialect: DialectName;
  /** The checkpointer's prefix: empty, or with a slash at its end. Only what is under it is ours. */
  readonly prefix: string;
  /** All that is wished for: a section may depend on another. */
  readonly desired: BucketConfiguration;
  /** The sections that were read, this one's `needs` among them. */
  readonly sections?: Readonly<Partial<Record<SectionName, SectionState>>>;
}

/** One thing that a section's document says. */
export interface SectionItem {
  /** What it is known by: a rule's id, or the name of a setting. */
  readonly id: string;
  /** What it says, as a sentence without a full stop. */
  readonly text: string;
  /** What it says, for comparison: two items that say the same have the same. */
  readonly value: string;
}

/**
 * A part of a bucket's configuration: one document of S3 under one query. All
 * but `read` and `write` is pure.
 *
 * To add one: a module in `sections/`, its type in `BucketConfiguration`, and
 * its line in `SECTIONS`.
 */
export interface Section<Desired> {
  /** Its name in `BucketConfiguration`. */
  readonly name: SectionName;
  /** The query of its requests, such as `lifecycle`. */
  readonly query: string;
  /** The root of its document, such as `LifecycleConfiguration`. */
  readonly root: string;
  /** S3's names of its operations; without `remove`, an empty document is written. */
  readonly operations: {
    readonly read: string;
    readonly write: string;
    readonly remove?: string;
  };
  /** Other sections that `merge` looks at: they are read, too. */
  readonly needs?: readonly SectionName[];
  /** The code by which S3 says that there is no document. */
  readonly absent?: string;
  /** Headers of the document that its next PUT must repeat, in lower case. */
  readonly headers?: readonly string[];
  /** Headers that a PUT takes beside those. */
  readonly writeHeaders?: Readonly<Record<string, string>>;
  /**
   * The document with what is wished for in it, and everything that is not ours
   * as it was; `undefined` where nothing is left.
   *
   * @throws {InvalidInputError} for what S3 would refuse, or what would tear a thread.
   * @throws {UnsupportedError} for what this dialect cannot do.
   */
  merge(
    current: XmlElement | undefined,
    desired: Desired,
    context: SectionContext,
  ): XmlElement | undefined;
  /** What a document says. */
  items(document: XmlElement | undefined, context: SectionContext): SectionItem[];
  /** What to know before one applies it; `document` is as it will be. */
  notes?(
    desired: Desired,
    context: SectionContext,
    document: XmlElement | undefined,
  ): string[];
  /** Reads it. @default one GET */
  read?(api: BucketApi, options: CallOptions): Promise<SectionState>;
  /** Writes it. @default one PUT, or a DELETE where nothing is left */
  write?(
    api: BucketApi,
    before: SectionState,
    after: SectionState,
    options: CallOptions,
  ): Promise<void>;
}

// deno-lint-ignore no-explicit-any -- what is wished for matters to `merge` alone
export type AnySection = Section<any>;
