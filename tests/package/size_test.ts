import assert from "node:assert/strict";
import {
  type BundleSize,
  bundleSizes,
  EDGE_BUDGET,
  EDGE_BUNDLE,
  partOf,
  partSizes,
  sizeFaults,
  sizeTable,
} from "./size.ts";

// The bundler is a process of its own, ended at the end of the run.
Deno.test("the edge bundle keeps its budget and needs nothing of Node", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const sizes = await bundleSizes();
  console.log(sizeTable(sizes));
  assert.deepEqual(sizeFaults(sizes), []);

  // The table of its parts leaves nothing out.
  const edge = sizes.find(({ name }) => name === EDGE_BUNDLE)!;
  const unknown = [...edge.modules].filter(([path, bytes]) => bytes > 0 && !partOf(path));
  assert.deepEqual(unknown, []);
  const parts = [...partSizes(edge).values()];
  assert(parts.every((bytes) => bytes > 0), `${parts}`);
  assert.equal(parts.reduce((sum, bytes) => sum + bytes), edge.gzip);
});

const light: BundleSize = {
  name: EDGE_BUNDLE,
  raw: 1,
  gzip: EDGE_BUDGET,
  builtins: [],
  modules: new Map(),
  code: new Uint8Array(),
};

Deno.test("a bundle over the budget is a fault", () => {
  assert.deepEqual(sizeFaults([light]), []);
  const [fault] = sizeFaults([{ ...light, gzip: EDGE_BUDGET + 1 }]);
  assert(fault!.includes(`${EDGE_BUDGET + 1} bytes gzipped; its budget is ${EDGE_BUDGET}`), fault);
});

Deno.test("a builtin of Node in a bundle for the browser is a fault", () => {
  const [fault] = sizeFaults([light, { ...light, name: "./r2", builtins: ["node:fs"] }]);
  assert.match(fault!, /"\.\/r2" needs node:fs/);
});

Deno.test("a missing edge bundle is a fault", () => {
  assert.equal(sizeFaults([]).length, 1);
});
