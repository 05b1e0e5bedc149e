import { getBytes, type ObjectStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { conversationMessages } from "./_data.ts";
import { delayed } from "./_delay_proxy.ts";
import { type Case, figures, inTurn, median } from "./_measure.ts";
import type { Server } from "./_server.ts";
import { table } from "./_table.ts";
import { edge, sdk, type Transport } from "./_target.ts";
import { checkpointOf, configOf, idOf, layThread } from "./_threads.ts";

/** What is added to each request, in milliseconds. */
export const DELAY = 20;
/** How many ancestors the delta history has. */
export const ANCESTORS = 50;
/** How many requests are open at most in a Worker. */
const IN_A_WORKER = 6;
/** The delta history, by a store as it comes. */
export const HISTORY = `getDeltaChannelHistory, ${ANCESTORS} ancestors, cold`;
const PREFIX = "bench/latency/";
/** The bare request that the others are counted in. */
export const UNIT = "one GET, the unit";

type Run = () => Promise<unknown>;

/** One operation: what it costs by the design's budgets, and how it is timed. */
interface Operation {
  readonly name: string;
  /** Round trips in a row. */
  readonly budget: string;
  /** Makes ready, untimed, and gives what is timed. */
  readonly prepare: () => Run | Promise<Run>;
}

/** Every operation of the budgets on a server, with the threads that it needs. */
export async function operations(server: Server, transport: Transport): Promise<Operation[]> {
  const store = transport(server);
  const narrow = transport(server, IN_A_WORKER);
  const thread = crypto.randomUUID();
  const start = (on: ObjectStore = store) => new S3Saver({ store: on, prefix: PREFIX });
  const key = `${PREFIX}${thread}-unit`;
  await store.put(key, new Uint8Array(1_000));
  const large = `${thread}-large`, delta = `${thread}-delta`, own = `${thread}-own`;
  const messages = conversationMessages(1e6);
  const put = (saver: S3Saver, thread: string, number: number, values: Record<string, unknown>) => {
    const { checkpoint, metadata, versions } = checkpointOf(number, values);
    const config = configOf(thread, number === 0 ? undefined : idOf(number - 1));
    return saver.put(config, checkpoint, metadata, versions);
  };
  await layThread(store, thread, 20, PREFIX);
  await put(start(), large, 0, { messages });
  await layThread(store, delta, ANCESTORS + 2, PREFIX);
  const saver = start();
  let number = 0;
  await put(saver, own, number++, { text: "" });
  const drain = async (found: AsyncIterable<unknown>) => {
    for await (const _ of found);
  };
  return [
    { name: UNIT, budget: "1", prepare: () => () => getBytes(store, key) },
    {
      name: "put, a small state",
      budget: "1",
      prepare: () => () => put(saver, own, number++, { text: `${number}` }),
    },
    {
      name: "put, a new value of 1 MB",
      budget: "2",
      prepare: () => {
        const values = { messages: conversationMessages(1e6, number + 1) };
        return () => put(start(), `${large}-${number++}`, 0, values);
      },
    },
    {
      name: "putWrites, one task",
      budget: "1",
      prepare: () => () =>
        saver.putWrites(configOf(own, idOf(number - 1)), [["text", "more"]], crypto.randomUUID()),
    },
    {
      name: "getTuple, latest, cold",
      budget: "2",
      prepare: () => {
        const cold = start();
        return () => cold.getTuple(configOf(thread));
      },
    },
    {
      name: "getTuple, latest, a value of 1 MB, cold",
      budget: "3",
      prepare: () => {
        const cold = start();
        return () => cold.getTuple(configOf(large));
      },
    },
    {
      name: "getTuple, after its own put",
      budget: "1",
      prepare: async () => {
        const thread = `${own}-${crypto.randomUUID()}`;
        await put(saver, thread, 0, { text: "its own" });
        return () => saver.getTuple(configOf(thread));
      },
    },
    ...[store, narrow].flatMap((on): Operation[] => {
      const how = on === narrow ? `, ${IN_A_WORKER} open` : "";
      return [
        {
          name: `list, the ten newest, cold${how}`,
          budget: "2",
          prepare: () => {
            const cold = start(on);
            return () => drain(cold.list(configOf(thread), { limit: 10 }));
          },
        },
        {
          name: `${HISTORY}${how}`,
          budget: "3",
          prepare: () => {
            const cold = start(on);
            const config = configOf(delta, idOf(ANCESTORS + 1));
            return () => cold.getDeltaChannelHistory({ config, channels: ["log"] });
          },
        },
      ];
    }),
  ];
}

/** What each operation took on one store at one delay. */
export interface Latency {
  readonly name: string;
  readonly budget: string;
  readonly near: readonly number[];
  readonly far: readonly number[];
  /** How many of the bare request's delays it waited for, one number a round. */
  readonly trips: readonly number[];
}

/** Times the operations through a proxy that adds nothing and one that adds {@link DELAY}, in turn. */
export async function latencies(
  server: Server,
  transport: Transport,
  rounds: number,
): Promise<Latency[]> {
  const proxies = [await delayed(server, 0), await delayed(server, DELAY)];
  try {
    const [near, far] = await Promise.all(
      proxies.map(({ server }) => operations(server, transport)),
    );
    const cases = [["near", near!], ["far", far!]] as const;
    const samples = await inTurn(
      cases.flatMap(([where, operations]) =>
        operations.map(({ name, prepare }): Case => ({
          name: `${where} ${name}`,
          timesItself: true,
          run: async () => {
            const run = await prepare();
            const start = performance.now();
            await run();
            return performance.now() - start;
          },
        }))
      ),
      { rounds, times: 3 },
    );
    const added = (name: string) => {
      const near = samples.get(`near ${name}`)!;
      return samples.get(`far ${name}`)!.map((time, round) => time - near[round]!);
    };
    const unit = median(added(UNIT));
    return near!.map(({ name, budget }) => ({
      name,
      budget,
      near: samples.get(`near ${name}`)!,
      far: samples.get(`far ${name}`)!,
      trips: added(name).map((time) => time / unit),
    }));
  } finally {
    await Promise.all(proxies.map(({ stop }) => stop()));
    await clear(edge(server), PREFIX);
  }
}

/** Deletes all that is under a prefix. */
export async function clear(store: ObjectStore, prefix: string): Promise<void> {
  for await (const { objects } of store.list({ prefix })) {
    await store.delete(objects.map(({ key }) => key));
  }
}

/** Times both transports, and gives the table. */
export async function latencyReport(server: Server, rounds: number): Promise<string> {
  const rows: string[][] = [];
  for (const [transport, make] of [["edgeStore", edge], ["sdkStore", sdk]] as const) {
    for (const { name, budget, near, far, trips } of await latencies(server, make, rounds)) {
      rows.push([
        transport,
        name,
        budget,
        ...figures(trips, 1),
        ...figures(far, 1),
        median(near).toFixed(1),
      ]);
    }
  }
  return [
    `Through a proxy on loopback that holds what a client sends for ${DELAY} ms, and one that holds ` +
    `it for none. Round trips: what the delay added to the operation, over what it added to one GET ` +
    `in the same run. At most 50 requests are open at once, or 6, as in a Worker: of more, those that ` +
    `wait for their turn are in a row, too. The bound of the delta history: ${6 * DELAY + 100} ms.`,
    "",
    table([
      "transport",
      "operation",
      "budget",
      "round trips",
      "min–max",
      `ms at +${DELAY}`,
      "min–max",
      "ms at +0",
    ], rows),
  ].join("\n");
}
