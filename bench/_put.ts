import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { getBytes, memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { conversationMessages } from "./_data.ts";
import { figures, inTurn, ratios } from "./_measure.ts";
import type { Server } from "./_server.ts";
import { table } from "./_table.ts";
import { bareFetchPut, bareSdkPut, edge, sdk } from "./_target.ts";

/** The length of the state as JSON, in bytes. */
export const STATE_SIZE = 10_000;

/** One way to put a state, and what it is measured by. */
export interface PutCase {
  /** The transport: each is compared with the bare request of its own. */
  readonly transport: string;
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/** Every way to put the same state, the bare request of each transport first. */
export async function putCases(server: Server): Promise<PutCase[]> {
  const messages = conversationMessages(STATE_SIZE);
  const save = (store: ObjectStore) => {
    const checkpointer = new S3Checkpointer(store, { prefix: "bench/" });
    return () => checkpointer.save(crypto.randomUUID(), { messages });
  };
  const put = (store: ObjectStore) => {
    const saver = new S3Saver({ store, prefix: "bench/" });
    return () => {
      const checkpoint = emptyCheckpoint();
      checkpoint.channel_values = { messages };
      checkpoint.channel_versions = { messages: 1 };
      const config = { configurable: { thread_id: crypto.randomUUID(), checkpoint_ns: "" } };
      return saver.put(config, checkpoint, { source: "loop", step: 1, parents: {} }, {
        messages: 1,
      });
    };
  };
  const bytes = await writtenBy(save);
  const key = () => `bench/${crypto.randomUUID()}/n/_/${crypto.randomUUID()}/c`;
  const cases = (
    transport: string,
    bare: (key: string, bytes: Uint8Array) => Promise<unknown>,
    store: ObjectStore,
  ) => [
    { transport, name: "the bare signed request", run: () => bare(key(), bytes) },
    { transport, name: "store.put", run: () => store.put(key(), bytes) },
    { transport, name: "S3Checkpointer.save", run: save(store) },
    { transport, name: "S3Saver.put", run: put(store) },
  ];
  return [
    ...cases("edgeStore", bareFetchPut(server), edge(server)),
    ...cases("sdkStore", bareSdkPut(server), sdk(server)),
  ];
}

/** The bytes of the one object that a save writes. */
async function writtenBy(
  save: (store: ObjectStore) => () => Promise<unknown>,
): Promise<Uint8Array> {
  const store = memoryStore();
  await save(store)();
  const objects = (await Array.fromAsync(store.list())).flatMap((page) => page.objects);
  const [object] = objects;
  if (object === undefined || objects.length > 1) {
    throw new Error(`A save of a small state writes one object, and wrote ${objects.length}`);
  }
  return (await getBytes(store, object.key)).bytes;
}

/** Puts in turn, and gives the table. */
export async function putReport(server: Server, rounds: number): Promise<string> {
  const cases = await putCases(server);
  const named = cases.map(({ transport, name, run }) => ({ name: `${transport} ${name}`, run }));
  const samples = await inTurn(named, { rounds, times: 60 });
  const rows = cases.map(({ transport, name }) => {
    const own = samples.get(`${transport} ${name}`)!;
    const bare = samples.get(`${transport} the bare signed request`)!;
    const times = ratios(own, bare);
    return [
      transport,
      name,
      ...figures(own, 2),
      ...figures(times, 2),
    ];
  });
  return [
    `A new thread's first checkpoint of ${STATE_SIZE / 1e3} KB of JSON, gzip, beside a request ` +
    `with the same bytes on the same transport. The bound: 1.25 × the bare request.`,
    "",
    table(["transport", "call", "ms", "min–max", "× bare", "min–max"], rows),
  ].join("\n");
}
