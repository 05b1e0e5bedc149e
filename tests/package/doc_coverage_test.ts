import assert from "node:assert/strict";
import { denoJson, entries } from "./manifest.ts";

interface Declaration {
  readonly kind: string;
  readonly declarationKind: string;
  readonly location: { readonly filename: string; readonly line: number };
  readonly jsDoc?: {
    readonly doc?: string;
    readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
  };
}

interface DocOutput {
  readonly nodes: Readonly<
    Record<string, {
      readonly symbols: readonly {
        readonly name: string;
        readonly declarations: readonly Declaration[];
      }[];
    }>
  >;
}

const { nodes } = await denoJson<DocOutput>([
  "doc",
  "--json",
  ...entries.map(({ url }) => url.href),
]);

/** Classes and functions of every entry, each once, though several entries may export it. */
const symbols = new Map<string, readonly Declaration[]>();
for (const { symbols: list } of Object.values(nodes)) {
  for (const { name, declarations } of list) {
    const shown = declarations.filter(({ kind, declarationKind }) =>
      declarationKind === "export" && (kind === "class" || kind === "function")
    );
    if (shown.length > 0) symbols.set(`${shown[0]!.location.filename}: ${name}`, shown);
  }
}

function examplesOf(declarations: readonly Declaration[]): string[] {
  const tags = declarations.flatMap(({ jsDoc }) => jsDoc?.tags ?? []);
  return tags.filter(({ kind }) => kind === "example").map(({ doc }) => doc ?? "");
}

Deno.test("every public class and function has an example", () => {
  assert(symbols.size > 0);
  const bare = [...symbols].filter(([, declarations]) => examplesOf(declarations).length === 0);
  assert.deepEqual(bare.map(([name]) => name), []);
});

Deno.test("every example of a public class or function asserts something", () => {
  const silent = [...symbols].filter(([, declarations]) =>
    examplesOf(declarations).some((example) => !/\bassert\b/.test(example))
  );
  assert.deepEqual(silent.map(([name]) => name), []);
});
