/**
 * What a runtime packs and unpacks, by its streams and, where it has one, by its
 * node:zlib: Workers have none without nodejs_compat.
 */

import {
  CorruptError,
  decodeFrame,
  encodeFrame,
  getBytes,
  supportedCompressions,
} from "@cairn/checkpoint";

/** 3,000 times `stone ` as other libraries pack it: Python's gzip, and zlib's raw form. */
const STONES = new TextEncoder().encode("stone ".repeat(3_000));
const FOREIGN = {
  "gzip":
    "H4sIAAAAAAACA+3EsQ0AAAQAsFc8Z2Xg/7hD0g6d7coY27Zt27Zt27Zt27Zt27Zt27Zt27Zt27Zt2/bzD1pEMLBQRgAA",
  "deflate-raw": "7cSxDQAABACwVzxnZeD/uEPSDp3tyhjbtm3btm3btm3btm3btm3btm3btm3btm3b9vMP",
};
const ID = { "gzip": 1, "deflate-raw": 2 };

/** What hardly repeats and shrinks all the same. */
function text(length) {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0;
    bytes[at] = 97 + (state >>> 28);
  }
  return bytes;
}

const isSame = (one, other) =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

function must(holds, what) {
  if (!holds) throw new Error(what);
}

/** A frame of a packed payload, with a checksum that fits. */
async function frameOf(compression, packed, length) {
  const head = new Uint8Array(32);
  head.set([0x89, 0x43, 0x52, 0x4e, 1, 3, ID[compression], 0]);
  new DataView(head.buffer).setBigUint64(8, BigInt(length));
  const summed = new Uint8Array([...head, ...packed]);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", summed));
  return new Uint8Array([...head, ...sum.subarray(0, 16), ...packed]);
}

async function refuses(frame, what) {
  const error = await decodeFrame(frame).then(() => undefined, (error) => error);
  must(error instanceof CorruptError, `${what}: ${error ?? "it was read"}`);
}

/** Runs as in a runtime without node:zlib. */
async function byStreams(run) {
  const { process } = globalThis;
  const { getBuiltinModule } = process ?? {};
  if (getBuiltinModule === undefined) return await run();
  process.getBuiltinModule = undefined;
  try {
    return await run();
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}

const asItIs = (run) => run();

/** The cases, by way of a store. */
export function compression(store) {
  const cases = supportedCompressions().write.flatMap((name) => [{
    name: `what is packed by ${name} comes back, of any size`,
    run: async () => {
      for (const length of [0, 1, 300, 32_768, 32_769, 1_000_000]) {
        const payload = text(length);
        const key = `runtimes/${crypto.randomUUID()}`;
        // workerd's zstd fails where its output is large, which then is gzip.
        const compression = name === "zstd" ? { readers: ["zstd", "gzip"] } : name;
        await store.put(key, await encodeFrame(payload, { kind: "chunk", compression }));
        const frame = await decodeFrame((await getBytes(store, key)).bytes, { kind: "chunk" });
        await store.delete([key]);
        must(isSame(frame.payload, payload), `${length} bytes came back as others`);
        const due = name === "zstd" && (length < 16_384 || length > 100_000) ? "gzip" : name;
        const held = length < 300 || [name, due].includes(frame.compression);
        must(held, `${length} bytes by ${frame.compression}`);
      }
    },
  }]);
  for (const name of Object.keys(FOREIGN)) {
    const packed = Uint8Array.from(atob(FOREIGN[name]), (digit) => digit.charCodeAt(0));
    cases.push({
      name: `${name} is the same by streams and by node:zlib, and as others write it`,
      run: async () => {
        for (const length of [300, 100_000]) {
          const payload = text(length);
          for (const write of [asItIs, byStreams]) {
            const options = { kind: "chunk", compression: name };
            const bytes = await write(() => encodeFrame(payload, options));
            for (const read of [asItIs, byStreams]) {
              must(isSame((await read(() => decodeFrame(bytes))).payload, payload), "not the same");
            }
          }
        }
        const frame = await frameOf(name, packed, STONES.length);
        for (const read of [asItIs, byStreams]) {
          must(isSame((await read(() => decodeFrame(frame))).payload, STONES), "another's");
        }
      },
    }, {
      name: `${name} that is cut short, goes on, or gives more than it says is refused`,
      run: async () => {
        const { length } = STONES;
        for (const read of [asItIs, byStreams]) {
          await read(async () => {
            await refuses(await frameOf(name, packed.subarray(0, -1), length), "cut short");
            await refuses(await frameOf(name, packed, length - 1), "it gives more");
            await refuses(await frameOf(name, packed, length + 1), "it gives less");
          });
        }
        // The streams of Node 20 pass over what follows; it reads by its node:zlib.
        await refuses(await frameOf(name, new Uint8Array([...packed, 0]), length), "it goes on");
      },
    });
  }
  return cases;
}
