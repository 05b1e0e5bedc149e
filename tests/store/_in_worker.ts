/** Does something where the runtime says that it is a Cloudflare Worker. */
export async function inWorker<T>(work: () => T | Promise<T>): Promise<T> {
  const theirs = Object.getOwnPropertyDescriptor(globalThis, "navigator")!;
  const value = { userAgent: "Cloudflare-Workers" };
  Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  try {
    return await work();
  } finally {
    Object.defineProperty(globalThis, "navigator", theirs);
  }
}
