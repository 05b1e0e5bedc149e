/**
 * A loop of one's own that can be stopped at any moment, with Ctrl-C or by
 * pulling the plug, and goes on where it stood when it is started again.
 *
 * ```sh
 * deno run -A examples/loop/main.ts
 * ```
 *
 * @module
 */
import { S3Checkpointer } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";

interface Search {
  readonly candidate: number;
  readonly primes: number[];
}

const store = fileStore(".cache/loop", { createDirectory: true });
const checkpointer = new S3Checkpointer<Search>(store);

let state = (await checkpointer.load("primes"))?.state ?? { candidate: 2, primes: [] };
console.log(`Going on at ${state.candidate}, with ${state.primes.length} primes.`);

for (let step = 0; step < 20; step++) {
  const { candidate, primes } = state;
  const isPrime = primes.every((prime) => candidate % prime !== 0);
  state = { candidate: candidate + 1, primes: isPrime ? [...primes, candidate] : primes };
  await checkpointer.save("primes", state, { metadata: { found: isPrime } });
}
console.log(`Stopped at ${state.candidate}: ${state.primes.slice(-5).join(", ")}`);
