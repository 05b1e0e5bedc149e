/** A request as a scripted server saw it. */
export interface Seen {
  readonly method: string;
  /** The path with its query. */
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** An answer; after so many bytes of its body the server closes the connection, or says no more. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly cutAfter?: number;
  readonly stallAfter?: number;
}

/** What a scripted server does with a request: it may close the connection, or never answer. */
export type Answer = Reply | "reset" | "silence";

/** Serves what a script says over plain TCP, where a test can break a connection at any byte. */
export async function withScript(
  script: (request: Seen, number: number) => Answer | Promise<Answer>,
  use: (endpoint: string, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const endpoint = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const seen: Seen[] = [];
  const open = new Set<Deno.Conn>();
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      serving.push(
        serve(connection, endpoint, seen, script)
          .catch(() => {}) // the client, or the test's end, closed it
          .finally(() => {
            open.delete(connection);
            close(connection);
          }),
      );
    }
  })();
  try {
    await use(endpoint, seen);
  } finally {
    listener.close();
    open.forEach(close);
    await accepting;
    await Promise.all(serving);
  }
}

async function serve(
  connection: Deno.Conn,
  origin: string,
  seen: Seen[],
  script: (request: Seen, number: number) => Answer | Promise<Answer>,
): Promise<void> {
  const read = reader(connection);
  while (true) {
    const request = await nextRequest(read, origin);
    if (request === undefined) return;
    seen.push(request);
    const answer = await script(request, seen.length);
    if (answer === "reset") return;
    if (answer === "silence") {
      await read(Infinity);
      return;
    }
    const { status = 200, headers = {}, body = "", cutAfter, stallAfter } = answer;
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const lines = Object.entries({ "content-length": String(bytes.length), ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`);
    await write(
      connection,
      new TextEncoder().encode(`HTTP/1.1 ${status} Scripted\r\n${lines.join("")}\r\n`),
    );
    if (request.method !== "HEAD" && status !== 204) {
      await write(connection, bytes.subarray(0, cutAfter ?? stallAfter));
    }
    if (stallAfter !== undefined) await read(Infinity);
    if (cutAfter !== undefined || stallAfter !== undefined) return;
  }
}

type Read = (length: number | "head") => Promise<Uint8Array | undefined>;

/** Reads a head up to its empty line, or so many bytes; `undefined` at the end. */
function reader(connection: Deno.Conn): Read {
  let buffer: Uint8Array = new Uint8Array(0);
  return async (length) => {
    while (true) {
      const end = length === "head" ? endOfHead(buffer) : buffer.length >= length ? length : -1;
      if (end >= 0) {
        const result = buffer.subarray(0, end);
        buffer = buffer.subarray(end);
        return result;
      }
      const chunk = new Uint8Array(64 * 1024);
      const count = await connection.read(chunk);
      if (count === null) return undefined;
      const grown = new Uint8Array(buffer.length + count);
      grown.set(buffer);
      grown.set(chunk.subarray(0, count), buffer.length);
      buffer = grown;
    }
  };
}

function endOfHead(buffer: Uint8Array): number {
  for (let at = 3; at < buffer.length; at++) {
    if (
      buffer[at] === 10 && buffer[at - 1] === 13 && buffer[at - 2] === 10 && buffer[at - 3] === 13
    ) return at + 1;
  }
  return -1;
}

async function nextRequest(read: Read, origin: string): Promise<Seen | undefined> {
  const head = await read("head");
  if (head === undefined) return undefined;
  const [first = "", ...lines] = new TextDecoder().decode(head).trimEnd().split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Headers(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as [string, string];
  }));
  const body = await read(Number(headers.get("content-length") ?? 0));
  if (body === undefined) return undefined;
  return { method, url: new URL(target, origin), headers, body: body.slice() };
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
