import { CairnError, CorruptError, NotFoundError, UnsupportedError } from "../errors.ts";
import type { BucketApi } from "../s3/api.ts";
import { parseXml, renderXml, type XmlElement } from "../s3/xml.ts";
import type { CallOptions } from "../store/store.ts";
import { canonical, element } from "./_documents.ts";
import type { AnySection, SectionState } from "./_section.ts";
import { requireSection } from "./_support.ts";

/** An attribute other than a namespace: S3's configuration has none, and it would be lost. */
const ATTRIBUTE = /<[^>!?]*\s(?!xmlns[\s=:])[\w.:-]+\s*=/;

/** Reads a section as it is now. */
export async function readState(
  section: AnySection,
  api: BucketApi,
  options: CallOptions,
): Promise<SectionState> {
  requireSection(section.name, api.dialect, api.bucket);
  if (section.read) return await section.read(api, options);
  const { query, operations: { read: operation }, headers = [] } = section;
  const request = { method: "GET", query: { [query]: "" }, operation } as const;
  try {
    const answer = await api.request(request, options);
    const found = headers.map((name) => [name, answer.headers.get(name)] as const);
    return {
      xml: answer.text.trim() === ""
        ? null
        : renderXml(checkedDocument(answer.text, [section.root], operation)),
      headers: Object.fromEntries(found.filter(([, value]) => value !== null)) as Record<
        string,
        string
      >,
    };
  } catch (error) {
    const isAbsent = error instanceof NotFoundError && error.code === section.absent;
    if (!isAbsent) throw error;
    return { xml: null, headers: {} };
  }
}

/** Writes a section: its document and headers, or nothing at all. */
export async function writeState(
  section: AnySection,
  api: BucketApi,
  before: SectionState,
  after: SectionState,
  options: CallOptions,
): Promise<void> {
  requireSection(section.name, api.dialect, api.bucket);
  if (section.write) return await section.write(api, before, after, options);
  const { operations: { write, remove }, root, headers = [], writeHeaders } = section;
  const query = { [section.query]: "" };
  if (after.xml === null && remove !== undefined) {
    await api.request({ method: "DELETE", query, operation: remove }, options);
    return;
  }
  const kept = Object.fromEntries(
    Object.entries(after.headers).filter(([name]) => headers.includes(name)),
  );
  await api.request({
    method: "PUT",
    query,
    headers: { ...kept, ...writeHeaders },
    body: after.xml ?? renderXml(element(root, [])),
    operation: write,
  }, options);
}

/** The document of a state; `undefined` where it has none. */
export function documentOf(state: SectionState): XmlElement | undefined {
  return state.xml === null ? undefined : parseXml(state.xml);
}

/** Whether two states say the same, whatever their layout; an empty document says nothing. */
export function sameState(a: SectionState, b: SectionState): boolean {
  return said(a) === said(b);
}

function said(state: SectionState): string {
  const document = documentOf(state);
  const content = document?.children.map(canonical).sort() ?? [];
  return content.length === 0
    ? ""
    : JSON.stringify([content, Object.entries(state.headers).sort()]);
}

/**
 * The document of an answer, which can be written back as it is.
 *
 * @throws {UnsupportedError} where it is another: the server does not know the operation.
 * @throws {CorruptError} where there is more in it than would be written back.
 */
export function checkedDocument(
  text: string,
  roots: readonly string[],
  operation: string,
): XmlElement {
  const document = parseXml(text);
  if (!roots.includes(document.name)) {
    // A server that does not know the query answers as if there were none: with a LIST.
    throw new UnsupportedError(
      `The server answers ${operation} with <${document.name}>, not with <${roots[0]}>: ` +
        "it does not know the operation",
    );
  }
  if (ATTRIBUTE.test(text)) {
    throw new CorruptError(
      `The server's <${document.name}> has attributes that could not be kept: it is left alone`,
    );
  }
  return document;
}

/** The same error, with more to say. */
export function explained(error: CairnError, message: string): CairnError {
  const Same = error.constructor as new (message: string, options: object) => CairnError;
  return new Same(message, { ...error, cause: error });
}
