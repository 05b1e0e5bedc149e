import { S3Checkpointer } from "@cairn/checkpoint";
import { sdkStore } from "@cairn/checkpoint/sdk";

/** What a program makes before its first request: the core, on `./sdk`. */
export function make(options) {
  return new S3Checkpointer(sdkStore(options));
}
