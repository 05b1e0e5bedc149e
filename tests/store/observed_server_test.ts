import assert from "node:assert/strict";
import {
  breaker,
  getBytes,
  keyClass,
  NotFoundError,
  observed,
  S3Checkpointer,
  type StoreEvent,
  UnavailableError,
} from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { serverOptions } from "../conformance/_server.ts";

const MIB = 1024 * 1024;
const parts = { partSize: 5 * MIB, multipartThreshold: 5 * MIB };

for (const [name, make] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`observed(${name}) tells what a server was asked, and its request ids`, async () => {
    const events: StoreEvent[] = [];
    const store = observed(make({ ...serverOptions(), ...parts }), (event) => events.push(event), {
      classify: keyClass,
    });
    const prefix = `observed/${crypto.randomUUID()}/`;
    const key = `${prefix}key`;
    await store.put(key, new Uint8Array(100));
    await store.put(key, new Uint8Array(11 * MIB)); // a start, three parts, an end
    await getBytes(store, key);
    await Array.fromAsync(store.list({ prefix }));
    await store.delete([key]);
    await assert.rejects(store.get(key), NotFoundError);
    assert.deepEqual(
      events.map(({ operation, attempts, retries, bytes, keys, outcome, status }) => ({
        operation,
        attempts,
        retries,
        bytes,
        keys,
        outcome,
        status,
      })),
      [
        { operation: "put", attempts: 1, bytes: 100, outcome: "ok", status: undefined },
        { operation: "put", attempts: 5, bytes: 11 * MIB, outcome: "ok", status: undefined },
        { operation: "get", attempts: 1, bytes: 11 * MIB, outcome: "ok", status: undefined },
        { operation: "list", attempts: 1, bytes: 0, outcome: "ok", status: undefined },
        { operation: "delete", attempts: 1, bytes: 0, outcome: "ok", status: undefined },
        { operation: "get", attempts: 1, bytes: 0, outcome: "not-found", status: 404 },
      ].map((event) => ({ retries: 0, keys: 1, ...event })),
    );
    for (const { operation, requestId } of events) assert(requestId, operation);
    assert(new Set(events.map(({ requestId }) => requestId)).size > 1);

    events.length = 0;
    const checkpointer = new S3Checkpointer(store, { prefix, inlineLimit: 100 });
    await checkpointer.save("MARKED", { text: "MARKED".repeat(100) });
    await checkpointer.load("MARKED");
    await checkpointer.delete("MARKED");
    const classes = events.map(({ operation, keyClass }) => `${operation} ${keyClass}`);
    assert(classes.includes("put chunk") && classes.includes("put checkpoint"), classes.join());
    assert(!JSON.stringify(events).includes("MARKED"));
  });
}

Deno.test("breaker(edgeStore) sends a server nothing while it rests, and then goes on", async () => {
  let down = false;
  let sent = 0;
  const store = breaker(
    edgeStore({
      ...serverOptions(),
      retry: { maxAttempts: 1 },
      fetch: (input, init) => {
        sent++;
        return down ? Promise.reject(new TypeError("network")) : fetch(input, init);
      },
    }),
    { threshold: 2, rest: 200 },
  );
  const prefix = `breaker/${crypto.randomUUID()}/`;
  const keys = ["a", "b", "c"].map((name) => prefix + name);
  for (const key of keys) await store.put(key, new Uint8Array(3));
  down = true;
  await assert.rejects(store.delete(keys), UnavailableError);
  await assert.rejects(Array.fromAsync(store.list({ prefix })), UnavailableError);
  assert.equal(store.state, "open");
  const before = sent;
  const calls = [() => store.delete(keys), () => store.head(keys[0]!), () => store.get(keys[0]!)];
  for (const call of calls) {
    await assert.rejects(call(), (error) => (error as UnavailableError).code === "CircuitOpen");
  }
  assert.equal(sent, before);
  down = false;
  await new Promise((resolve) => setTimeout(resolve, 250));
  await store.delete(keys);
  assert.equal(store.state, "closed");
  assert.deepEqual(await Array.fromAsync(store.list({ prefix })), []);
});
