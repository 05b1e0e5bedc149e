import { InvalidInputError } from "../errors.ts";
import { concat } from "./body.ts";
import { withController } from "./_abort.ts";
import { MAX_PARTS, MIB } from "./limits.ts";
import { piecesOf } from "./_source.ts";
import type { Body, PutResult } from "./store.ts";

/** A part that the store has. */
export interface PartRef {
  /** From 1. */
  readonly number: number;
  /** Its ETag without quotes. */
  readonly etag: string;
}

/** A multipart upload that was started, of bytes or of what stands for them. */
export interface MultipartUpload<Part = Uint8Array> {
  /** Sends a part. Once this resolves its bytes may be taken, for another's: keep none of them. */
  part(number: number, part: Part, signal: AbortSignal): Promise<PartRef>;
  /** Makes the object of the parts, in order. */
  complete(parts: readonly PartRef[], signal: AbortSignal): Promise<PutResult>;
  /** Drops what was sent. */
  abort(): Promise<void>;
}

/** What can be cut into parts: bytes, or what stands for them. */
export interface Sliceable<Part> {
  /** In bytes. */
  readonly length: number;
  /** The part from `start` to before `end`. */
  subarray(start: number, end: number): Part;
}

/** How a body is sent. */
export interface UploadOptions<Part = Uint8Array> {
  /** The length of each part but the last, in bytes. */
  readonly partSize: number;
  /** The most parts in memory at once, with the one that is being read. */
  readonly partsInFlight: number;
  /** The most bytes that go in one request. */
  readonly threshold: number;
  /** The length of a stream where it is known: the part size then grows to fit. */
  readonly length?: number | undefined;
  /** Sends a whole body in one request. */
  putSingle(bytes: Uint8Array): Promise<PutResult>;
  /**
   * Starts a multipart upload. It takes no signal: who does not wait for its id
   * cannot abort it.
   */
  start(): Promise<MultipartUpload<Part>>;
  /** Cancels the upload. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a body: up to the threshold in one request, and above it in parts of
 * one size, a bounded number of them in memory. Bytes are cut without a copy.
 *
 * Where anything fails, or the signal aborts, the source is cancelled, what is
 * in flight is stopped and waited for, and the upload is aborted, so that
 * nothing is left behind.
 *
 * @throws {InvalidInputError} where a stream goes on beyond 10,000 parts.
 */
export async function uploadStream(body: Body, options: UploadOptions): Promise<PutResult> {
  const { threshold, signal } = options;
  const isWhole = body instanceof Uint8Array;
  if (isWhole) {
    return body.length <= threshold
      ? await options.putSingle(body)
      : await uploadSlices(body, options);
  }
  const partSize = partSizeFor(options);
  return await withController(signal, async (control) => {
    const source = piecesOf(body, control.signal);
    try {
      const head: Uint8Array[] = [];
      let length = 0;
      while (length <= threshold) {
        const { done, value } = await source.next();
        if (done) return await options.putSingle(concat(head));
        head.push(value);
        length += value.length;
      }
      const buffers = reusable(partSize);
      const parts = cut(chain(head, source), partSize, buffers);
      return await uploadParts(parts, partSize, options, control, buffers.give);
    } catch (error) {
      control.abort(error);
      throw error;
    } finally {
      await source.return();
    }
  });
}

/**
 * Sends what is known whole in parts of one size, the last one shorter: bytes, or
 * what stands for them. Where anything fails nothing is left behind.
 */
export async function uploadSlices<Part>(
  whole: Sliceable<Part>,
  options: Pick<UploadOptions<Part>, "partSize" | "partsInFlight" | "start" | "signal">,
): Promise<PutResult> {
  const { length } = whole;
  const partSize = partSizeFor({ ...options, length });
  return await withController(
    options.signal,
    (control) => uploadParts(slices(whole, partSize), partSize, options, control),
  );
}

/** The part size, grown in whole MiB where a known length would need too many parts. */
export function partSizeFor(
  { partSize, length = 0 }: { partSize: number; length?: number | undefined },
): number {
  if (length <= partSize * MAX_PARTS) return partSize;
  return Math.ceil(length / MAX_PARTS / MIB) * MIB;
}

async function uploadParts<Part>(
  parts: AsyncIterable<Part> | Iterable<Part>,
  partSize: number,
  { partsInFlight, start }: Pick<UploadOptions<Part>, "partsInFlight" | "start">,
  control: AbortController,
  sentPart?: (part: Part) => void,
): Promise<PutResult> {
  const { signal } = control;
  const upload = await start();
  const sending = new Set<Promise<void>>();
  const sent: PartRef[] = [];
  const send = async (number: number, part: Part) => {
    try {
      sent[number - 1] = await upload.part(number, part, signal);
      sentPart?.(part);
    } catch (error) {
      control.abort(error);
    }
  };
  try {
    let number = 0;
    signal.throwIfAborted();
    for await (const piece of parts) {
      if (++number > MAX_PARTS) {
        throw new InvalidInputError(
          `Cannot send more than ${partSize * MAX_PARTS} bytes: the limit is ${MAX_PARTS} parts, ` +
            `and partSize is ${partSize}; give a larger one`,
        );
      }
      const part: Promise<void> = send(number, piece).finally(() => sending.delete(part));
      sending.add(part);
      // Before the next part is read, so that it is one of those in memory.
      if (sending.size >= partsInFlight) await Promise.race(sending);
      signal.throwIfAborted();
    }
    await Promise.all(sending);
    signal.throwIfAborted();
    return await upload.complete(sent, signal);
  } catch (error) {
    control.abort(error);
    await Promise.all(sending);
    // The first failure is the one to tell; a lifecycle rule ends what this cannot.
    await upload.abort().catch(() => {});
    throw signal.reason;
  }
}

/** Cuts what is known whole into parts of one size, without a copy; only the last may be shorter. */
export function* slices<Part>(whole: Sliceable<Part>, size: number): Generator<Part, void> {
  const { length } = whole;
  for (let at = 0; at < length; at += size) yield whole.subarray(at, Math.min(at + size, length));
}

/** Lets go of the head piece by piece, so that it is not held beside its copy. */
async function* chain(
  head: Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  while (head.length > 0) yield head.shift()!;
  yield* rest;
}

/** Buffers to fill again: left to the garbage collector, a long stream's parts pile up. */
interface Buffers {
  take(): Uint8Array;
  /** Gives a buffer back; a source's own memory is left alone. */
  give(bytes: Uint8Array): void;
}

function reusable(size: number): Buffers {
  const own = new Set<Uint8Array>();
  const spare: Uint8Array[] = [];
  return {
    take() {
      const buffer = spare.pop() ?? new Uint8Array(size);
      own.add(buffer);
      return buffer;
    },
    give(bytes) {
      // Moved, not copied: an attempt that failed and reads on finds it empty, not refilled.
      if (own.delete(bytes)) spare.push(structuredClone(bytes, { transfer: [bytes.buffer] }));
    },
  };
}

/** Cuts pieces of any length into parts of one size; only the last may be shorter. */
export async function* cut(
  pieces: AsyncIterable<Uint8Array>,
  size: number,
  buffers: Buffers = reusable(size),
): AsyncGenerator<Uint8Array, void> {
  let part: Uint8Array | undefined;
  let filled = 0;
  for await (let piece of pieces) {
    while (piece.length > 0) {
      const taken = piece.subarray(0, size - filled);
      piece = piece.subarray(taken.length);
      if (taken.length === size) {
        yield taken;
        continue;
      }
      part ??= buffers.take();
      part.set(taken, filled);
      filled += taken.length;
      if (filled === size) {
        yield part;
        part = undefined;
        filled = 0;
      }
    }
  }
  if (part !== undefined) yield part.subarray(0, filled);
}
