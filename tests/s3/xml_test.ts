import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptError, InvalidInputError } from "../../src/errors.ts";
import {
  childrenOf,
  escapeXml,
  fitsXml,
  parseXml,
  renderXml,
  textOf,
  type XmlElement,
} from "../../src/s3/xml.ts";

Deno.test("parseXml() reads elements, text, CDATA, comments and attributes", () => {
  const root = parseXml(
    `\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- > --><r xmlns="x" a='>'>\n` +
      `<s3:Key x:y = "1">a&amp;b</s3:Key><Empty/><Key><![CDATA[<&>]]></Key></r>\n`,
  );
  assert.equal(root.name, "r");
  assert.deepEqual(childrenOf(root, "Key").map(({ text }) => text), ["a&b", "<&>"]);
  assert.equal(textOf(root, "Empty"), "");
  assert.equal(textOf(root, "Absent"), undefined);
});

Deno.test("parseXml() reads named and numeric entities", () => {
  const { text } = parseXml("<t>&lt;&gt;&amp;&quot;&apos;&#34;&#x1F600;&#xe9;</t>");
  assert.equal(text, `<>&"'"\u{1f600}\u00e9`);
});

Deno.test("parseXml() gives back any text that was escaped", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.equal(parseXml(`<t>${escapeXml(text)}</t>`).text, text);
  }));
});

const HOSTILE: Record<string, string> = {
  "nothing": "",
  "no XML": "upstream connect error",
  "a page": "<!DOCTYPE html><html></html>",
  "a document type": `<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>`,
  "an external entity": `<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>`,
  "an unknown entity": "<r>&nbsp;</r>",
  "an entity of Object.prototype": "<r>&valueOf;</r>",
  "a bare ampersand": "<r>a & b</r>",
  "an entity without end": "<r>&amp</r>",
  "a null character": "<r>&#0;</r>",
  "a surrogate": "<r>&#xD800;</r>",
  "a code point too high": "<r>&#x110000;</r>",
  "an open element": "<r><a></r>",
  "a tag of another name": "<r></s>",
  "an end without a start": "</r>",
  "two roots": "<r/><r/>",
  "text beside the root": "<r/>text",
  "an open comment": "<r><!-- </r>",
  "an open CDATA": "<r><![CDATA[ </r>",
  "an open tag": "<r",
  "a bad attribute": "<r a=b/>",
  "too much depth": "<a>".repeat(40) + "</a>".repeat(40),
  "too many elements": `<r>${"<a/>".repeat(50_001)}</r>`,
  "a tag that is too long": `<r a="${"x".repeat(5000)}"/>`,
};

for (const [name, text] of Object.entries(HOSTILE)) {
  Deno.test(`parseXml() refuses ${name}`, () => {
    assert.throws(() => parseXml(text), CorruptError);
  });
}

Deno.test("parseXml() reads or refuses any text, and throws nothing else", () => {
  const pieces = fc.constantFrom(
    "<",
    ">",
    "/",
    "a",
    "&",
    ";",
    "#",
    "x4",
    "!--",
    "-->",
    "[CDATA[",
    "]]>",
    "?",
    '"',
    "=",
    " ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      try {
        assert.equal(typeof parseXml(parts.join("")).name, "string");
      } catch (error) {
        assert(error instanceof CorruptError);
      }
    }),
    { numRuns: 2000 },
  );
});

const NAMES = fc.constantFrom("Rule", "ID", "Filter", "Prefix", "Days");
const TEXTS = fc.string({ unit: "binary" }).filter(fitsXml);
const TREES = fc.letrec<{ tree: XmlElement }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    fc.record({ name: NAMES, text: TEXTS, children: fc.constant([]) }, { noNullPrototype: true }),
    fc.record({
      name: NAMES,
      text: fc.constant(""),
      children: fc.array(tie("tree"), { maxLength: 4 }),
    }, { noNullPrototype: true }),
  ),
})).tree;

Deno.test("renderXml() writes what parseXml() reads", () => {
  fc.assert(fc.property(TREES, (tree) => {
    assert.deepEqual(parseXml(renderXml(tree)), tree);
  }));
});

Deno.test("renderXml() names the namespace once, at the root", () => {
  const tree = { name: "A", text: "", children: [{ name: "B", text: "<&>", children: [] }] };
  assert.equal(
    renderXml(tree),
    '<A xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><B>&#60;&#38;&#62;</B></A>',
  );
});

Deno.test("renderXml() refuses what XML has no place for", () => {
  const tree = { name: "Prefix", text: "a\u0000", children: [] };
  assert.throws(() => renderXml(tree), InvalidInputError);
});

Deno.test("fitsXml() knows what XML has no place for", () => {
  assert.equal(fitsXml("a <&> \u{1f600} \t\n\r"), true);
  for (const char of ["\u0000", "\u0008", "\u001f", "\ufffe", "\uffff"]) {
    assert.equal(fitsXml(`a${char}`), false);
  }
});
