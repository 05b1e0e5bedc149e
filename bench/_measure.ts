/** Something to be timed. */
export interface Case {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  /**
   * Whether `run` gives the milliseconds itself, as where another process does the work.
   *
   * @default false
   */
  readonly timesItself?: boolean;
}

/**
 * Times the cases in turn, so that whatever slows the machine for a while slows
 * all of them: each round runs each case, in an order that moves on by one.
 *
 * @returns for each case the milliseconds one run took, one number a round: the
 * median where a round has several `times`.
 */
export async function inTurn(
  cases: readonly Case[],
  { rounds, times = 1 }: { rounds: number; times?: number },
): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    const durations = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
    for (let time = 0; time < times; time++) {
      for (let index = 0; index < cases.length; index++) {
        const { name, run, timesItself } = cases[(index + time + round + 1) % cases.length]!;
        const start = performance.now();
        const answer = await run();
        const passed = performance.now() - start;
        durations.get(name)!.push(timesItself ? answer as number : passed);
      }
    }
    // The first round only warms up.
    if (round < 0) continue;
    for (const [name, list] of durations) samples.get(name)!.push(median(list));
  }
  return samples;
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest and the largest, as `1.0–2.5`. */
export function spread(numbers: readonly number[], digits: number): string {
  return `${Math.min(...numbers).toFixed(digits)}–${Math.max(...numbers).toFixed(digits)}`;
}

/** The middle of some numbers, and from where to where they are, as two cells of a table. */
export function figures(numbers: readonly number[], digits: number): [string, string] {
  return [median(numbers).toFixed(digits), spread(numbers, digits)];
}

/** How many times `other` each of `numbers` is, round by round. */
export function ratios(numbers: readonly number[], other: readonly number[]): number[] {
  return numbers.map((number, round) => number / other[round]!);
}
