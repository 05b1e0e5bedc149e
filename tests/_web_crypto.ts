/** Counts the calls of WebCrypto's asynchronous half: each is a wait for another thread. */
export async function countWebCrypto(run: () => Promise<unknown>): Promise<string[]> {
  const names = ["digest", "importKey", "sign"] as const;
  const calls: string[] = [];
  const { subtle } = crypto;
  for (const name of names) {
    const own = subtle[name].bind(subtle) as (...args: unknown[]) => unknown;
    Object.defineProperty(subtle, name, {
      configurable: true,
      value: (...args: unknown[]) => {
        calls.push(name);
        return own(...args);
      },
    });
  }
  try {
    await run();
  } finally {
    for (const name of names) delete (subtle as Partial<SubtleCrypto>)[name];
  }
  return calls;
}
