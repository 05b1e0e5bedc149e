import type { ObjectStore } from "@cairn/checkpoint";
import { conformanceCases } from "@cairn/checkpoint/testing";

/** A store to run the cases on, and what ends it. */
export interface Subject {
  readonly store: ObjectStore;
  /** The bytes of a key that a layer takes for itself. @default 0 */
  readonly taken?: number;
  /** Ends the store and looks at what it leaves. */
  readonly close?: () => Promise<void>;
}

/** Registers one test for each thing that every store must do. */
export function testConformance(name: string, open: () => Subject | Promise<Subject>): void {
  for (const { name: what, run } of conformanceCases) {
    Deno.test(`${name} ${what}`, async () => {
      const { store, taken = 0, close } = await open();
      try {
        const prefix = `conformance/${crypto.randomUUID()}/`;
        await run(store, { prefix, maxKeyBytes: 1024 - taken });
      } finally {
        await close?.();
      }
    });
  }
}
