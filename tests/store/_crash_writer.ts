/** Writes, creates, copies and deletes until it is killed: `deno run _crash_writer.ts <directory>`. */
import { fileStore } from "@cairn/checkpoint/file";
import { streamOf } from "../../src/store/body.ts";

const store = fileStore(Deno.args[0]!);
const pick = (most: number) => Math.floor(Math.random() * most);

/** Bytes that tell whether they are whole: their length, then a run of one value. */
function whole(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + pick(200_000)).fill(pick(256));
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  return bytes;
}

async function write(): Promise<void> {
  const key = `dir-${pick(3)}/${pick(4)}/key-${pick(5)}`;
  switch (pick(5)) {
    case 0:
      return await store.delete([key]);
    case 1:
      return void await store.copy(`dir-${pick(3)}/${pick(4)}/key-${pick(5)}`, key);
    case 2:
      return void await store.put(key, whole(), { precondition: "create" });
    case 3: {
      const bytes = whole();
      const half = bytes.length >> 1;
      return void await store.put(key, streamOf(bytes.subarray(0, half), bytes.subarray(half)));
    }
    default:
      return void await store.put(key, whole());
  }
}

const expected = ["NotFoundError", "PreconditionFailedError"];
console.log("ready");
for (;;) {
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, write));
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled" || expected.includes(outcome.reason.name)) continue;
    console.error(outcome.reason);
    Deno.exit(1);
  }
}
