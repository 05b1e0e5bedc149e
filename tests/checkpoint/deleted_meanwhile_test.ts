import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";

interface State {
  readonly step: number;
  readonly document: string;
}

const document = "A stone upon another. ".repeat(20_000);

Deno.test("S3Checkpointer.save() sends a large value again where another process deleted the thread", async () => {
  const store = memoryStore();
  const here = new S3Checkpointer<State>(store);
  const elsewhere = new S3Checkpointer<State>(store);
  await here.save("t", { step: 1, document });
  await elsewhere.delete("t");
  const { id } = await here.save("t", { step: 2, document });
  assert.deepEqual((await elsewhere.load("t", { id }))?.state, { step: 2, document });
});

Deno.test("S3Checkpointer.save() sends a large value again where another process deleted its parent and swept", async () => {
  const store = memoryStore();
  const here = new S3Checkpointer<State>(store);
  const { id: parent } = await here.save("t", { step: 1, document });
  const keys = [];
  for await (const page of store.list()) keys.push(...page.objects.map(({ key }) => key));
  await store.delete(keys);
  await here.save("t", { step: 2, document }, { parent });
  const latest = await new S3Checkpointer<State>(store).load("t");
  assert.equal(latest?.state.document, document);
});

Deno.test("S3Checkpointer.save() asks once whether its parent is there, and only where it has chunks", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer<State>(store);
  await checkpointer.save("small", { step: 1, document: "" });
  await checkpointer.save("small", { step: 2, document: "" });
  assert.equal(store.counts.head, 0);
  await checkpointer.save("large", { step: 1, document });
  const { put } = store.counts;
  await checkpointer.save("large", { step: 2, document });
  assert.equal(store.counts.head, 1);
  assert.equal(store.counts.put, put + 1);
});
