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
  const after = (end: string, from: number) => {
    const found = source.indexOf(end, from);
    if (found < 0) throw flaw(`it ends before ${end}`);
    return found + end.length;
  };
  const add = (text: string) => {
    const element = stack.at(-1)!;
    if (element === top && /[^\s\ufeff]/.test(text)) throw flaw("it has text outside its root");
    element.text += text;
  };
  while (at < source.length) {
    const open = source.indexOf("<", at);
    const end = open < 0 ? source.length : open;
    if (end > at) add(unescapeXml(source.slice(at, end)));
    if (open < 0) break;
    if (source.startsWith("<!--", open)) at = after("-->", open + 4);
    else if (source.startsWith("<?", open)) at = after("?>", open + 2);
    else if (source.startsWith("<![CDATA[", open)) {
      at = after("]]>", open + 9);
      add(source.slice(open + 9, at - 3));
    } else if (source.startsWith("<!", open)) throw flaw("it has a document type");
    else {
      const tag = TAG.exec(source.slice(open, open + MAX_TAG));
      if (tag === null) throw flaw("it has a tag that is not well-formed");
      const [whole, closing, name, empty] = tag as unknown as [string, string, string, string];
      at = open + whole.length;
      if (closing === "") {
        if (++count > MAX_ELEMENTS) throw flaw(`it has more than ${MAX_ELEMENTS} elements`);
        if (stack.length > MAX_DEPTH) throw flaw(`it is nested deeper than ${MAX_DEPTH}`);
        const element = { name, text: "", children: [] };
        stack.at(-1)!.children.push(element);
        if (empty === "") stack.push(element);
      } else if (stack.length === 1 || stack.pop()!.name !== name) {
        throw flaw("its tags do not match");
      }
    }
  }
  const [root, second] = top.children;
  if (stack.length > 1 || root === undefined || second !== undefined) {
    throw flaw("it has no single root that ends");
  }
  return root;
}

/** The first child of that name. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}

/** The text of the first child of that name. */
export function textOf(element: XmlElement, name: string): string | undefined {
  return childOf(element, name)?.text;
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

function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^;&]{0,8})(;?)/g, (_, name: string, end: string) => {
    const code = /^#(?:(\d{1,7})|x([\da-fA-F]{1,6}))$/.exec(name);
    const point = code === null ? NaN : code[1] ? Number(code[1]) : parseInt(code[2]!, 16);
    const char = code !== null
      ? isChar(point) ? String.fromCodePoint(point) : undefined
      : Object.hasOwn(NAMED, name)
      ? NAMED[name]
      : undefined;
    if (char === undefined || end === "") throw flaw("it has an entity that XML does not know");
    return char;
  });
}

function isChar(point: number): boolean {
  return point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
}

function flaw(why: string): CorruptError {
  return new CorruptError(`Cannot read the server's XML: ${why}`);
}
