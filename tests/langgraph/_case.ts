/** Cases that every store must pass under a saver: run in memory, on disk and on S3 servers. */
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type ChannelVersions,
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointTuple,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import type { ObjectStore } from "@cairn/checkpoint";
import { S3Saver, type S3SaverOptions } from "@cairn/checkpoint/langgraph";

/** Where a case takes place. */
export interface Site {
  /** The store. */
  readonly store: ObjectStore;
  /** The folder that is the case's own. */
  readonly prefix: string;
  /** A process that starts now: a saver that holds nothing yet. */
  start(options?: Partial<S3SaverOptions>): S3Saver;
  /** The keys that are there, in order, without the folder. */
  keys(): Promise<string[]>;
}

/** One thing that the saver must do. */
export interface SaverCase {
  /** What it does, as the end of a sentence that starts with the saver. */
  readonly name: string;
  /** Rejects where it does not. */
  run(site: Site): Promise<void>;
}

/** Registers one test for each case. */
export function testCases(
  where: string,
  cases: readonly SaverCase[],
  open: () => Promise<{ store: ObjectStore; close?: () => Promise<void> }>,
  optionsOf?: () => Partial<S3SaverOptions>,
): void {
  for (const { name, run } of cases) {
    Deno.test(`S3Saver on ${where} ${name}`, async () => {
      const { store, close } = await open();
      try {
        const site = siteOn(store, optionsOf);
        await run(site);
        await store.delete((await site.keys()).map((key) => site.prefix + key));
      } finally {
        await close?.();
      }
    });
  }
}

/** A folder of its own on a store, where each process has options of its own. */
export function siteOn(
  store: ObjectStore,
  optionsOf: () => Partial<S3SaverOptions> = () => ({}),
): Site {
  const prefix = `saver/${crypto.randomUUID()}/`;
  return {
    store,
    prefix,
    start: (options) => new S3Saver({ store, prefix, ...optionsOf(), ...options }),
    async keys() {
      const keys: string[] = [];
      for await (const { objects } of store.list({ prefix })) {
        keys.push(...objects.map(({ key }) => key.slice(prefix.length)));
      }
      return keys;
    },
  };
}

/** The config of a thread, a namespace and perhaps a checkpoint. */
export function at(
  thread_id: string,
  checkpoint_id?: string,
  checkpoint_ns = "",
): RunnableConfig {
  return {
    configurable: {
      thread_id,
      checkpoint_ns,
      ...(checkpoint_id !== undefined && { checkpoint_id }),
    },
  };
}

/** A checkpoint, by its channels' values and versions. */
export function checkpoint(
  id: string = uuid6(0),
  channel_values: Record<string, unknown> = {},
  channel_versions: ChannelVersions = {},
): Checkpoint {
  return {
    v: 4,
    id,
    ts: "2026-01-01T00:00:00.000Z",
    channel_values,
    channel_versions,
    versions_seen: {},
  };
}

/** Metadata, by what is special about it. */
export function metadata(fields: Record<string, unknown> = {}): CheckpointMetadata {
  return { source: "loop", step: 0, parents: {}, ...fields };
}

/** All that a list gives. */
export async function all(tuples: AsyncIterable<CheckpointTuple>): Promise<CheckpointTuple[]> {
  const found: CheckpointTuple[] = [];
  for await (const tuple of tuples) found.push(tuple);
  return found;
}

/** The ids that a list gives. */
export async function ids(tuples: AsyncIterable<CheckpointTuple>): Promise<string[]> {
  return (await all(tuples)).map(({ checkpoint: { id } }) => id);
}

/** The values of a checkpoint's channels. */
export async function valuesOf(saver: S3Saver, config: RunnableConfig): Promise<unknown> {
  return (await saver.getTuple(config))?.checkpoint.channel_values;
}

/** The pending writes of a checkpoint, without their tasks. */
export async function writesOf(saver: S3Saver, config: RunnableConfig): Promise<unknown[]> {
  const tuple = await saver.getTuple(config);
  return (tuple?.pendingWrites ?? []).map(([, channel, value]) => [channel, value]);
}
