import {
  aesGcm,
  type CheckpointLinks,
  checkpointLinks,
  CorruptError,
  expireAfter,
  InvalidInputError,
  linkStore,
  localKeys,
  memoryStore,
  NotFoundError,
  objectLink,
  type ObjectStore,
  S3Checkpointer,
  UnsupportedError,
  uploadLinks,
} from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import assert from "node:assert/strict";
import { getBytes } from "../../src/store/body.ts";

/** A state with small values, a large one in chunks, and bytes beside them. */
const STATE = {
  step: 3,
  messages: Array.from({ length: 3_000 }, (_, at) => `stone number ${at}`),
  picture: crypto.getRandomValues(new Uint8Array(50_000)),
};

/** A bucket in memory that makes links, and a `fetch` that follows them. */
function bucket() {
  const store = memoryStore();
  const linked: ObjectStore = {
    ...store,
    // deno-lint-ignore require-await
    async presign(key, { method, expiresIn, send }) {
      if (expiresIn > 604_800) throw new InvalidInputError("seven days");
      if (send) send["x-signed"] = method;
      return `https://bucket.example/${encodeURIComponent(key)}?for=${method}`;
    },
  };
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(`${input}`);
    const key = decodeURIComponent(url.pathname.slice(1));
    const method = init?.method ?? "GET";
    asked.push(`${method} ${key}`);
    const signed = new Headers(init?.headers).get("x-signed");
    if (url.searchParams.get("for") !== method || signed !== method) {
      return new Response("", { status: 403 });
    }
    if (method === "PUT") {
      const { etag } = await store.put(key, init!.body as Uint8Array);
      return new Response("", { headers: { etag: `"${etag}"` } });
    }
    try {
      const { bytes, info } = await getBytes(store, key);
      return new Response(bytes, { headers: { etag: `"${info.etag}"` } });
    } catch {
      return new Response("", { status: 404 });
    }
  };
  return { store: linked, fetch, asked };
}

/** As it comes over the wire. */
function sent(links: CheckpointLinks | undefined): CheckpointLinks {
  return JSON.parse(JSON.stringify(links));
}

Deno.test("checkpointLinks() gives what a checkpoint needs, and nothing of any other", async () => {
  const { store, fetch, asked } = bucket();
  const checkpointer = new S3Checkpointer<typeof STATE>(store, { prefix: "agents" });
  await checkpointer.save("t", { ...STATE, picture: new Uint8Array(60_000) });
  const { id } = await checkpointer.save("t", STATE);
  await checkpointer.save("u", { ...STATE, step: 9 });
  const links = sent(await checkpointLinks(checkpointer, "t", { expiresIn: 60 }));
  assert.deepEqual([links.thread, links.namespace, links.id, links.prefix], [
    "t",
    "",
    id,
    "agents/",
  ]);
  assert(links.links.every(({ key }) => key.startsWith("agents/t/")));

  const guest = new S3Checkpointer<typeof STATE>(linkStore(links, { fetch }), {
    prefix: links.prefix,
  });
  assert.deepEqual((await guest.load("t"))?.state, STATE);
  assert.deepEqual((await guest.load("t", { id }))?.state, STATE);
  assert.deepEqual(new Set(asked), new Set(links.links.map(({ key }) => `GET ${key}`)));
  assert.equal(await guest.load("u"), undefined);
  const ids: string[] = [];
  for await (const each of guest.list({ thread: "t" })) ids.push(each.id);
  assert.deepEqual(ids, [id]);
  await assert.rejects(guest.save("t", STATE), UnsupportedError);
  await assert.rejects(guest.delete("t"), UnsupportedError);
});

Deno.test("checkpointLinks() gives an older checkpoint by its id, in its namespace", async () => {
  const { store, fetch } = bucket();
  const checkpointer = new S3Checkpointer(store);
  const namespace = "sub|graph";
  const { id } = await checkpointer.save("a/b", { step: 1 }, { namespace });
  await checkpointer.save("a/b", { step: 2 }, { namespace });
  const links = await checkpointLinks(checkpointer, "a/b", { namespace, id, expiresIn: 60 });
  const guest = new S3Checkpointer(linkStore(sent(links), { fetch }));
  assert.deepEqual((await guest.load("a/b", { namespace }))?.state, { step: 1 });
});

Deno.test("checkpointLinks() gives nothing where there is nothing, and of what is over", async () => {
  const { store } = bucket();
  let now = Date.UTC(2026, 0, 1);
  const ttl = expireAfter({ days: 10 });
  const checkpointer = new S3Checkpointer(store, { ttl }, { now: () => now });
  const { id } = await checkpointer.save("t", {});
  assert(await checkpointLinks(checkpointer, "t", { expiresIn: 60 }));
  assert.equal(await checkpointLinks(checkpointer, "u", { expiresIn: 60 }), undefined);
  assert.equal(await checkpointLinks(checkpointer, "t", { id: "x", expiresIn: 60 }), undefined);
  now += 11 * 86_400_000;
  assert.equal(await checkpointLinks(checkpointer, "t", { expiresIn: 60 }), undefined);
  assert.equal(await checkpointLinks(checkpointer, "t", { id, expiresIn: 60 }), undefined);
});

Deno.test("checkpointLinks() says which chunk is gone, before anybody waits for it", async () => {
  const { store } = bucket();
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", STATE);
  const chunks: string[] = [];
  for await (const { objects } of store.list({ prefix: "cairn/t/v/" })) {
    chunks.push(...objects.map(({ key }) => key));
  }
  await store.delete([chunks[0]!]);
  await assert.rejects(checkpointLinks(checkpointer, "t", { expiresIn: 60 }), (error) => {
    assert(error instanceof CorruptError);
    assert.equal(error.key, chunks[0]);
    return true;
  });
});

