/** A run of the graph in five processes, told the same whatever keeps its checkpoints. */
import assert from "node:assert/strict";
import { type BaseCheckpointSaver, Command, MemorySaver } from "@langchain/langgraph";
import { compile, type Config, history, tell } from "./_graph.ts";

/** When LangGraph saves. */
export type Durability = "sync" | "async" | "exit";

/** Runs the graph as people do, each act in a process of its own, and tells all that is to be seen. */
async function play(
  start: () => BaseCheckpointSaver,
  durability: Durability,
): Promise<unknown[]> {
  const config: Config = { configurable: { thread_id: "thread/1" } };
  const options = { ...config, durability };
  const seen: unknown[] = [];

  // A first process runs up to the question.
  const asked = await compile(start()).invoke({ rounds: 3 }, options);
  assert(Object.hasOwn(asked, "__interrupt__"));
  seen.push({ ...asked, __interrupt__: undefined });

  // Another one sees the question, inside the subgraph too, and answers it.
  const second = compile(start());
  const waiting = await second.getState(config, { subgraphs: true });
  seen.push(tell(waiting));
  const inner = waiting.tasks[0]?.state;
  if (inner !== undefined && "values" in inner) seen.push(tell(inner));
  seen.push(await second.invoke(new Command({ resume: "yes" }), options));
  seen.push((await history(second, config)).told);

  // A third one goes back to before the last round, twice, and changes the past once.
  const third = compile(start());
  const before = await history(third, config);
  const past = before.snapshots.find(({ metadata, next }) =>
    durability === "exit" ? next.includes("gate") : metadata?.step === 3
  );
  assert(past !== undefined, "there is a past to go back to");
  seen.push({ ...await third.invoke(null, { ...past.config, durability }), __interrupt__: 0 });
  seen.push((await history(third, config)).told);
  const fork = await third.updateState(past.config, { rounds: 1, log: ["changed the past"] });
  const fourth = compile(start());
  seen.push({ ...await fourth.invoke(null, { ...fork, durability }), __interrupt__: 0 });
  seen.push(await fourth.invoke(new Command({ resume: "no" }), options));
  seen.push((await history(compile(start()), config)).told);

  // A copy of a checkpoint, and a second input on top of it all.
  const fifth = compile(start());
  await fifth.updateState((await fifth.getState(config)).config, null, "__copy__");
  seen.push(tell(await compile(start()).getState(config)));
  seen.push({ ...await fifth.invoke({ rounds: 9, round: 8 }, options), __interrupt__: 0 });
  seen.push((await history(compile(start()), config)).told);
  return seen;
}

/** Plays on MemorySaver and on the savers given, one for each process, and holds all that is seen equal. */
export async function comparePlays(
  start: () => BaseCheckpointSaver,
  durability: Durability,
): Promise<void> {
  const memory = new MemorySaver();
  const expected = await play(() => memory, durability);
  assert.match(JSON.stringify(expected), /"worked 3b".+"prepared after 3".+"answered yes"/);
  assert.deepEqual(await play(start, durability), expected);
}
