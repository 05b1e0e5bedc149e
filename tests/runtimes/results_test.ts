import assert from "node:assert/strict";
import { faultsOf, rowsOf, type RuntimeResult, tableOf } from "./results.ts";
import type { Runtime } from "./runtimes.ts";

const runtime: Runtime = {
  name: "node",
  suites: { conformance: ["memory"], langgraph: ["memory"] },
  start: () => Promise.reject(new Error("It is not started here")),
};

const whole: RuntimeResult = {
  runtime: "node",
  version: "1.0.0",
  resolved: "file:///project/node_modules/@cairn/checkpoint/mod.js",
  done: true,
  cases: [
    { suite: "conformance", store: "memory", name: "puts" },
    { suite: "langgraph", store: "memory", name: "resumes" },
  ],
  output: "",
};

Deno.test("a runtime that ran everything has no fault", () => {
  assert.deepEqual(faultsOf(runtime, whole), []);
});

Deno.test("a suite with no case is a fault, and a row of nothing", () => {
  const result = { ...whole, cases: whole.cases.slice(0, 1) };
  assert.deepEqual(faultsOf(runtime, result), ["node ran no case of langgraph on memory"]);
  assert.deepEqual(rowsOf(runtime, result).map(({ passed, failed }) => [passed, failed]), [
    [1, 0],
    [0, 0],
  ]);
});

Deno.test("a case that failed is a fault with its error", () => {
  const result = { ...whole, cases: [{ ...whole.cases[0]!, error: "Error: no" }, whole.cases[1]!] };
  assert.deepEqual(faultsOf(runtime, result), [
    "node, conformance on memory: puts\nError: no",
  ]);
  assert.match(tableOf(rowsOf(runtime, result)), /\| conformance \| memory \| 0 \| 1 \|/);
});

Deno.test("a program that did not come to its end is a fault with what it printed", () => {
  const [fault] = faultsOf(runtime, { ...whole, done: false, output: "Segmentation fault" });
  assert.match(fault!, /did not come to its end:\nSegmentation fault/);
});

Deno.test("a runtime that ran another package than the installed one is a fault", () => {
  const [fault] = faultsOf(runtime, { ...whole, resolved: "file:///checkout/mod.ts" });
  assert.match(fault!, /did not test the installed package but file:\/\/\/checkout\/mod\.ts/);
});
