/**
 * What LangGraph.js itself does to a saver, as a model: checkpoints that come
 * of one another, with channel versions and `newVersions` made as
 * `createCheckpoint` and `getNewChannelVersions` make them.
 */
import type {
  ChannelVersions,
  Checkpoint,
  CheckpointMetadata,
} from "@langchain/langgraph-checkpoint";

/** The channels of the modelled graph; `__pregel_tasks` comes by {@link StepOptions.tasks}. */
export const CHANNELS = ["messages", "__start__", "branch:to:b", "blob", "ünïcode 😀"] as const;

/** A checkpoint as it was given to the saver last. */
export interface ModelCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly metadata: CheckpointMetadata;
  readonly parent: string | undefined;
  readonly newVersions: ChannelVersions | undefined;
}

/** How a step differs from the one before. */
export interface StepOptions {
  readonly id: string;
  readonly version: number;
  /** By channel: a new value, or `null` where the channel was emptied. */
  readonly changes: ReadonlyMap<string, { readonly value: unknown } | null>;
  /** Whether `__pregel_tasks` has a value, and no version. */
  readonly tasks: boolean;
  readonly metadata: CheckpointMetadata;
  /** Whether the saver is told which channels are new. */
  readonly tellVersions: boolean;
}

const TASKS = "__pregel_tasks";

/** The checkpoint after another one, or the first. */
export function nextCheckpoint(
  before: ModelCheckpoint | undefined,
  parent: string | undefined,
  options: StepOptions,
): ModelCheckpoint {
  const values: Record<string, unknown> = { ...before?.checkpoint.channel_values };
  const versions: Record<string, number> = {
    ...before?.checkpoint.channel_versions as Record<string, number>,
  };
  // As LangGraph does: one number for all that changed in a step, so forks repeat it.
  const version = Math.max(0, ...Object.values(versions)) + 1;
  const newVersions: ChannelVersions = {};
  delete values[TASKS];
  for (const [name, change] of options.changes) {
    versions[name] = newVersions[name] = version;
    if (change === null) delete values[name];
    else values[name] = change.value;
  }
  // The saver holds nothing yet of a run's first checkpoint: all its versions are new.
  if (before === undefined || parent === undefined) Object.assign(newVersions, versions);
  if (options.tasks) values[TASKS] = [];
  return {
    checkpoint: {
      v: options.version,
      id: options.id,
      ts: "2026-01-01T00:00:00.000Z",
      channel_values: values,
      channel_versions: versions,
      versions_seen: { __input__: {}, node: { ...versions } },
    },
    metadata: options.metadata,
    parent,
    newVersions: options.tellVersions ? newVersions : undefined,
  };
}

/** What `updateState` with `__copy__` puts: the same values beside the copied checkpoint, nothing new. */
export function copyOf(copied: ModelCheckpoint, id: string): ModelCheckpoint {
  return {
    checkpoint: { ...copied.checkpoint, id },
    metadata: { ...copied.metadata, source: "fork" },
    parent: copied.parent,
    newVersions: {},
  };
}
