import type { Checkpoint } from "@langchain/langgraph-checkpoint";
import { CorruptError } from "../errors.ts";
import { quote } from "../store/key.ts";

/**
 * What a checkpoint holds beside its channels, as it was stored: what comes from
 * a bucket may be anybody's.
 *
 * @throws {CorruptError} where it is not that checkpoint's.
 */
export function headOf(id: string, stored: unknown): Checkpoint {
  const head = stored as Checkpoint | null | undefined;
  if (head?.id === id && typeof (head.channel_versions ?? {}) === "object") return head;
  throw new CorruptError(
    `The checkpoint ${quote(id)} holds no checkpoint of LangGraph's of that id: it was altered, ` +
      "or S3Checkpointer saved it; keep the two under different prefixes",
  );
}
