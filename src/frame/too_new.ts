import { type CairnErrorOptions, UnsupportedError } from "../errors.ts";

/** The error of what is in a format that this release does not know. */
export function tooNew(what: string, options?: CairnErrorOptions): UnsupportedError {
  return new UnsupportedError(
    `Cannot read ${what}: a newer release wrote it; upgrade @cairn/checkpoint`,
    options,
  );
}
