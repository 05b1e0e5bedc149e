/** Several bars under each other for each group. */
export interface BarChart {
  readonly title: string;
  /** What the bars are grouped by, such as sizes. */
  readonly groups: readonly string[];
  /** For each bar its name and a value for each group. */
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** How many digits after the point a value shows. */
  readonly digits: number;
  /** Whether each group has a scale of its own, as where they are of different kinds. @default false */
  readonly ownScale?: boolean;
}

const FOLDER = new URL("../docs/", import.meta.url);
const WIDTH = 760, NAMES = 200, NUMBERS = 70, ROW = 20, GAP = 14, TOP = 56;

/**
 * Colours of which each pair can be told apart, by people who see red and green
 * alike too, on white and on black (Okabe and Ito, https://jfly.uni-koeln.de/color/).
 */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/** Its colours follow the reader's: an image in a page does not inherit the page's. */
const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 } .number { font-variant-numeric: tabular-nums }
.axis { stroke: #848d97; stroke-width: 1 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .axis { stroke: #9198a1 } }`;

/** Writes the chart as `docs/bench-{name}.svg`, and gives the line of Markdown that shows it. */
export async function barChart(name: string, chart: BarChart): Promise<string> {
  const file = `bench-${name}.svg`;
  await Deno.writeTextFile(new URL(file, FOLDER), svgOf(chart));
  return `![${chart.title}](${file})`;
}

/** The chart as SVG: bars from zero on one scale, each with its number at its end. */
export function svgOf({ title, groups, bars, digits, ownScale = false }: BarChart): string {
  const most = (group: number) =>
    Math.max(...bars.flatMap(({ values }) => ownScale ? values[group]! : values));
  const parts: string[] = [];
  let y = TOP;
  for (const [group, label] of groups.entries()) {
    parts.push(`<text x="16" y="${y - 6}" class="title">${escape(label)}</text>`);
    for (const [index, { name, values }] of bars.entries()) {
      const value = values[group]!;
      const width = Math.max(1, value / most(group) * (WIDTH - NAMES - NUMBERS));
      const colour = COLOURS[index % COLOURS.length];
      const middle = y + ROW / 2 + 5;
      parts.push(
        `<text x="${NAMES - 8}" y="${middle}" text-anchor="end">${escape(name)}</text>`,
        `<rect x="${NAMES}" y="${y + 2}" width="${width.toFixed(1)}" height="${
          ROW - 4
        }" fill="${colour}"/>`,
        `<text x="${(NAMES + width + 6).toFixed(1)}" y="${middle}" class="number">${
          value.toFixed(digits)
        }</text>`,
      );
      y += ROW;
    }
    const top = y - bars.length * ROW;
    parts.push(`<line x1="${NAMES}" y1="${top}" x2="${NAMES}" y2="${y}" class="axis"/>`);
    y += GAP + ROW;
  }
  const height = y - ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<text x="16" y="22" class="title">${escape(title)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
