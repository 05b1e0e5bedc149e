import assert from "node:assert/strict";
import { createServer, request as send, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./_behind_proxies.ts", import.meta.url));

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** What a bucket's server, and the proxy before it, are asked by a program with such an environment. */
async function seenWith(environment: (proxy: string) => Record<string, string>, scheme = "http") {
  const seen = { direct: [] as string[], proxied: [] as string[] };
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const [, bucket = ""] = url.split("/");
    seen[headers["x-by-proxy"] ? "proxied" : "direct"].push(`${method} ${bucket}`);
    request.resume().on("end", () => {
      const last = { "last-modified": new Date(0).toUTCString() };
      response.writeHead(200, { etag: '"e1"', "content-length": "0", ...last }).end();
    });
  });
  const port = await listen(server);
  const proxy = createServer((request, response) => {
    const { pathname, search } = new URL(request.url!);
    const { method, headers } = request;
    const onward = send(
      { port, method, path: pathname + search, headers: { ...headers, "x-by-proxy": "1" } },
      (answer) => answer.pipe(response.writeHead(answer.statusCode!, answer.headers)),
    );
    request.pipe(onward);
  });
  proxy.on("connect", (request, socket) => {
    seen.proxied.push(`${request.method} ${request.url!.replace(String(port), "port")}`);
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  const address = `http://127.0.0.1:${await listen(proxy)}`;
  const inherited = ["PATH", "HOME", "DENO_DIR"].map((name) => [name, Deno.env.get(name) ?? ""]);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", PROGRAM, `${scheme}://127.0.0.1:${port}`],
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), ...environment(address) },
  }).output();
  await Promise.all([server, proxy].map((one) => {
    one.closeAllConnections();
    return new Promise((resolve) => one.close(resolve));
  }));
  assert(success, new TextDecoder().decode(stderr));
  return seen;
}

const SDK = ["PUT the-sdk", "GET the-sdk"];
const EDGE = ["PUT the-edge", "GET the-edge"];

Deno.test("sdkStore and edgeStore ask the server itself where no proxy is set", async () => {
  assert.deepEqual(await seenWith(() => ({})), { direct: [...SDK, ...EDGE], proxied: [] });
});

for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) {
  Deno.test(`sdkStore in Deno sends all requests past ${name}, as the SDK does, and edgeStore all through it`, async () => {
    assert.deepEqual(await seenWith((proxy) => ({ [name]: proxy })), {
      direct: SDK,
      proxied: EDGE,
    });
  });
}

Deno.test("sdkStore and edgeStore go through a proxy with NODE_USE_ENV_PROXY, but where NO_PROXY says not", async () => {
  const asked = (proxy: string) => ({ HTTP_PROXY: proxy, NODE_USE_ENV_PROXY: "1" });
  assert.deepEqual(await seenWith(asked), { direct: [], proxied: [...SDK, ...EDGE] });
  const spared = (proxy: string) => ({ ...asked(proxy), NO_PROXY: "127.0.0.1" });
  assert.deepEqual(await seenWith(spared), { direct: [...SDK, ...EDGE], proxied: [] });
});

Deno.test("sdkStore in Deno sends all requests past HTTPS_PROXY, too", async () => {
  const { proxied } = await seenWith((proxy) => ({ HTTPS_PROXY: proxy }), "https");
  assert.deepEqual(proxied, EDGE.map(() => "CONNECT 127.0.0.1:port"));
});
