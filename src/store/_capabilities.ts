import { UnsupportedError } from "../errors.ts";
import { quote } from "./key.ts";
import type { ObjectStore, PutOptions, VersionOptions } from "./store.ts";

/**
 * Refuses what a call asks for where the store has said that it cannot.
 *
 * @throws {UnsupportedError} that names the store.
 */
export function requireCapabilities(
  { name, capabilities }: Pick<ObjectStore, "name" | "capabilities">,
  key: string,
  { attributes, versionId }: Pick<PutOptions, "attributes"> & VersionOptions,
): void {
  const missing = attributes !== undefined && !capabilities.attributes
    ? "attributes"
    : versionId !== undefined && !capabilities.versions
    ? "versions"
    : undefined;
  if (missing === undefined) return;
  throw new UnsupportedError(
    `Cannot use ${
      quote(key)
    } with ${missing}: ${name} keeps none; ask capabilities.${missing} first`,
    { key },
  );
}
