/** A graph that uses what LangGraph has: parallel tasks, a loop, a subgraph, an interrupt. */
import {
  Annotation,
  type BaseCheckpointSaver,
  interrupt,
  Send,
  START,
  StateGraph,
  type StateSnapshot,
} from "@langchain/langgraph";

const append = { reducer: (a: string[], b: string[]) => a.concat(b), default: () => [] };

const State = Annotation.Root({
  log: Annotation<string[]>(append),
  round: Annotation<number>({ reducer: (_, next) => next, default: () => 0 }),
  rounds: Annotation<number>,
  // In an object: MemorySaver cannot read a write back that is a byte array itself.
  image: Annotation<{ bytes: Uint8Array }>,
  answer: Annotation<string>,
});

/** Compiles the graph: two workers a round, as many rounds as asked for, then a question inside a subgraph. */
export function compile(checkpointer: BaseCheckpointSaver) {
  const gate = new StateGraph(State)
    .addNode("prepare", ({ round }) => ({ log: [`prepared after ${round}`] }))
    .addNode("ask", ({ round }) => ({ answer: interrupt({ question: `done after ${round}?` }) }))
    .addEdge(START, "prepare")
    .addEdge("prepare", "ask")
    .compile();
  return new StateGraph(State)
    .addNode("plan", ({ round }) => ({
      round: round + 1,
      image: { bytes: new Uint8Array(30_000).fill(round + 1) },
      log: [`planned ${round + 1}`],
    }))
    .addNode("work", ({ log }: { log: string[] }) => ({ log }))
    .addNode("gate", gate)
    .addNode("finish", ({ answer }) => ({ log: [`answered ${answer}`] }))
    .addEdge(START, "plan")
    .addConditionalEdges(
      "plan",
      ({ round }) =>
        ["a", "b"].map((name) => new Send("work", { log: [`worked ${round}${name}`] })),
      ["work"],
    )
    .addConditionalEdges("work", ({ round, rounds }) => round < rounds ? "plan" : "gate", [
      "plan",
      "gate",
    ])
    .addEdge("gate", "finish")
    .compile({ checkpointer });
}

/** A snapshot without what is made up anew for each run: ids and times. */
export function tell({ values, next, metadata, tasks }: StateSnapshot) {
  return {
    values,
    next,
    source: metadata?.source,
    step: metadata?.step,
    tasks: tasks.map(({ name, interrupts, error }) => ({
      name,
      error,
      asked: interrupts.map(({ value }) => value),
    })),
  };
}

/** All snapshots, and of each which one it came of. */
export async function history(
  graph: {
    getStateHistory: (config: Config) => AsyncIterable<StateSnapshot>;
  },
  config: Config,
) {
  const snapshots: StateSnapshot[] = [];
  for await (const snapshot of graph.getStateHistory(config)) snapshots.push(snapshot);
  const idOf = ({ config }: StateSnapshot) => config.configurable?.checkpoint_id;
  const ids = snapshots.map(idOf);
  return {
    snapshots,
    told: snapshots.map((snapshot) => ({
      ...tell(snapshot),
      parent: ids.indexOf(snapshot.parentConfig?.configurable?.checkpoint_id),
    })),
  };
}

/** The config of a thread. */
export interface Config {
  readonly configurable: { readonly thread_id: string };
}
