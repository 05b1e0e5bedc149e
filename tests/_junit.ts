/** What a suite came to. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Counts what `deno test --junit-path` wrote. A test that was left out counts as
 * failed, and so does a file that ran none.
 */
export function countJunit(xml: string, files: readonly string[]): Count {
  const suites = (xml.match(/<testsuite [^>]*>/g) ?? []).map((tag) => {
    // The root element sums the tests up, but not those that were ignored.
    const number = (name: string) => Number(attribute(tag, name) ?? 0);
    const bad = number("failures") + number("errors") + number("disabled");
    return { file: attribute(tag, "name"), tests: number("tests"), bad };
  });
  const ran = new Set(suites.filter(({ tests }) => tests > 0).map(({ file }) => file));
  const idle = files.filter((file) => !ran.has(`./${file}`));
  for (const file of idle) console.error(`${file} ran no test`);
  const total = suites.reduce((sum, { tests }) => sum + tests, 0);
  const bad = suites.reduce((sum, suite) => sum + suite.bad, 0);
  return { passed: total - bad, failed: bad + idle.length };
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
}
