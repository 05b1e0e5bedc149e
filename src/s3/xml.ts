import { CorruptError, InvalidInputError } from "../errors.ts";
import { quote } from "../store/key.ts";

/** An element of S3's XML: S3 knows no mixed content, and its attributes say nothing. */
export interface XmlElement {
  /** Its name, without a namespace prefix. */
  readonly name: string;
  /** Its text; of an element with children, what stands between them. */
  readonly text: string;
  /** Its children, in order. */
  readonly children: readonly XmlElement[];
}

/** A comment, an instruction, CDATA, a tag or text, each bounded or read in one go. */
const TOKEN =
  /<!--[^]*?-->|<\?[^]*?\?>|<!\[CDATA\[([^]*?)\]\]>|<(\/?)(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?:\s+[\w.:-]+\s*=\s*(?:"[^"<]{0,999}"|'[^'<]{0,999}')){0,16}\s*(\/?)>|([^<]+)/y;
const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};
const ENTITY = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([\da-fA-F]{1,6}));|&/g;

/** Whether an answer is an error, whatever its status: S3 may begin one before it knows the end. */
export function carriesError(answer: string): boolean {
  return /^\s*(<\?[^>]*>\s*)?<Error[\s/>]/.test(answer);
}

/**
 * Reads a server's XML: elements, text, CDATA and the entities of XML itself.
 * A document type is refused, so that nothing can be defined or fetched; depth
 * and number of elements are bounded, and the time is linear in the length.
 *
 * @throws {CorruptError} where it is not well-formed, or beyond a bound.
 */
export function parseXml(source: string): XmlElement {
  // The most elements of an answer: a LIST of 1,000 keys has about 10,000.
  const MAX_ELEMENTS = 50_000;
  const MAX_DEPTH = 16;
  const top = { name: "", text: "", children: [] as XmlElement[] };
  const stack = [top];
  let count = 0;
  let at = TOKEN.lastIndex = 0;
  const check = (holds: unknown) => {
    if (holds) return;
    throw new CorruptError(`The server's XML is malformed, or too large, at character ${at}`);
  };
  for (; at < source.length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(source);
    check(token);
    const [, data, closing, name, empty, text = ""] = token!;
    const element = stack.at(-1)!;
    if (name === undefined) {
      const plain = data ?? unescapeXml(text, check);
      check(element !== top || !/[^\s\ufeff]/.test(plain));
      element.text += plain;
    } else if (closing) {
      check(stack.length > 1 && element.name === name);
      stack.pop();
    } else {
      check(++count <= MAX_ELEMENTS && stack.length <= MAX_DEPTH);
      const child = { name, text: "", children: [] };
      element.children.push(child);
      if (!empty) stack.push(child);
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

/**
 * Writes a document of S3: what {@link parseXml} read comes back the same.
 * Its root gets S3's namespace, and nothing else has an attribute.
 *
 * @throws {InvalidInputError} where XML has no place for a character of it.
 */
export function renderXml(root: XmlElement): string {
  return render(root, ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"');
}

function render({ name, text, children }: XmlElement, attributes = ""): string {
  if (!fitsXml(text)) {
    throw new InvalidInputError(
      `Cannot send ${quote(text)} as XML: take out its control characters`,
    );
  }
  const content = children.length > 0
    ? children.map((child) => render(child)).join("")
    : escapeXml(text);
  return `<${name}${attributes}>${content}</${name}>`;
}

/** Whether XML 1.0 can carry the text at all: it has no place for some characters, escaped or not. */
export function fitsXml(text: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);
}

/** Fails where an ampersand begins nothing that XML knows. */
function unescapeXml(text: string, check: (holds: unknown) => void): string {
  return text.replace(ENTITY, (_, name, decimal, hex) => {
    if (name) return NAMED[name]!;
    const point = decimal ? Number(decimal) : parseInt(hex, 16);
    check(point > 0 && point <= 0x10ffff);
    const char = String.fromCodePoint(point);
    check(char.isWellFormed());
    return char;
  });
}
