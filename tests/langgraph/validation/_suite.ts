import type { ObjectStore } from "@cairn/checkpoint";
import { S3Saver, type S3SaverOptions } from "@cairn/checkpoint/langgraph";
import { deltaChannelHistoryTests, specTest } from "@langchain/langgraph-checkpoint-validation";

/** A store for one saver of the suite, empty under its prefix, and what ends it. */
export interface Opened {
  readonly store: ObjectStore;
  readonly options?: Partial<S3SaverOptions>;
  readonly close?: () => Promise<void>;
}

/**
 * Registers LangGraph's validation suite, whole, and its suite for delta
 * channels, which stands apart there, on a saver over a store.
 */
export function validate(name: string, open: () => Opened | Promise<Opened>): void {
  const opened = new Map<S3Saver, Opened>();
  const initializer = {
    checkpointerName: `S3Saver on ${name}`,
    async createCheckpointer() {
      const subject = await open();
      const prefix = `validation/${crypto.randomUUID()}/`;
      const saver = new S3Saver({ store: subject.store, prefix, ...subject.options });
      opened.set(saver, subject);
      return saver;
    },
    async destroyCheckpointer(saver: S3Saver) {
      await opened.get(saver)?.close?.();
      opened.delete(saver);
    },
  };
  specTest(initializer);
  deltaChannelHistoryTests(initializer);
}
