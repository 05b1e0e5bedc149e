import { getBytes } from "@cairn/checkpoint";
import { edgeStore, type S3Options, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { serverOptions } from "../conformance/_server.ts";

/** A customer's key. */
export const KEY = crypto.getRandomValues(new Uint8Array(32));

const MD5 = createHash("md5").update(KEY).digest("base64");
const MIB = 1024 * 1024;

/** The options of each way to encrypt, and what the server then says of an object. */
export type Ways = Record<
  string,
  [Omit<Partial<S3Options>, "credentials">, Record<string, string>]
>;

/** What the server says of an object, asked with the headers that the store itself sends. */
export async function headersOf({ api }: S3Store, key: string, headers = {}): Promise<Headers> {
  return (await api.request({ method: "HEAD", key, headers, operation: "HeadObject" })).headers;
}

function customerHeaders(options: Pick<S3Options, "sseCustomerKey">): Record<string, string> {
  if (options.sseCustomerKey === undefined) return {};
  const name = "x-amz-server-side-encryption-customer-";
  return {
    [`${name}algorithm`]: "AES256",
    [`${name}key`]: btoa(String.fromCharCode(...KEY)),
    [`${name}key-md5`]: MD5,
  };
}

/** Registers one test for each way and transport. */
export function testEncryption(ways: Ways): void {
  for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
    for (const [way, [options, expected]] of Object.entries(ways)) {
      Deno.test(`${name} writes, copies and uploads in parts by ${way}, and reads back`, async () => {
        const prefix = `sse/${crypto.randomUUID()}/`;
        const store = open({ ...serverOptions(), ...options, partSize: 5 * MIB });
        const large = crypto.getRandomValues(new Uint8Array(65_536));
        const parts = new Uint8Array(11 * MIB).map((_, at) => large[at & 65_535]!);
        await store.put(`${prefix}small`, new Uint8Array([1, 2, 3]));
        await store.copy(`${prefix}small`, `${prefix}copy`);
        await store.put(`${prefix}parts`, new Blob([parts]).stream());
        for (const key of ["small", "copy", "parts"]) {
          const said = await headersOf(store, prefix + key, customerHeaders(options));
          for (const [header, value] of Object.entries(expected)) {
            assert.equal(said.get(header), value, `${key}: ${header}`);
          }
        }
        assert.deepEqual((await getBytes(store, `${prefix}copy`)).bytes, new Uint8Array([1, 2, 3]));
        assert.equal((await store.head(`${prefix}parts`)).size, parts.length);
        const range = { start: 6 * MIB, end: 6 * MIB + 10 };
        const part = await getBytes(store, `${prefix}parts`, { range });
        assert.deepEqual(part.bytes, parts.slice(range.start, range.end));
        await store.delete(["small", "copy", "parts"].map((key) => prefix + key));
      });
    }
  }
}
