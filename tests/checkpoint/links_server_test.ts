import {
  AccessError,
  checkpointLinks,
  linkStore,
  objectLink,
  S3Checkpointer,
  uploadLinks,
} from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { getBytes } from "../../src/store/body.ts";
import { serverOptions } from "../conformance/_server.ts";

const STATE = {
  step: 3,
  messages: Array.from({ length: 3_000 }, (_, at) => `stone number ${at}`),
  picture: crypto.getRandomValues(new Uint8Array(50_000)),
};

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  const store = open(serverOptions());
  const prefix = `links/${name}/${crypto.randomUUID()}/`;
  const owner = () => new S3Checkpointer<typeof STATE>(store, { prefix });

  Deno.test(`${name}: a whole checkpoint is loaded by links alone, and saved by one`, async () => {
    const checkpointer = owner();
    const thread = "a/b c+d é";
    const { id } = await checkpointer.save(thread, STATE, { metadata: { by: "owner" } });
    const given = JSON.parse(
      JSON.stringify(await checkpointLinks(checkpointer, thread, { expiresIn: 300 })),
    );
    assert(given.links.length >= 3);
    const guest = new S3Checkpointer<typeof STATE>(linkStore(given), { prefix: given.prefix });
    const found = await guest.load(given.thread);
    assert.deepEqual([found?.id, found?.state], [id, STATE]);
    assert.deepEqual(found?.metadata, { by: "owner" });

    const place = JSON.parse(
      JSON.stringify(await uploadLinks(checkpointer, thread, { expiresIn: 300 })),
    );
    const writer = new S3Checkpointer<typeof STATE>(linkStore(place), {
      prefix: place.prefix,
      inlineLimit: 2 ** 24,
    });
    await writer.save(place.thread, { ...STATE, step: 4 }, { id: place.id, parent: null });
    const latest = await owner().load(thread);
    assert.deepEqual([latest?.id, latest?.state.step], [place.id, 4]);
    await checkpointer.delete(thread);
  });

  Deno.test(`${name}: a picture goes up and down by a link each`, async () => {
    const key = `${prefix}pictures/1.png`;
    const upload = await objectLink(store, key, {
      method: "PUT",
      expiresIn: 300,
      contentType: "image/png",
      contentLength: STATE.picture.length,
    });
    await linkStore({ links: [upload] }).put(key, STATE.picture);
    const link = await objectLink(store, key, { expiresIn: 300 });
    const there = linkStore({ links: [link] });
    assert.deepEqual((await getBytes(there, key)).bytes, STATE.picture);
    const { body } = await there.get(key, { range: { start: 10, end: 20 } });
    assert.deepEqual(await new Response(body).bytes(), STATE.picture.slice(10, 20));
    await store.delete([key]);
  });

  Deno.test(`${name}: links that have ended say so, and when`, async () => {
    const checkpointer = owner();
    await checkpointer.save("ended", STATE);
    const given = await checkpointLinks(checkpointer, "ended", { expiresIn: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const guest = new S3Checkpointer(linkStore(given!), { prefix });
    await assert.rejects(guest.load("ended"), (error) => {
      assert(error instanceof AccessError);
      assert(error.message.includes(given!.links[0]!.expires));
      assert(!error.message.includes("X-Amz-Signature"));
      return true;
    });
    await checkpointer.delete("ended");
  });
}
