import { md5 } from "../s3/md5.ts";
import { childrenOf, textOf, type XmlElement } from "../s3/xml.ts";
import { toHex } from "../store/hex.ts";
import { utf8 } from "../store/utf8.ts";
import type { SectionContext } from "./_section.ts";

/** An element of a document: with a text, or with children. */
export function element(
  name: string,
  content: string | number | readonly (XmlElement | undefined)[] = "",
): XmlElement {
  return typeof content === "object"
    ? { name, text: "", children: content.filter((child) => child !== undefined) }
    : { name, text: String(content), children: [] };
}

/** The first child of that name. */
export function childOf(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((child) => child.name === name);
}

/** An element with its children of one name replaced, in place of the first of them. */
export function withChild(parent: XmlElement, name: string, child?: XmlElement): XmlElement {
  const at = parent.children.findIndex((other) => other.name === name);
  const children = parent.children.filter((other) => other.name !== name);
  if (child) children.splice(at < 0 ? children.length : at, 0, child);
  return { ...parent, children };
}

/**
 * What an element says, whatever its layout: elements come in any order, as
 * they do from servers, and the white space between them says nothing.
 */
export function canonical({ name, text, children }: XmlElement): string {
  const content = children.length === 0 ? text : children.map(canonical).sort();
  return JSON.stringify([name, content]);
}

/** What the ids of our rules begin with. */
const OWN = "cairn:";

/** The longest id of a rule: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html */
const MAX_ID_LENGTH = 255;

/** The id of a rule of ours: what it does, and to what. */
export function ownId(what: string, prefix: string): string {
  const id = `${OWN}${what}:${prefix}`;
  if (id.length <= MAX_ID_LENGTH) return id;
  const hash = toHex(md5(utf8(prefix)));
  return `${OWN}${what}:${hash}`;
}

/** Where a rule's id stands: `ID` in most documents, `Id` in notifications. */
export function idOf(rule: XmlElement): string | undefined {
  return textOf(rule, "ID") ?? textOf(rule, "Id");
}

/** What a rule's filter says the keys begin with, in any of S3's ways to say it. */
export function prefixOf(rule: XmlElement): string {
  const filter = childOf(rule, "Filter");
  const keyFilter = childOf(filter, "S3Key");
  const byName = keyFilter && childrenOf(keyFilter, "FilterRule")
    .find((one) => textOf(one, "Name")?.toLowerCase() === "prefix");
  const places = [rule, filter, childOf(filter, "And")];
  return (byName && textOf(byName, "Value")) ??
    places.map((place) => place && textOf(place, "Prefix")).find((text) => text !== undefined) ??
    "";
}

/**
 * Whether a rule is about threads of the checkpointer with this prefix: all of
 * them, or some by their names' beginning. One that keeps a folder of its own
 * below the prefix is another, and its rules are not ours.
 */
export function isAbout(rule: XmlElement, prefix: string): boolean {
  const scope = prefixOf(rule);
  return scope.startsWith(prefix) && !scope.slice(prefix.length).includes("/");
}

/** Whether a rule is this checkpointer's: it has an id of ours and is about its threads. */
export function isOwn(rule: XmlElement, { prefix }: SectionContext): boolean {
  return idOf(rule)?.startsWith(OWN) === true && isAbout(rule, prefix);
}

/**
 * A document of rules with ours replaced: those of others stay as they are, and
 * where they are. `undefined` where no rule is left.
 */
export function mergeRules(
  current: XmlElement | undefined,
  root: string,
  rules: readonly XmlElement[],
  context: SectionContext,
  isOurs: (rule: XmlElement, context: SectionContext) => boolean = isOwn,
): XmlElement | undefined {
  const others = (current?.children ?? []).filter((rule) => !isOurs(rule, context));
  const children = [...others, ...rules];
  return children.length === 0 ? undefined : { name: root, text: "", children };
}
