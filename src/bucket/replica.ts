import { InvalidInputError } from "../errors.ts";
import type { S3Store } from "../s3/api.ts";
import { textOf } from "../s3/xml.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import { documentOf, readState } from "./_states.ts";
import { SECTIONS } from "./configuration.ts";

/**
 * Checks that one bucket can be replicated to the other: they are two, and
 * both keep versions. Rules may then be planned for the first, and the second
 * be read where it fails (`withReplica`).
 *
 * @throws {InvalidInputError} that names the bucket that is not ready, and what it lacks.
 * @throws {UnsupportedError} where a store is none of S3's, or its server keeps no versions.
 *
 * @example
 * ```ts
 * import { InvalidInputError } from "@cairn/checkpoint";
 * import { checkReplica } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * await assert.rejects(checkReplica(store, store), InvalidInputError);
 * ```
 */
export async function checkReplica(
  origin: S3Store,
  replica: S3Store,
  options: CallOptions = {},
): Promise<void> {
  const [from, to] = [apiOf(origin), apiOf(replica)];
  // On AWS a name is one bucket; elsewhere two servers may have one of the same name.
  const isAws = from.dialect === "aws" && to.dialect === "aws";
  if (origin === replica || (isAws && from.bucket === to.bucket)) {
    throw new InvalidInputError(
      `Cannot replicate bucket "${from.bucket}" to itself: give the store of another bucket`,
    );
  }
  await Promise.all([from, to].map(async (api) => {
    const document = documentOf(await readState(SECTIONS.versioning, api, options));
    const status = document && textOf(document, "Status") || "Disabled";
    if (status === "Enabled") return;
    throw new InvalidInputError(
      `Cannot replicate bucket "${from.bucket}" to "${to.bucket}": the versioning of ` +
        `"${api.bucket}" is ${status}; plan \`versioning: "enabled"\` for it first`,
    );
  }));
}
