/**
 * A proxy that lets everything through as it is, so much later: each request
 * takes that long longer, as it does to a server that is farther away. It runs
 * in a process of its own, so that what is measured does not wait for it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { freePort } from "./_child.ts";
import type { Server } from "./_server.ts";

/** A server behind a proxy. */
export interface Delayed {
  readonly server: Server;
  readonly stop: () => Promise<void>;
}

/** Starts a proxy that adds so many milliseconds to each request of a server. */
export async function delayed(server: Server, milliseconds: number): Promise<Delayed> {
  const port = freePort();
  const { hostname, port: target } = new URL(server.endpoint);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      fileURLToPath(import.meta.url),
      `${port}`,
      hostname,
      target,
      `${milliseconds}`,
    ],
    stdin: "null",
    stderr: "inherit",
  }).spawn();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
  };
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return { server: { ...server, endpoint: `http://127.0.0.1:${port}` }, stop };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  await stop();
  throw new Error(`The proxy does not answer on port ${port}`);
}

/** Passes on what one end sends to the other, each piece so much later than it came. */
async function pass(from: Deno.Conn, to: Deno.Conn, milliseconds: number): Promise<void> {
  // The pieces wait side by side, and go in their order: one that is late holds up those after it.
  let last: Promise<unknown> = Promise.resolve();
  for await (const bytes of from.readable) {
    const due = new Promise((resolve) => setTimeout(resolve, milliseconds));
    last = last.then(() => due).then(() => writeAll(to, bytes));
    last.catch(() => from.close());
  }
  await last;
  await to.closeWrite();
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}

async function serve(client: Deno.Conn, hostname: string, port: number, milliseconds: number) {
  const server = await Deno.connect({ hostname, port });
  for (const end of [client, server]) (end as Deno.TcpConn).setNoDelay();
  // One way alone waits: a request and its answer then take that much longer, once.
  await Promise.allSettled([pass(client, server, milliseconds), pass(server, client, 0)]);
  for (const end of [client, server]) {
    try {
      end.close();
    } catch {
      // It is closed already.
    }
  }
}

if (import.meta.main) {
  const [port, hostname, target, milliseconds] = Deno.args;
  for await (const client of Deno.listen({ hostname: "127.0.0.1", port: Number(port) })) {
    serve(client, hostname!, Number(target), Number(milliseconds)).catch(() => client.close());
  }
}
