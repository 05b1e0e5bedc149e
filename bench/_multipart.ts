import { fileURLToPath } from "node:url";
import { figures, median, ratios } from "./_measure.ts";
import { PART_SIZE, PARTS_IN_FLIGHT } from "./_parts.ts";
import { environmentOf, type Server } from "./_server.ts";
import { table } from "./_table.ts";
import { UPLOADS } from "./_target.ts";
import type { UploadResult } from "./_upload.ts";

const MIB = 2 ** 20;
/** The length of the stream, in bytes. */
export const UPLOAD_SIZE: number = 256 * MIB;

/** Uploads in turn, each time in a new process, and gives the table. */
export async function multipartReport(server: Server, rounds: number): Promise<string> {
  const names = Object.keys(UPLOADS);
  const results = new Map<string, UploadResult[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (let index = 0; index < names.length; index++) {
      const name = names[(index + round + 1) % names.length]!;
      const result = await uploadInChild(server, name);
      // The first round only warms up the server and the disk.
      if (round >= 0) results.get(name)!.push(result);
    }
  }
  const speeds = new Map(
    [...results].map(([name, list]) =>
      [name, list.map(({ milliseconds }) => UPLOAD_SIZE / MIB / milliseconds * 1e3)] as const
    ),
  );
  const rows = names.map((name) => {
    const speed = speeds.get(name)!;
    const times = ratios(speed, speeds.get(names[0]!)!);
    const memory = results.get(name)!.map(({ memory }) => memory / MIB);
    return [
      name,
      ...figures(speed, 0),
      ...figures(times, 2),
      median(memory).toFixed(0),
      Math.max(...memory).toFixed(0),
    ];
  });
  const bound = PARTS_IN_FLIGHT * PART_SIZE / MIB + 64;
  return [
    `${UPLOAD_SIZE / MIB} MiB from a stream of unknown length, ${PART_SIZE / MIB} MiB a part, ` +
    `${PARTS_IN_FLIGHT} parts in flight. The bounds: 1.0 × \`Upload\`, and ${bound} MiB. ` +
    `Of bytes that it is given, fetch makes copies, two in Deno, and leaves them to the garbage ` +
    `collector: that is the memory of "aws4fetch and fetch alone". \`edgeStore\` gives it views of ` +
    `each part, one after the other.`,
    "",
    table([
      "upload by",
      "MiB/s",
      "min–max",
      "× Upload",
      "min–max",
      "memory above idle, MiB",
      "most",
    ], rows),
  ].join("\n");
}

async function uploadInChild(server: Server, name: string): Promise<UploadResult> {
  const script = fileURLToPath(new URL("./_upload.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", script, name, String(UPLOAD_SIZE)],
    env: environmentOf(server),
    signal: AbortSignal.timeout(120_000),
    stderr: "inherit",
  });
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error(`The upload by ${name} failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as UploadResult;
}
