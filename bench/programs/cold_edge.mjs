import { S3Checkpointer } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";

/** What a program makes before its first request: the core, on `./edge`. */
export function make(options) {
  return new S3Checkpointer(edgeStore(options));
}
