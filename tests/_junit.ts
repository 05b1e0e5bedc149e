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

/** A test that is known to fail on a server, for a fault of the server's. */
export interface KnownFault {
  /** The names of the tests. */
  readonly test: RegExp;
  /** What they fail with. */
  readonly error: RegExp;
  /** Whether it takes a race to show. @default false */
  readonly races?: boolean;
}

/** What known faults make of a report. */
export interface Excused extends Count {
  /** What is not as it is known. */
  readonly surprises: readonly string[];
}

/**
 * Counts what `deno test --junit-path` wrote, and what it said, where some tests
 * are known to fail: one that fails as it is known to counts as passed, and a
 * fault that showed in no test as failed. What fails outside of tests stands in
 * no report, and is read from what was said.
 */
export function excuseJunit(xml: string, said: string, faults: readonly KnownFault[]): Excused {
  const surprises: string[] = [];
  const unseen = new Set(faults);
  let excused = 0;
  for (const [, name, error] of xml.matchAll(FAILURE)) {
    const [what, why] = [unescaped(name!), unescaped(error!)];
    const fault = faults.find(({ test, error }) => test.test(what) && error.test(why));
    if (fault === undefined) {
      surprises.push(`${what}: ${why}`);
      continue;
    }
    unseen.delete(fault);
    excused++;
  }
  for (const { test, races } of unseen) {
    if (!races) surprises.push(`${test}: a fault that was known has not shown`);
  }
  surprises.push(...new Set(said.match(/^\S+ \(uncaught error\)$/gm)));
  const { passed, failed } = countJunit(xml);
  const others = failed - excused;
  return { passed: passed + excused, failed: Math.max(others, surprises.length), surprises };
}

/** A test case that failed, by its name and what it said. */
const FAILURE = /<testcase name="([^"]*)"[^>]*>\s*<(?:failure|error) message="([^"]*)"/g;

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
  "#10": "\n",
};

function unescaped(text: string): string {
  return text.replace(/&([a-z]+|#10);/g, (whole, name) => ENTITIES[name] ?? whole);
}
