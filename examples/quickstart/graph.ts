/**
 * A small editor: it reads a text section by section, notes the telling
 * sentence of each, and asks before it publishes the digest. No model is
 * called, so that it runs anywhere; a node could as well call one.
 *
 * @module
 */
import {
  Annotation,
  type BaseCheckpointSaver,
  END,
  interrupt,
  START,
  StateGraph,
} from "@langchain/langgraph";

/** What a section of the text gave. */
export interface Note {
  /** The section's heading, or its first words. */
  title: string;
  /** How many words it has. */
  words: number;
  /** Its most telling sentence; empty where it has none. */
  sentence: string;
}

const SectionState = Annotation.Root({
  section: Annotation<string>,
  frequencies: Annotation<Record<string, number>>,
  notes: Annotation<Note[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

const EditorState = Annotation.Root({
  text: Annotation<string>,
  sections: Annotation<string[]>,
  section: Annotation<string>,
  position: Annotation<number>,
  notes: Annotation<Note[]>({ reducer: (_, all) => all, default: () => [] }),
  verdict: Annotation<string>,
  digest: Annotation<string>,
});

/** The subgraph: weighs the words of one section, then picks its sentence. */
const section = new StateGraph(SectionState)
  .addNode("weigh", ({ section }) => ({ frequencies: frequenciesOf(section) }))
  .addNode("pick", ({ section, frequencies }) => {
    const [heading = "", ...lines] = section.split("\n");
    const title = heading.replace(/^#+\s*/, "").slice(0, 60);
    return {
      notes: [{
        title,
        words: wordsOf(section).length,
        sentence: tellingSentence(proseOf(lines.join("\n")), frequencies),
      }],
    };
  })
  .addEdge(START, "weigh")
  .addEdge("weigh", "pick")
  .addEdge("pick", END)
  .compile();

/** The graph, on a saver. */
// deno-lint-ignore explicit-module-boundary-types -- LangGraph infers the type of a compiled graph
export function editor(checkpointer: BaseCheckpointSaver, onSection?: (note: string) => unknown) {
  return new StateGraph(EditorState)
    .addNode("split", ({ text }) => ({
      sections: text.split(/\n(?=#{1,3} )|\n{3,}/).map((part) => part.trim()).filter(Boolean)
        .slice(0, 12),
      position: 0,
    }))
    .addNode("take section", async ({ sections, position }) => {
      await onSection?.(`section ${position + 1} of ${sections.length}`);
      return { section: sections[position]!, position: position + 1 };
    })
    .addNode("digest section", section)
    .addNode("approve", ({ notes }) => {
      const verdict: string = interrupt({
        question: "Publish the digest?",
        sections: notes.length,
        words: notes.reduce((sum, note) => sum + note.words, 0),
      });
      return { verdict };
    })
    .addNode("publish", ({ notes, verdict }) => ({
      digest: verdict === "shorter"
        ? notes.map(({ title }) => `- ${title}`).join("\n")
        : notes.map(({ title, sentence }) => `- ${title}${sentence && `: ${sentence}`}`).join("\n"),
    }))
    .addEdge(START, "split")
    .addEdge("split", "take section")
    .addEdge("take section", "digest section")
    .addConditionalEdges(
      "digest section",
      ({ position, sections }) => position < sections.length ? "take section" : "approve",
      ["take section", "approve"],
    )
    .addEdge("approve", "publish")
    .addEdge("publish", END)
    .compile({ checkpointer });
}

/** The text without Markdown's code, tables, pictures, links and emphasis. */
function proseOf(text: string): string {
  return text
    .replace(/```[^]*?```/g, "")
    .replace(/^\|.*$/gm, "")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replace(/^[-*] /gm, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*`]/g, "");
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}{2,}/gu) ?? [];
}

function frequenciesOf(text: string): Record<string, number> {
  const frequencies: Record<string, number> = Object.create(null);
  for (const word of wordsOf(text)) {
    if (word.length > 3) frequencies[word] = (frequencies[word] ?? 0) + 1;
  }
  return frequencies;
}

function tellingSentence(text: string, frequencies: Record<string, number>): string {
  let best = "", bestScore = 0;
  for (const sentence of text.split(/(?<=[.!?])\s+/)) {
    const words = wordsOf(sentence);
    const sum = words.reduce((sum, word) => sum + (frequencies[word] ?? 0), 0);
    const score = words.length < 4 ? 0 : sum / (words.length + 8);
    if (score > bestScore) [best, bestScore] = [sentence, score];
  }
  const line = best.replace(/\s+/g, " ").trim();
  return line.length <= 80 ? line : `${line.slice(0, 80).replace(/\W*\s\S*$/, "")} …`;
}
