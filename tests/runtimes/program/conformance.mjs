import { conformanceCases } from "@cairn/checkpoint/testing";

/** The conformance cases of the package, each in a place of its own in the store. */
export function conformance(store) {
  return conformanceCases.map(({ name, run }) => ({
    name,
    run: () => run(store, { prefix: `runtimes/${crypto.randomUUID()}/` }),
  }));
}
