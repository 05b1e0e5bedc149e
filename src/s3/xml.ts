import { CorruptError } from "../errors.ts";

/** An element of S3's XML: S3 knows no mixed content, and its attributes say nothing. */
export interface XmlElement {
  /** Its name, without a namespace prefix. */
  readonly name: string;
  /** Its text; of an element with children, what stands between them. */
  readonly text: string;
  /** Its children, in order. */
  readonly children: readonly XmlElement[];
}

/** The most elements of an answer: a LIST of 1,000 keys has about 10,000. */
const MAX_ELEMENTS = 50_000;
const MAX_DEPTH = 16;
const MAX_TAG = 4096;

const TAG =
  /^<(\/?)(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)>/;
const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};
const ENTITY = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([\da-fA-F]{1,6}));|&/g;

/**
 * Reads a server's XML: elements, text, CDATA and the entities of XML itself.
 * A document type is refused, so that nothing can be defined or fetched; depth
 * and number of elements are bounded, and the time is linear in the length.
 *
 * @throws {CorruptError} where it is not well-formed, or beyond a bound.
 */
export function parseXml(source: string): XmlElement {
  const top = { name: "", text: "", children: [] as XmlElement[] };
  const stack = [top];
  let count = 0;
  let at = 0;
  const check = (holds: unknown) => {
    if (!holds) {
      throw new CorruptError(`The server's XML is malformed, or too large, at character ${at}`);
    }
  };
  const after = (end: string, from: number) => {
    const found = source.indexOf(end, from);
    check(found >= 0);
    return found + end.length;
  };
  const add = (text: string) => {
    const element = stack.at(-1)!;
    check(element !== top || !/[^\s\ufeff]/.test(text));
    element.text += text;
  };
  while (at < source.length) {
    const open = source.indexOf("<", at);
    const end = open < 0 ? source.length : open;
    const text = unescapeXml(source.slice(at, end));
    check(text !== undefined);
    if (end > at) add(text!);
    if (open < 0) break;
    at = open;
    if (source.startsWith("<!--", at)) at = after("-->", at + 4);
    else if (source.startsWith("<?", at)) at = after("?>", at + 2);
    else if (source.startsWith("<![CDATA[", at)) {
      at = after("]]>", at + 9);
      add(source.slice(open + 9, at - 3));
    } else {
      const tag = TAG.exec(source.slice(at, at + MAX_TAG));
      check(tag);
      const [whole, closing, name, empty] = tag as unknown as [string, string, string, string];
      if (closing) check(stack.length > 1 && stack.pop()!.name === name);
      else {
        check(++count <= MAX_ELEMENTS && stack.length <= MAX_DEPTH);
        const element = { name, text: "", children: [] };
        stack.at(-1)!.children.push(element);
        if (!empty) stack.push(element);
      }
      at += whole.length;
    }
  }
  check(stack.length === 1 && top.children.length === 1);
  return top.children[0]!;
}

/** The text of the first child of that name. */
export function textOf(element: XmlElement, name: string): string | undefined {
  return childrenOf(element, name)[0]?.text;
}

/** All children of that name. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Escapes text for an element of a request. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"'\r]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Whether XML 1.0 can carry the text at all: it has no place for some characters, escaped or not. */
export function fitsXml(text: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);
}

/** `undefined` where an ampersand begins nothing that XML knows. */
function unescapeXml(text: string): string | undefined {
  let wrong = false;
  const plain = text.replace(ENTITY, (_, name, decimal, hex) => {
    if (name) return NAMED[name]!;
    const point = decimal ? Number(decimal) : parseInt(hex, 16);
    const char = point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "\ud800";
    wrong ||= !char.isWellFormed();
    return char;
  });
  return wrong ? undefined : plain;
}
