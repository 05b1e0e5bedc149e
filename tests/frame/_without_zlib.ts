/** Runs in a runtime without node:zlib, as a Worker without nodejs_compat is. */
export async function withoutZlib<T>(run: () => Promise<T>): Promise<T> {
  const { process } = globalThis as unknown as { process: { getBuiltinModule: unknown } };
  const { getBuiltinModule } = process;
  process.getBuiltinModule = undefined;
  try {
    return await run();
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}
