/** What an entry reaches by static imports, types included. */

import { denoJson, ROOT } from "./manifest.ts";

interface InfoModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string; readonly error?: string };
    readonly type?: { readonly specifier?: string; readonly error?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** One import of a module of ours. */
export interface Import {
  /** The importing module, relative to the checkout, such as `src/edge/mod.ts`. */
  readonly from: string;
  /** What it says, such as `../errors.ts` or `aws4fetch`. */
  readonly specifier: string;
  /** A module of ours, relative to the checkout, where it is one. */
  readonly module: string | undefined;
  /** The npm package, where it is one. */
  readonly npm: string | undefined;
  /** The builtin of Node, such as `node:fs`, where it is one. */
  readonly node: string | undefined;
  /** Whether it is an `import()`, which only loads where it is reached. */
  readonly dynamic: boolean;
}

/** Every import of every module of ours that an entry reaches. */
export async function importsOf(entry: URL): Promise<Import[]> {
  const { modules } = await denoJson<{ modules: InfoModule[] }>(["info", "--json", entry.href]);
  const imports: Import[] = [];
  for (const module of modules) {
    if (module.error !== undefined) throw new Error(`${module.specifier}: ${module.error}`);
    if (!module.specifier.startsWith(ROOT.href)) continue;
    const from = module.specifier.slice(ROOT.href.length);
    for (const dependency of module.dependencies ?? []) {
      const target = dependency.code ?? dependency.type;
      const resolved = target?.specifier;
      if (resolved === undefined) {
        throw new Error(`${from} imports "${dependency.specifier}": ${target?.error}`);
      }
      imports.push({
        from,
        specifier: dependency.specifier,
        module: resolved.startsWith(ROOT.href) ? resolved.slice(ROOT.href.length) : undefined,
        npm: npmName(resolved),
        node: resolved.startsWith("node:") ? resolved : undefined,
        dynamic: dependency.isDynamic ?? false,
      });
    }
  }
  return imports;
}

/** `npm:/@scope/name@1.2.3/sub` is `@scope/name`. */
function npmName(specifier: string): string | undefined {
  return /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(specifier)?.[1];
}
