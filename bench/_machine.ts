import { arch, cpus, totalmem, type } from "node:os";

/** What a number was measured on: without it the number says little. */
export function machine(): string {
  const [first] = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}`,
    `Deno ${Deno.version.deno} (V8 ${Deno.version.v8})`,
    `${type()} ${arch()}`,
    `${cpus().length} × ${first?.model.trim() ?? "an unknown processor"}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
  ].join(", ");
}
