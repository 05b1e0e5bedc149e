/** What a suite came to. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Counts what `deno test --junit-path` wrote. A test that was left out counts as failed. */
export function countJunit(xml: string): Count {
  const count: { passed: number; failed: number } = { passed: 0, failed: 0 };
  // The root element sums the tests up, but not those that were ignored.
  for (const [tag] of xml.matchAll(/<testsuite [^>]*>/g)) {
    const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
    const failed = number("failures") + number("errors") + number("disabled");
    count.failed += failed;
    count.passed += number("tests") - failed;
  }
  return count;
}
