/** What a child says on its standard output begins so; anything else it prints is passed on. */
const MARK = "@bench ";

/** A process of its own that does what it is told, one call after the other. */
export interface Child {
  /** Has it do something, and gives its answer. */
  readonly call: <T>(name: string, args?: unknown) => Promise<T>;
  /** Lets it end, and waits for that. */
  readonly close: () => Promise<void>;
}

/** What is started, and where. */
export interface ChildOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a program that reads calls as lines of JSON and answers each with one:
 * `programs/serve.mjs` and `programs/serve.py` are its other end.
 */
export function startChild(command: string, { args, cwd, env = {} }: ChildOptions): Child {
  const process = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = process.stdin.getWriter();
  const answers = answersOf(process.stdout);
  return {
    async call<T>(name: string, what: unknown = {}) {
      await input.write(new TextEncoder().encode(`${JSON.stringify({ name, args: what })}\n`));
      const { done, value } = await answers.next();
      if (done) throw new Error(`${command} ${args.join(" ")} ended in the middle of ${name}`);
      const answer = JSON.parse(value) as { value: T; error?: string };
      if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
      return answer.value;
    },
    async close() {
      await input.close();
      const { success, code } = await process.status;
      if (!success) throw new Error(`${command} ended with code ${code}`);
    },
  };
}

async function* answersOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith(MARK)) yield line.slice(MARK.length);
      else console.error(line);
    }
  }
}

/** A free port of the loopback interface. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
