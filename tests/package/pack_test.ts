import { buildSync } from "esbuild";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { entries, manifest, ROOT } from "./manifest.ts";
import { installTarball, lockedVersions, npmProject, run, runOrThrow } from "./npm.ts";
import { OLDEST_PEERS } from "./peers.ts";
import { completePackageJson, pack, type PackageJson, specifiersIn } from "./pack.ts";

const work = await Deno.makeTempDir();
const tarball = await pack(`${work}/first`);
await runOrThrow("tar", ["-xzf", tarball], work);
const folder = `${work}/package`;
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
const read = (file: string) => readFileSync(join(folder, file), "utf8");
const packageJson: PackageJson = JSON.parse(read("package.json"));

Deno.test("the same sources give the same tarball", async () => {
  const again = await pack(`${work}/second`);
  assert(readFileSync(again).equals(readFileSync(tarball)), `${again} differs from ${tarball}`);
});

Deno.test("package.json says what deno.json says", () => {
  assert.equal(packageJson.name, manifest.name);
  assert.equal(packageJson.version, manifest.version);
  assert.equal(packageJson.license, manifest.license);
  assert.equal(packageJson.type, "module");
  assert.equal(packageJson.sideEffects, false);
  assert.deepEqual(Object.keys(packageJson.exports), Object.keys(manifest.exports));
});

Deno.test("each entry of the tarball has its module and its types, with the types first", () => {
  for (const [subpath, conditions] of Object.entries(packageJson.exports)) {
    assert.equal(Object.keys(conditions)[0], "types", subpath);
    for (const target of Object.values(conditions)) {
      assert(files.includes(target.slice(2)), `${subpath} names ${target}, which is not packed`);
    }
  }
});

Deno.test("the tarball holds modules, their types, and what a reader needs", () => {
  const pages = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"];
  const others = files.filter((file) => !/\.(js|d\.ts)$/.test(file));
  assert.deepEqual(others, pages);
  assert.deepEqual(
    files.filter((file) => /test|bench/.test(file) && !/^src\/testing\//.test(file)),
    [],
  );
});

Deno.test("nothing in the tarball names the folder it was made in", () => {
  const checkout = fileURLToPath(ROOT);
  assert.deepEqual(files.filter((file) => read(file).includes(checkout)), []);
});

Deno.test("each module of the tarball finds what it imports", () => {
  const known = Object.keys({ ...packageJson.dependencies, ...packageJson.peerDependencies });
  for (const file of files.filter((file) => /\.(js|d\.ts)$/.test(file))) {
    for (const specifier of specifiersIn(read(file))) {
      if (specifier.startsWith(".")) {
        const target = join(dirname(file), specifier);
        const types = target.replace(/\.js$/, ".d.ts");
        assert(files.includes(file.endsWith(".d.ts") ? types : target), `${file}: ${specifier}`);
      } else if (!specifier.startsWith("node:")) {
        const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];
        assert(known.includes(name), `${file} imports ${specifier}, which is no dependency`);
      }
    }
  }
});

/** The modules of the tarball that are loaded with some of its entries. */
function loadedWith(...entries: readonly string[]): Set<string> {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const specifier of specifiersIn(read(file))) {
      if (specifier.startsWith(".")) load(join(dirname(file), specifier));
    }
  };
  for (const entry of entries) load(packageJson.exports[entry]!.import!.slice(2));
  return loaded;
}

Deno.test("the core and ./edge load from three files: each takes its time at a cold start", () => {
  const loaded = loadedWith(".", "./edge");
  assert.deepEqual([...loaded].sort(), ["mod.js", "shared.js", "src/edge/mod.js"]);
});

Deno.test("what the entries share imports nothing: it is loaded with each of them", () => {
  assert.deepEqual(specifiersIn(read("shared.js")), []);
});

