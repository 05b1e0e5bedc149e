import {
  AccessError,
  CairnError,
  type CairnErrorOptions,
  InvalidInputError,
  UnavailableError,
} from "../errors.ts";

/** The word that the system has for an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Whether an error says that a file, or a directory on the way to it, is not there. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Runs calls of the system and makes their errors ours. Nobody else's errors may come by here. */
export async function system<T>(
  doing: string,
  key: string | undefined,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileError(error, doing, key);
  }
}

/** Makes a system's error one of ours. */
export function fileError(error: unknown, doing: string, key?: string): unknown {
  if (error instanceof CairnError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  const options: CairnErrorOptions = { cause: error, code, key };
  // Deno has a name for a permission that was not given, where others have a code.
  const denied = /^(?:EACCES|EPERM|EROFS)$/.test(code ?? "") ||
    /^(?:NotCapable|PermissionDenied)$/.test(error.name);
  if (denied) {
    return new AccessError(
      `Cannot ${doing}: this process may not (${code ?? error.name})`,
      options,
    );
  }
  if (code === undefined) return error;
  if (code === "ENAMETOOLONG") {
    return new InvalidInputError(
      `Cannot ${doing}: its path is too long here; use shorter keys, or a directory nearer the root`,
      options,
    );
  }
  return new UnavailableError(`Cannot ${doing}: the file system says ${code}`, options);
}
