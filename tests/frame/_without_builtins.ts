/** Runs in a runtime without the modules of Node, as a Worker without nodejs_compat is. */
export async function withoutBuiltins<T>(run: () => Promise<T>): Promise<T> {
  const { process } = globalThis as unknown as { process: { getBuiltinModule: unknown } };
  const { getBuiltinModule } = process;
  process.getBuiltinModule = undefined;
  try {
    return await run();
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}
