/** A Markdown table with its columns padded; what looks like a number stands to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]!.length))
  );
  const right = head.map((_, column) => rows.every((row) => /^[\d.,/–-]+$/.test(row[column]!)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, column) =>
        right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    right[column] ? "-".repeat(width - 1) + ":" : "-".repeat(width)
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
