/** What {@link plot} draws. */
export interface PlotOptions {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** An axis from 0 on. */
export interface Axis {
  readonly label: string;
  readonly last: number;
  readonly every: number;
}

/** Told apart by those who see few colours, on white and on black alike; each has a dash of its own. */
const COLOURS = ["#0f7fbf", "#d1582a", "#1f9a6c", "#a65fb0", "#8a7a1f"];
const DASHES = ["", "7 4", "2 4", "10 3 2 3", "4 2"];

const WIDTH = 760, HEIGHT = 380;
const LEFT = 52, RIGHT = 16, TOP = 76, BOTTOM = 46;

/** Lines over time as an SVG of its own, which is legible in light and in dark. */
export function plot({ title, x, y, lines }: PlotOptions): string {
  const across = (value: number) => LEFT + value / x.last * (WIDTH - LEFT - RIGHT);
  const up = (value: number) => HEIGHT - BOTTOM - value / y.last * (HEIGHT - TOP - BOTTOM);
  const ticks = ({ last, every }: Axis) =>
    Array.from({ length: Math.floor(last / every) + 1 }, (_, at) => at * every);
  const at = (value: number) => value.toFixed(1);
  const text = (value: string) => value.replace(/[<&]/g, (c) => c === "<" ? "&lt;" : "&amp;");
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${text(title)}</title>`,
    "<style>",
    "text { font: 12px system-ui, sans-serif; fill: #24292f }",
    ".axis { stroke: #6e7781 } .grid { stroke: #d0d7de }",
    "@media (prefers-color-scheme: dark) {",
    "text { fill: #e6edf3 } .axis { stroke: #8b949e } .grid { stroke: #30363d }",
    "}",
    "</style>",
    `<text x="${LEFT}" y="20" style="font-weight: 600">${text(title)}</text>`,
    ...ticks(y).flatMap((value) => [
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(up(value))}" y2="${
        at(up(value))
      }"/>`,
      `<text x="${LEFT - 8}" y="${at(up(value) + 4)}" text-anchor="end">${value}</text>`,
    ]),
    ...ticks(x).map((value) =>
      `<text x="${at(across(value))}" y="${
        HEIGHT - BOTTOM + 18
      }" text-anchor="middle">${value}</text>`
    ),
    `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${up(0)}" y2="${up(0)}"/>`,
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${text(x.label)}</text>`,
    `<text x="${LEFT - 8}" y="${TOP - 12}" text-anchor="end">${text(y.label)}</text>`,
    ...lines.flatMap(({ name, values }, index) => {
      const stroke = `stroke="${COLOURS[index % COLOURS.length]}" stroke-width="2" ` +
        `stroke-dasharray="${DASHES[index % DASHES.length]}"`;
      const points = values.map((value, n) =>
        `${at(across((n + 0.5) / values.length * x.last))},${at(up(value))}`
      );
      const column = LEFT + index % 2 * 330, row = 40 + Math.floor(index / 2) * 18;
      return [
        `<polyline fill="none" ${stroke} points="${points.join(" ")}"/>`,
        `<line ${stroke} x1="${column}" x2="${column + 34}" y1="${row}" y2="${row}"/>`,
        `<text x="${column + 42}" y="${row + 4}">${text(name)}</text>`,
      ];
    }),
    "</svg>",
  ];
  return parts.join("\n") + "\n";
}