Deno.test("checkpointLinks() leads to what is encrypted, which only its key opens", async () => {
  const { store, fetch } = bucket();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const encryption = () => aesGcm({ keys: localKeys({ current: "k1", keys: { k1: key } }) });
  const checkpointer = new S3Checkpointer(store, { encryption: encryption() });
  await checkpointer.save("t", STATE);
  const links = sent(await checkpointLinks(checkpointer, "t", { expiresIn: 60 }));
  const guest = new S3Checkpointer(linkStore(links, { fetch }), { encryption: encryption() });
  assert.deepEqual((await guest.load("t"))?.state, STATE);
  await assert.rejects(new S3Checkpointer(linkStore(links, { fetch })).load("t"));
});

Deno.test("checkpointLinks() of a saver's checkpoint have its pending writes", async () => {
  const { store, fetch } = bucket();
  const saver = new S3Saver({ store });
  const config = { configurable: { thread_id: "t", checkpoint_ns: "" } };
  const checkpoint = {
    v: 4,
    id: "1ef4f797-8335-6428-8001-8a1503f9b875",
    ts: "2026-01-01T00:00:00.000Z",
    channel_values: { messages: STATE.messages },
    channel_versions: { messages: 1 },
    versions_seen: {},
  };
  const saved = await saver.put(config, checkpoint, { source: "loop", step: 1, parents: {} }, {
    messages: 1,
  });
  await saver.putWrites(saved, [["messages", "x".repeat(40_000)]], "task");
  const links = sent(await checkpointLinks(saver, "t", { expiresIn: 60 }));
  const guest = new S3Saver({ store: linkStore(links, { fetch }) });
  const expected = await saver.getTuple(config);
  assert.deepEqual(await guest.getTuple(config), expected);
  assert.equal(expected?.pendingWrites?.length, 1);
});

Deno.test("uploadLinks() lets one checkpoint be saved, and no other", async () => {
  const { store, fetch } = bucket();
  const checkpointer = new S3Checkpointer<typeof STATE>(store);
  const given = sent(await uploadLinks(checkpointer, "t", { expiresIn: 60 }));
  const options = { prefix: given.prefix, inlineLimit: 2 ** 24 };
  const guest = new S3Checkpointer<typeof STATE>(linkStore(given, { fetch }), options);
  await guest.save("t", STATE, { id: given.id, parent: null });
  const found = await checkpointer.load("t");
  assert.deepEqual([found?.id, found?.state], [given.id, STATE]);
  await assert.rejects(guest.save("t", STATE, { parent: null }), UnsupportedError);
  await assert.rejects(guest.save("u", STATE, { id: given.id, parent: null }), UnsupportedError);
  const small = new S3Checkpointer(linkStore(given, { fetch }), { prefix: given.prefix });
  await assert.rejects(small.save("t", STATE, { id: given.id, parent: null }), UnsupportedError);
});

Deno.test("objectLink() leads to one object, and from one that is there", async () => {
  const { store, fetch } = bucket();
  await store.put("notes/a b.txt", new TextEncoder().encode("a stone"));
  const link = await objectLink(store, "notes/a b.txt", { expiresIn: 60 });
  assert.equal(link.size, 7);
  assert(Math.abs(Date.parse(link.expires) - Date.now() - 60_000) < 30_000);
  const { bytes } = await getBytes(linkStore({ links: [link] }, { fetch }), "notes/a b.txt");
  assert.equal(new TextDecoder().decode(bytes), "a stone");
  await assert.rejects(objectLink(store, "notes/c", { expiresIn: 60 }), NotFoundError);
  const upload = await objectLink(store, "notes/c", { method: "PUT", expiresIn: 60 });
  await linkStore({ links: [upload] }, { fetch }).put("notes/c", new Uint8Array(3));
  assert.equal((await store.head("notes/c")).size, 3);
});

Deno.test("links carry a customer's key only where that is said", async () => {
  const { store } = bucket();
  const name = "x-amz-server-side-encryption-customer-key";
  const secret: ObjectStore = {
    ...store,
    presign: (key, options) => {
      Object.assign(options.send!, { [name]: "the key" });
      return store.presign(key, options);
    },
  };
  const checkpointer = new S3Checkpointer(secret);
  await checkpointer.save("t", {});
  const options = { expiresIn: 60 };
  const key = "notes/a";
  await store.put(key, new Uint8Array(1));
  for (
    const make of [
      (more = {}) => checkpointLinks(checkpointer, "t", { ...options, ...more }),
      (more = {}) => uploadLinks(checkpointer, "t", { ...options, ...more }),
      async (more = {}) => ({ links: [await objectLink(secret, key, { ...options, ...more })] }),
    ]
  ) {
    await assert.rejects(() => make(), (error) => {
      assert(error instanceof UnsupportedError);
      assert.match(error.message, /withCustomerKey/);
      return true;
    });
    const given = await make({ withCustomerKey: true });
    assert.equal(given!.links[0]!.headers[name], "the key");
  }
});

Deno.test("links are refused by a store that makes none, and for longer than one can hold", async () => {
  const plain = new S3Checkpointer(memoryStore());
  await plain.save("t", {});
  await assert.rejects(checkpointLinks(plain, "t", { expiresIn: 60 }), UnsupportedError);
  await assert.rejects(uploadLinks(plain, "t", { expiresIn: 60 }), UnsupportedError);
  const { store } = bucket();
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", {});
  for (const make of [checkpointLinks, uploadLinks]) {
    await assert.rejects(make(checkpointer, "t", { expiresIn: 604_801 }), InvalidInputError);
    await assert.rejects(make({}, "t", { expiresIn: 60 }), InvalidInputError);
  }
});
