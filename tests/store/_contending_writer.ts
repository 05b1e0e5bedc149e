/**
 * Creates, writes and deletes in folders that others work in, and tells what it
 * does, until it is killed: `deno run _contending_writer.ts <directory> <round> <name>`.
 * A line says what is about to be done; a second one, with the same number, that it was.
 */
import { getBytes } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { writeSync } from "node:fs";

const [directory, round, name] = Deno.args as [string, string, string];
const store = fileStore(directory);
const pick = (most: number) => Math.floor(Math.random() * most);
// Folders of few keys, which come and go with them.
const keyOf = () => `f${pick(3)}/${"g/".repeat(pick(3))}k${pick(2)}`;
const tell = (...line: unknown[]) =>
  writeSync(1, new TextEncoder().encode(`${JSON.stringify(line)}\n`));
const expected = ["NotFoundError", "PreconditionFailedError"];

let count = 0;
let races = 0;

/** What tells who has written it: its number, and some weight. */
const bodyOf = (text: string) => new TextEncoder().encode(`${text} `.padEnd(20 + pick(300), "."));

const work: Record<string, (number: number) => Promise<unknown>> = {
  async put(number) {
    const key = keyOf();
    tell(number, "put", key, `${name}${number}`);
    const { etag } = await store.put(key, bodyOf(`${name}${number}`));
    tell(number, "done", etag);
  },
  async create(number) {
    const key = keyOf();
    tell(number, "create", key, `${name}${number}`);
    const options = { precondition: "create" } as const;
    const { etag } = await store.put(key, bodyOf(`${name}${number}`), options);
    tell(number, "done", etag);
  },
  /** All processes create the same keys in the same new folders; nobody deletes them. */
  async race(number) {
    const race = ++races;
    const key = `race/${round}-${race >> 2}/${race}`;
    tell(number, "create", key, `${name}${number}`);
    const options = { precondition: "create" } as const;
    const { etag } = await store.put(key, bodyOf(`${name}${number}`), options);
    tell(number, "done", etag);
  },
  async delete(number) {
    const keys = Array.from({ length: 1 + pick(4) }, keyOf);
    tell(number, "delete", ...keys);
    await store.delete(keys);
    tell(number, "done");
  },
  async get(number) {
    const key = keyOf();
    const { info, bytes } = await getBytes(store, key);
    tell(number, "read", key, new TextDecoder().decode(bytes), info.etag);
  },
  async list() {
    // What nobody ever deletes or moves is in every listing, once.
    const listed: string[] = [];
    for await (const page of store.list({ prefix: "f1/" })) {
      listed.push(...page.objects.map(({ key }) => key));
    }
    if (listed.filter((key) => key === "f1/g/stays").length !== 1) {
      throw new Error(`The listing lacks what stays: ${listed}`);
    }
    if (listed.some((key, at) => at > 0 && key <= listed[at - 1]!)) {
      throw new Error(`The listing is not in order: ${listed}`);
    }
    for await (const page of store.list({ delimiter: "/" })) {
      for (const prefix of page.prefixes) {
        if (!/^(f\d|race)\/$/.test(prefix)) throw new Error(`What is ${prefix}?`);
      }
      if (page.objects.length > 0) throw new Error(`What is ${page.objects[0]!.key}?`);
    }
  },
};
const kinds = ["put", "create", "create", "race", "delete", "delete", "get", "get", "list"];

tell("ready");
async function go(): Promise<never> {
  for (;;) {
    const number = ++count;
    try {
      await work[kinds[pick(kinds.length)]!]!(number);
    } catch (error) {
      if (!expected.includes((error as Error).name)) {
        tell(number, "error", `${(error as Error).stack} ${(error as Error).cause ?? ""}`);
        Deno.exit(1);
      }
      tell(number, "refused");
    }
  }
}
await Promise.all([go(), go(), go(), go()]);
