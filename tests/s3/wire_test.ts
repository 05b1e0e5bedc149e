import { checkETag } from "../../src/store/_options.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptError, InvalidInputError } from "../../src/errors.ts";
import { conditionHeaders, infoFromHeaders, unquoteETag } from "../../src/s3/headers.ts";
import {
  completeBody,
  deleteAnswer,
  deleteBody,
  listAnswer,
  multipartETag,
} from "../../src/s3/messages.ts";
import { copySource, decodeListed, encodeKey, encodeUri } from "../../src/s3/uri.ts";
import { childrenOf, parseXml, textOf } from "../../src/s3/xml.ts";

Deno.test("encodeKey() leaves nothing reserved but the slash", () => {
  assert.equal(encodeKey("a b/c+d/!'()*~é😀"), "a%20b/c%2Bd/%21%27%28%29%2A~%C3%A9%F0%9F%98%80");
  assert.equal(copySource("state", "a+b"), "/state/a%2Bb");
});

Deno.test("encodeUri() and decodeListed() are inverse on any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.match(encodeUri(text), /^[A-Za-z0-9%._~-]*$/);
    assert.equal(decodeListed(encodeUri(text)), text);
    assert.equal(
      new URL(`http://h/${encodeUri(`x${text}`)}`).pathname,
      `/${encodeUri(`x${text}`)}`,
    );
  }));
});

Deno.test("decodeListed() reads a plus as a space, and refuses what is not encoded", () => {
  assert.equal(decodeListed("a+b%2Bc"), "a b+c");
  assert.throws(() => decodeListed("100%"), CorruptError);
});

Deno.test("unquoteETag() reads an ETag however it is quoted", () => {
  for (const etag of ['"abc-2"', "abc-2", 'W/"abc-2"', ' "abc-2" ']) {
    assert.equal(unquoteETag(etag), "abc-2");
  }
});

Deno.test("checkETag() refuses what would leave its header", () => {
  for (
    const etag of ["", 'a"', "a\r\nx-evil: 1", "a b", "x".repeat(1025), 1 as unknown as string]
  ) {
    assert.throws(() => checkETag(etag), InvalidInputError);
  }
});

Deno.test("conditionHeaders() makes headers of a precondition", () => {
  assert.deepEqual(conditionHeaders(), {});
  assert.deepEqual(conditionHeaders("create", "x-"), { "x-if-none-match": "*" });
  assert.deepEqual(conditionHeaders({ ifMatch: "e" }), { "if-match": '"e"' });
});

Deno.test("infoFromHeaders() tells of the whole object, for a range too", () => {
  const headers = {
    "content-length": "3",
    "content-range": "bytes 0-2/10",
    etag: '"e"',
    "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
  };
  const lastModified = new Date(Date.UTC(2026, 0, 1));
  const info = { key: "k", size: 10, etag: "e", lastModified };
  assert.deepEqual(infoFromHeaders("k", new Headers(headers)), info);
  for (const name of ["etag", "last-modified"]) {
    const fewer = new Headers(headers);
    fewer.delete(name);
    assert.throws(() => infoFromHeaders("k", fewer), CorruptError);
  }
});

Deno.test("listAnswer() decodes keys and prefixes, and finds the next page", () => {
  const answer = listAnswer(parseXml(
    `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>` +
      `<NextContinuationToken>t+1</NextContinuationToken>` +
      `<Contents><Key>a%2Bb+c</Key><Size>3</Size><ETag>&#34;e&#34;</ETag>` +
      `<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>` +
      `<CommonPrefixes><Prefix>d%2F</Prefix></CommonPrefixes></ListBucketResult>`,
  ));
  assert.deepEqual(answer, {
    objects: [{ key: "a+b c", size: 3, etag: "e", lastModified: new Date(Date.UTC(2026, 0, 1)) }],
    prefixes: ["d/"],
    next: "t+1",
  });
});

Deno.test("listAnswer() leaves keys alone where the server did not encode them", () => {
  const { prefixes } = listAnswer(parseXml(
    "<ListBucketResult><CommonPrefixes><Prefix>a+b%/</Prefix></CommonPrefixes></ListBucketResult>",
  ));
  assert.deepEqual(prefixes, ["a+b%/"]);
});

const BROKEN = {
  "another answer": "<Other/>",
  "no token for the next page":
    "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
  "an entry without a key": "<ListBucketResult><Contents/></ListBucketResult>",
  "a size that is none": "<ListBucketResult><Contents><Key>k</Key><Size>-1</Size><ETag>e</ETag>" +
    "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents></ListBucketResult>",
};

for (const [name, xml] of Object.entries(BROKEN)) {
  Deno.test(`listAnswer() refuses ${name}`, () => {
    assert.throws(() => listAnswer(parseXml(xml)), CorruptError);
  });
}

Deno.test("deleteBody() carries any key that XML can", () => {
  const keys = ["a<b>&\"'", "\u{1f600}", "]]>"];
  const root = parseXml(deleteBody(keys));
  assert.deepEqual(childrenOf(root, "Object").map((object) => textOf(object, "Key")), keys);
  assert.equal(textOf(root, "Quiet"), "true");
});

Deno.test("deleteAnswer() gives each failure", () => {
  const xml = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message>" +
    "</Error></DeleteResult>";
  assert.deepEqual(deleteAnswer(parseXml(xml)), [{
    key: "a",
    code: "AccessDenied",
    message: "no",
  }]);
});

Deno.test("completeBody() names the parts in order, their ETags quoted", () => {
  const root = parseXml(completeBody([{ number: 1, etag: "a" }, { number: 2, etag: "b" }]));
  assert.deepEqual(
    childrenOf(root, "Part").map((part) => [textOf(part, "PartNumber"), textOf(part, "ETag")]),
    [["1", '"a"'], ["2", '"b"']],
  );
});

Deno.test("multipartETag() is what S3 gives for the parts, or nothing", () => {
  // The digest of two empty parts' digests: printf 'd41d…d41d…' | xxd -r -p | md5sum
  const empty = "d41d8cd98f00b204e9800998ecf8427e";
  assert.equal(
    multipartETag([{ number: 1, etag: empty }, { number: 2, etag: empty }]),
    "5873dd45edd01f09c1ef2e7819369e8e-2",
  );
  assert.equal(multipartETag([{ number: 1, etag: "opaque" }]), undefined);
});
