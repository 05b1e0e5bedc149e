import {
  aesGcm,
  getBytes,
  localKeys,
  type ObjectStore,
  prefixed,
  rewrap,
  threadKeys,
} from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { encryptionOf, keyOf, keysUpTo } from "../frame/_keys.ts";
import { all, at, checkpoint, metadata, type Site, siteOn, valuesOf, writesOf } from "./_case.ts";
import { comparePlays } from "./_play.ts";

const stores: Record<string, () => ObjectStore> = {
  edgeStore: () => edgeStore(serverOptions()),
  sdkStore: () => sdkStore(serverOptions()),
};
const SECRET = "the cairn stands on the north ridge";
const VALUES = { note: SECRET, large: `${SECRET} `.repeat(5_000) };
const VERSIONS = { note: 1, large: 1 };

async function fill({ start }: Site, thread: string): Promise<void> {
  const saver = start();
  await saver.put(at(thread), checkpoint("c1", VALUES, VERSIONS), metadata(), VERSIONS);
  await saver.putWrites(at(thread, "c1"), [["note", SECRET]], "task");
}

async function clear({ store, prefix, keys }: Site): Promise<void> {
  await store.delete((await keys()).map((key) => prefix + key));
}

for (const [name, open] of Object.entries(stores)) {
  Deno.test(`S3Saver on ${name} keeps a thread encrypted: written, read, copied and wrapped anew by processes of their own`, async () => {
    const site = siteOn(open(), () => ({ encryption: encryptionOf() }));
    await fill(site, "né/1");
    for (const key of await site.keys()) {
      const { bytes } = await getBytes(site.store, site.prefix + key);
      assert(!new TextDecoder("latin1").decode(bytes).includes("north ridge"), key);
    }
    await site.start().copyThread("né/1", "copy");
    for (const thread of ["né/1", "copy"]) {
      assert.deepEqual(await valuesOf(site.start(), at(thread)), VALUES);
      assert.deepEqual(await writesOf(site.start(), at(thread)), [["note", SECRET]]);
    }
    const { rewrapped } = await rewrap(site.store, { keys: keysUpTo(2), prefix: site.prefix });
    assert.equal(rewrapped, (await site.keys()).length);
    const after = localKeys({ current: "2", keys: { "2": keyOf(2) } });
    const reader = site.start({ encryption: aesGcm({ keys: after }) });
    assert.equal((await all(reader.list({ configurable: {} }))).length, 2);
    assert.deepEqual(await valuesOf(reader, at("copy")), VALUES);
    await clear(site);
  });

  Deno.test(`S3Saver on ${name} refuses a record that somebody copied from another thread`, async () => {
    const site = siteOn(open(), () => ({ encryption: encryptionOf() }));
    await fill(site, "a");
    await fill(site, "b");
    const record = (thread: string) => `${site.prefix}${thread}/n/~/9cce~/c`;
    await site.store.copy(record("a"), record("b"));
    const read = site.start().getTuple(at("b"));
    await assert.rejects(read, { name: "CorruptError", key: record("b") });
    assert.deepEqual(await valuesOf(site.start(), at("a")), VALUES);
    await clear(site);
  });

  Deno.test(`S3Saver on ${name} reads nothing of a thread whose key was forgotten`, async () => {
    const bucket = open();
    const keyStore = prefixed(bucket, `keys/${crypto.randomUUID()}/`);
    const keys = () => threadKeys({ provider: keysUpTo(1), store: keyStore });
    const site = siteOn(bucket, () => ({ encryption: aesGcm({ keys: keys() }) }));
    await Promise.all(["a", "b"].map((thread) => fill(site, thread)));
    await keys().forget("a");
    await assert.rejects(site.start().getTuple(at("a")), {
      name: "AccessError",
      code: "KeyErased",
    });
    assert.deepEqual(await valuesOf(site.start(), at("b")), VALUES);
    await keys().forget("b");
    await clear(site);
  });

  Deno.test(`A graph runs, resumes, forks and copies encrypted on ${name} as on MemorySaver`, async () => {
    const site = siteOn(open(), () => ({ encryption: encryptionOf() }));
    await comparePlays(() => site.start(), "async");
    await clear(site);
  });
}
