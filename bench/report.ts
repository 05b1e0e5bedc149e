/**
 * Measures, prints the tables, and writes them to docs/bench.md:
 *
 * ```sh
 * deno task bench:report                 # everything
 * deno task bench:report put compression # these sections, the others stay
 * ```
 *
 * Every number is the median of at least five rounds, in which all that is
 * compared runs in turn; a ratio is taken within each round.
 *
 * @module
 */

import { compressionReport } from "./_compression.ts";
import { machine } from "./_machine.ts";
import { requireServer } from "./_server.ts";

/** A section of the report. */
interface Section {
  readonly title: string;
  readonly measure: () => Promise<string>;
}

const SECTIONS: Readonly<Record<string, Section>> = {
  compression: {
    title: "Compression",
    measure: () => compressionReport(5),
  },
  multipart: {
    title: "Multipart",
    measure: async () => {
      const { multipartReport } = await import("./_multipart.ts");
      return await multipartReport(requireServer(), 7);
    },
  },
  stream: {
    title: "A large stream",
    measure: async () => {
      const { streamReport } = await import("./_stream.ts");
      return await streamReport(requireServer(), 5);
    },
  },
  large: {
    title: "A large state",
    measure: async () => {
      const { largeStateReport } = await import("./_large_state.ts");
      return await largeStateReport(requireServer(), 5);
    },
  },
  conversation: {
    title: "A conversation that grows",
    measure: async () => {
      const { conversationReport } = await import("./_conversation.ts");
      return await conversationReport();
    },
  },
  savers: {
    title: "A run on each saver",
    measure: async () => {
      const { saversReport } = await import("./_savers.ts");
      return await saversReport(requireServer(), 5);
    },
  },
  python: {
    title: "Savers in Python on the same bucket",
    measure: async () => {
      const { pythonSaversReport } = await import("./_python_savers.ts");
      return await pythonSaversReport(requireServer(), 5);
    },
  },
  latency: {
    title: "Round trips, by time",
    measure: async () => {
      const { latencyReport } = await import("./_latency.ts");
      return await latencyReport(requireServer(), 7);
    },
  },
  growth: {
    title: "The latest of a long thread",
    measure: async () => {
      const { growthReport } = await import("./_growth.ts");
      return await growthReport(requireServer(), 7);
    },
  },
  cold: {
    title: "Cold start",
    measure: async () => {
      const { coldStartReport } = await import("./_cold_start.ts");
      return await coldStartReport(9);
    },
  },
  put: {
    title: "A small checkpoint",
    measure: async () => {
      const { putReport } = await import("./_put.ts");
      return await putReport(requireServer(), 9);
    },
  },
};

const PAGE = new URL("../docs/bench.md", import.meta.url);
const PREFACE = `# Measured

Medians of at least five rounds, with the least and the most of them, all that is compared in turn
and on the same machine; ratios are taken within each round. \`deno task bench:report\` measures
again and writes this page; \`deno task bench\` runs the same through \`deno bench\`. The servers
are on the same machine and share its processors, which no bucket on a network does.`;

/** The sections as they stand on the page, by their titles. */
function sectionsOf(page: string): Map<string, string> {
  const parts = page.split(/^## /m).slice(1);
  return new Map(parts.map((part) => {
    const [title = "", ...rest] = part.split("\n");
    return [title, rest.join("\n").trim()];
  }));
}

const wanted = Deno.args.length > 0 ? Deno.args : Object.keys(SECTIONS);
const unknown = wanted.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(`No section ${unknown.join(", ")}: there are ${Object.keys(SECTIONS).join(", ")}`);
  Deno.exit(2);
}
const page = sectionsOf(await Deno.readTextFile(PAGE).catch(() => ""));
for (const name of wanted) {
  const { title, measure } = SECTIONS[name]!;
  const text = `${machine()}\n\n${await measure()}`;
  page.set(title, text);
  console.log(`## ${title}\n\n${text}\n`);
  const body = Object.values(SECTIONS).filter(({ title }) => page.has(title))
    .map(({ title }) => `## ${title}\n\n${page.get(title)}`);
  await Deno.writeTextFile(PAGE, [PREFACE, ...body].join("\n\n") + "\n");
}