Deno.test("a bundle of one small thing holds next to nothing of what the entries share", () => {
  const { outputFiles } = buildSync({
    stdin: { contents: `export { uuid7 } from "./mod.js";`, resolveDir: folder },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  // A statement that a bundler cannot tell to be pure stays: such have a mark.
  const { length } = outputFiles[0]!.contents;
  assert(length > 500 && length < 1_280, `uuid7 alone takes ${length} bytes`);
});

Deno.test("what two entries share is one module: an error's class is the same to both", async () => {
  const core = await import(`${folder}/mod.js`);
  const { fileStore } = await import(`${folder}/src/store/file_store.js`);
  const store = fileStore(`${work}/objects`);
  await assert.rejects(store.head("gone"), core.NotFoundError);
});

Deno.test("every user installs aws4fetch alone, and the rest is for those who want it", () => {
  const { dependencies, peerDependencies = {}, peerDependenciesMeta } = packageJson;
  assert.deepEqual(dependencies, { aws4fetch: manifest.imports.aws4fetch!.split("@").at(-1) });
  const peers = Object.keys(peerDependencies);
  assert(peers.includes("@aws-sdk/client-s3"));
  assert(peers.includes("@langchain/core"));
  assert(peers.includes("@langchain/langgraph-checkpoint"));
  assert.deepEqual(peers.filter((name) => !/^@(aws-sdk|smithy|langchain)\//.test(name)), []);
  for (const name of peers) {
    const oldest = OLDEST_PEERS[name];
    const range = oldest ? `^${oldest}` : manifest.imports[name]!.split("@").at(-1);
    assert.equal(peerDependencies[name], range);
  }
  assert.deepEqual(Object.keys(OLDEST_PEERS).filter((name) => !peers.includes(name)), []);
  assert.deepEqual(
    peerDependenciesMeta,
    Object.fromEntries(peers.map((name) => [name, { optional: true }])),
  );
});

Deno.test("a dependency that nobody decided on is refused", () => {
  const packed = { ...packageJson, dependencies: { aws4fetch: "^1.0.0", "left-pad": "^1.0.0" } };
  assert.throws(() => completePackageJson(packed), /src imports left-pad/);
});

/** The entries that need nothing but what `npm install` brings. */
const LIGHT = entries.filter(({ subpath }) => subpath !== "./sdk" && subpath !== "./langgraph");

Deno.test("npm install in an empty folder brings aws4fetch, and the light entries load", async () => {
  const project = `${work}/empty`;
  await Deno.mkdir(project);
  await Deno.writeTextFile(`${project}/package.json`, `{"type":"module"}`);
  await installTarball(project, tarball);
  const installed = readdirSync(`${project}/node_modules`).filter((name) => !name.startsWith("."));
  assert.deepEqual(installed.sort(), ["@cairn", "aws4fetch"]);
  for (const { specifier } of LIGHT) {
    await runOrThrow(
      "node",
      ["--eval", `await import("${specifier}")`, "--input-type=module"],
      project,
    );
  }
  const { code, stderr } = await run(
    "node",
    ["--input-type=module", "--eval", `await import("${manifest.name}/sdk")`],
    project,
  );
  assert.notEqual(code, 0);
  assert.match(stderr, /Cannot find package '@aws-sdk\//);
});

Deno.test("publint finds nothing to say", async () => {
  const project = await npmProject("publint", { publint: "0.3.25" });
  const output = await runOrThrow("node", [
    `${project}/node_modules/publint/src/cli.js`,
    "--strict",
    folder,
  ], project);
  assert.match(output, /All good!/);
});

/** A program that uses a type of each entry; a wrong one would be an error. */
function consumerOf(list: typeof entries): string {
  return `
${list.map(({ specifier }, index) => `import * as entry${index} from "${specifier}";`).join("\n")}
export type Keys = [${list.map((_, index) => `keyof typeof entry${index}`).join(", ")}];
import { memoryStore, type ObjectStore } from "${manifest.name}";
export const store: ObjectStore = memoryStore();
// @ts-expect-error: a name is not a number, so the types are there.
export const wrong: number = store.name;
`;
}

/** A Worker by Cloudflare's own types, with its binding and its cache. */
const WORKER = `
import { S3Checkpointer, workersCache } from "${manifest.name}";
import { r2Store } from "${manifest.name}/r2";
export default {
  async fetch(request, env, context): Promise<Response> {
    const store = workersCache(r2Store(env.STATE), {
      cache: caches.default,
      baseUrl: new URL("/chunks", request.url).href,
      waitUntil: (work) => context.waitUntil(work),
    });
    const checkpointer = new S3Checkpointer<{ visits: number }>(store);
    return Response.json(await checkpointer.load("t", { signal: request.signal }) ?? null);
  },
} satisfies ExportedHandler<{ STATE: R2Bucket }>;
`;

const COMPILERS = { "TypeScript 5.9": "5.9.3", "TypeScript 7": "7.0.2" };

/** Ways in which users set their compiler up. */
const SETTINGS: Readonly<
  Record<string, { list: typeof entries; options: object; more?: string }>
> = {
  "every entry, nodenext": {
    list: entries,
    options: { module: "nodenext", moduleResolution: "nodenext", types: ["node"] },
  },
  "every entry, bundler": {
    list: entries,
    options: { module: "esnext", moduleResolution: "bundler", types: ["node"] },
  },
  "light entries, nodenext, declarations checked": {
    list: LIGHT,
    options: {
      module: "nodenext",
      moduleResolution: "nodenext",
      types: ["node"],
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
    },
  },
  "light entries, bundler, in a browser, declarations checked": {
    list: LIGHT,
    options: {
      module: "esnext",
      moduleResolution: "bundler",
      types: [],
      lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"],
      skipLibCheck: false,
    },
  },
  "light entries, bundler, in a Worker by Cloudflare's types, declarations checked": {
    list: LIGHT,
    options: {
      module: "esnext",
      moduleResolution: "bundler",
      types: ["@cloudflare/workers-types"],
      skipLibCheck: false,
    },
    more: WORKER,
  },
};

for (const [compiler, typescript] of Object.entries(COMPILERS)) {
  Deno.test(`the types resolve in ${compiler}`, async (t) => {
    const project = await npmProject(`types-${typescript}`, {
      ...lockedVersions(Object.keys(packageJson.peerDependencies!)),
      "@cloudflare/workers-types": "5.20261117.1",
      "@types/node": "20.19.0",
      typescript,
    });
    await installTarball(project, tarball);
    for (
      const [index, [name, { list, options, more = "" }]] of Object.entries(SETTINGS).entries()
    ) {
      await t.step(name, async () => {
        const base = { target: "es2022", lib: ["es2022"], strict: true, noEmit: true };
        const compilerOptions = { ...base, skipLibCheck: true, ...options };
        const files = [`consumer_${index}.ts`];
        const config = `tsconfig.${index}.json`;
        await Deno.writeTextFile(`${project}/${files[0]}`, consumerOf(list) + more);
        await Deno.writeTextFile(
          `${project}/${config}`,
          JSON.stringify({ compilerOptions, files }),
        );
        const args = ["node_modules/typescript/bin/tsc", "--project", config, "--pretty", "false"];
        const { code, stdout } = await run("node", args, project);
        // Errors in the declarations of other packages are not ours to mend.
        const foreign = /^node_modules\/(?!@cairn\/)|^ /;
        assert.deepEqual(
          stdout.split("\n").filter((line) => line !== "" && !foreign.test(line)),
          [],
        );
        assert(code === 0 || list === LIGHT, stdout);
      });
    }
  });
}

globalThis.addEventListener("unload", () => Deno.removeSync(work, { recursive: true }));
