import { mkdir, realpath, stat } from "node:fs/promises";
import { AccessError, InvalidInputError, NotFoundError } from "../errors.ts";
import { codeOf } from "./_file_errors.ts";

/** The directory of a store, with every link on the way to it followed; made where that is wanted. */
export async function openRoot(given: string, create: boolean): Promise<string> {
  try {
    const root = await realpath(given);
    if ((await stat(root)).isDirectory()) return root;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" && create) {
      await mkdir(given, { recursive: true });
      return await realpath(given);
    }
    // The counterpart of a missing bucket, never to be read as a missing object.
    if (code === "ENOENT") {
      throw new NotFoundError(
        `There is no directory ${
          JSON.stringify(given)
        }: make it first, or set createDirectory: true`,
        { what: "bucket", cause: error },
      );
    }
    if (code !== "ENOTDIR") throw error;
  }
  throw new InvalidInputError(
    `Cannot keep objects in ${JSON.stringify(given)}: it is not a directory`,
  );
}

/** Makes sure that no link stands between the root and a directory below it. */
export async function refuseLinks(root: string, directory: string): Promise<void> {
  if (directory === root || await realpath(directory) === directory) return;
  throw new AccessError(
    `Cannot use ${
      JSON.stringify(directory)
    }: a symbolic link stands on the way, and links are not followed`,
  );
}
