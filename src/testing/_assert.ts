/** Assertions of our own: what runs in a Worker cannot count on `node:assert`. */

/** Fails a case where a condition does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Conformance: ${message}`);
}

/** Fails a case where two values are not the same, or not the same as JSON. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (Object.is(actual, expected)) return;
  const [got, wanted] = [show(actual), show(expected)];
  assert(typeof actual === "object" && got === wanted, `${what}: got ${got}, expected ${wanted}`);
}

/** Fails a case where two runs of bytes differ, and says where. */
export function equalBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  equal(actual.length, expected.length, `length of ${what}`);
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  assert(at < 0, `${what}: byte ${at} is ${actual[at]}, expected ${expected[at]}`);
}

/** Fails a case where a call does not reject with an error of that class, and gives the error. */
export async function rejects<E extends Error>(
  call: () => Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- the constructors differ in their options
  expected: abstract new (...args: any[]) => E,
  what: string,
): Promise<E> {
  const error = await failureOf(call, what);
  assert(error instanceof expected, `${what}: rejected with ${error}, expected ${expected.name}`);
  return error;
}

/** Fails a case where a call does not reject with that very value. */
export async function rejectsWith(
  call: () => Promise<unknown>,
  expected: unknown,
  what: string,
): Promise<void> {
  const error = await failureOf(call, what);
  assert(error === expected, `${what}: rejected with ${error}, expected ${expected} itself`);
}

async function failureOf(call: () => Promise<unknown>, what: string): Promise<unknown> {
  // A call that throws instead of rejecting breaks out here, as it should.
  const answer = call();
  try {
    await answer;
  } catch (error) {
    return error;
  }
  throw new Error(`Conformance: ${what}: it succeeded`);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 500 ? `${text.slice(0, 497)}...` : text;
}
