import { type Compression, decodeFrame, encodeFrame } from "@cairn/checkpoint";
import { conversationBytes } from "./_data.ts";
import { type Case, inTurn, median, spread } from "./_measure.ts";
import { table } from "./_table.ts";

/** What is compared. */
export const ALGORITHMS: readonly Compression[] = ["none", "gzip", "deflate-raw", "zstd", "brotli"];
/** The lengths of the payloads, in bytes. */
export const SIZES: readonly number[] = [1e3, 1e4, 1e5, 1e6, 8e6, 64e6];

/** How often a size is run for one number: small ones more often, so that the clock is no part of it. */
export function timesFor(size: number): number {
  return Math.max(1, Math.min(200, Math.round(4e6 / size)));
}

/** A size in words, such as `10 KB`. */
export function label(size: number): string {
  return size < 1e6 ? `${size / 1e3} KB` : `${size / 1e6} MB`;
}

/** Measures every algorithm with every size, and gives the tables. */
export async function compressionReport(rounds: number): Promise<string> {
  const rows: string[][] = [];
  for (const size of SIZES) {
    const payload = conversationBytes(size);
    const cases: Case[] = [];
    const stored = new Map<string, number>();
    for (const compression of ALGORITHMS) {
      const bytes = await encodeFrame(payload, { kind: "chunk", compression });
      stored.set(compression, bytes.length);
      cases.push(
        {
          name: `${compression} in`,
          run: () => encodeFrame(payload, { kind: "chunk", compression }),
        },
        { name: `${compression} out`, run: () => decodeFrame(bytes) },
      );
    }
    const samples = await inTurn(cases, { rounds, times: timesFor(size) });
    for (const compression of ALGORITHMS) {
      const encode = samples.get(`${compression} in`)!, decode = samples.get(`${compression} out`)!;
      const speed = (milliseconds: number) => size / 1e3 / milliseconds;
      rows.push([
        label(size),
        compression,
        (size / stored.get(compression)!).toFixed(2),
        speed(median(encode)).toFixed(0),
        spread(encode.map(speed), 0),
        speed(median(decode)).toFixed(0),
        spread(decode.map(speed), 0),
        median(encode).toFixed(2),
        median(decode).toFixed(2),
      ]);
    }
  }
  return table([
    "payload",
    "compression",
    "ratio",
    "encode MB/s",
    "min–max",
    "decode MB/s",
    "min–max",
    "encode ms",
    "decode ms",
  ], rows);
}
