import { PAGE_SIZE } from "./limits.ts";
import { checkWhole } from "./_options.ts";
import type { ListOptions, ListPage, ObjectInfo } from "./store.ts";

/** Checks what a listing asks for, and gives its limit. */
export function checkLimit({ limit = Infinity }: Pick<ListOptions, "limit">): number {
  if (limit !== Infinity) checkWhole({ limit }, 0);
  return limit;
}

/** The common prefix that a key is given as, where it has the delimiter after the prefix. */
export function commonPrefixOf(
  key: string,
  prefix: string,
  delimiter: string | undefined,
): string | undefined {
  if (delimiter === undefined) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

/** Collects entries into pages. */
export async function* paged(
  entries: AsyncIterable<ObjectInfo | string>,
  limit: number,
): AsyncGenerator<ListPage, void> {
  let page: ListPage = { objects: [], prefixes: [] };
  let given = 0;
  if (limit === 0) return;
  for await (const entry of entries) {
    if (typeof entry === "string") page.prefixes.push(entry);
    else page.objects.push(entry);
    given++;
    if (given >= limit) break;
    if (page.objects.length + page.prefixes.length === PAGE_SIZE) {
      yield page;
      page = { objects: [], prefixes: [] };
    }
  }
  if (page.objects.length + page.prefixes.length > 0) yield page;
}
