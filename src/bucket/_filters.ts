import type { DialectName } from "../s3/dialect.ts";
import { childOf, element } from "./_documents.ts";
import { childrenOf, textOf, type XmlElement } from "../s3/xml.ts";

/** What a configuration is about: types of events, and keys by how they begin and end. */
export interface Scope {
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** Escapes all but what is kept, and the slash. */
const escaped = (text: string, kept: RegExp) =>
  encodeURIComponent(text)
    .replace(/[!'()*~]/g, (char) =>
      kept.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/");

/**
 * How a filter's values are written: S3 compares them with the key as a form
 * encodes it, others with the key as it is.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
 */
const ENCODINGS: Readonly<Partial<Record<DialectName, (text: string) => string>>> = {
  aws: (text) => escaped(text, /\*/).replaceAll("%20", "+"),
  localstack: (text) => escaped(text, /~/),
};

/** A filter's value for a part of a key. */
export function filterValue(text: string, dialect: DialectName): string {
  return ENCODINGS[dialect]?.(text) ?? text;
}

/** A filter by how keys begin and end; none where both are empty. */
export function filterOf({ prefix, suffix }: Omit<Scope, "events">): XmlElement | undefined {
  const rules = Object.entries({ prefix, suffix }).filter(([, value]) => value !== "").map((
    [name, value],
  ) => element("FilterRule", [element("Name", name), element("Value", value)]));
  return rules.length === 0 ? undefined : element("Filter", [element("S3Key", rules)]);
}

/** What a configuration in a document is about. */
export function scopeOf(configuration: XmlElement): Scope {
  const rules = childOf(childOf(configuration, "Filter"), "S3Key");
  const value = (name: string) => {
    const rule = childrenOf(rules ?? element(""), "FilterRule")
      .find((one) => textOf(one, "Name")?.toLowerCase() === name);
    return rule && textOf(rule, "Value") || "";
  };
  return {
    events: childrenOf(configuration, "Event").map(({ text }) => text),
    prefix: value("prefix"),
    suffix: value("suffix"),
  };
}

/**
 * Whether an event may be one of both: they share a type of event, and a key
 * can begin and end as both say.
 */
export function overlap(a: Scope, b: Scope): boolean {
  const meet = (x: string, y: string, within: (whole: string, part: string) => boolean) =>
    within(x, y) || within(y, x);
  return a.events.some((x) => b.events.some((y) => sameType(x, y))) &&
    meet(a.prefix, b.prefix, (whole, part) => whole.startsWith(part)) &&
    meet(a.suffix, b.suffix, (whole, part) => whole.endsWith(part));
}

/** `s3:ObjectCreated:*` is each of its kind. */
function sameType(a: string, b: string): boolean {
  const covers = (all: string, one: string) =>
    all.endsWith(":*") && one.startsWith(all.slice(0, -1));
  return a === b || covers(a, b) || covers(b, a);
}
