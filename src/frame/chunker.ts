/**
 * Cuts a large value where its content says, so that what two values share is
 * cut alike, wherever in them it stands. `docs/format.md` has the algorithm in
 * words, and vectors: the same bytes are cut alike for ever.
 *
 * A gear hash proposes places to cut, and each place gets a rank from the bytes
 * before it. A place is a boundary at some scale where no place near it, by
 * that scale, outranks it; so the boundaries of a coarse scale are among those
 * of a finer one. Fine pieces stand at a value's end, coarse ones before: what
 * is appended changes only small pieces, and as the value grows those are
 * joined, four and more at a time.
 *
 * @module
 */

/** The most pieces a value is cut into. */
export const MAX_PIECES = 32;

/** Up to how many bytes a value is left in one piece. */
const WHOLE = 64 * 1024;

/**
 * The finest scale, in bytes: a 64th of the value's bytes within these bounds.
 * Pieces at a value's end are a third longer on average.
 */
const FINEST_LEAST = 28 * 1024, FINEST_MOST = 36 * 1024;

/** How much coarser each scale is than the one before. */
const STEP = 4;

/** How much farther a boundary must stand out to its left than to its right, where its value may end. */
const ASKEW = 4;

/** The coarsest scale is a twentieth of the value's bytes, these not counted. */
const SMALL = 320 * 1024;

/** The bytes after a proposed place in which there is no other, and the last of them, which the hash remembers. */
const APART = 1024;
const REMEMBERED = 32;

/** How many leading zero bits of the hash propose a place: each 2,048th byte. */
const ZERO_BITS = 11;

/** Places where a value may be cut, in ascending order, each with its rank. */
export interface Places {
  /** How many bytes stand before each place. */
  readonly at: readonly number[];
  /** A number of 32 bits for each place, as good as random, by the bytes before it. */
  readonly rank: readonly number[];
}

/**
 * Cuts bytes into at most {@link MAX_PIECES} pieces, as views. The same bytes
 * always give the same pieces.
 */
export function cut(bytes: Uint8Array): Uint8Array[] {
  const ends = [...boundaries(places(bytes), bytes.length), bytes.length];
  return ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end));
}

/** The finalizer of MurmurHash3: mixes 32 bits. */
function mix(bits: number): number {
  bits = Math.imul(bits ^ bits >>> 16, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 13, 0xc2b2ae35);
  return (bits ^ bits >>> 16) >>> 0;
}

/** What each byte adds to the hash. */
const GEAR = /* @__PURE__ */ Int32Array.from(
  { length: 256 },
  (_, byte) => mix(Math.imul(byte + 1, 0x9e3779b1)),
);

/** The places that the content proposes. */
export function places(bytes: Uint8Array): Places {
  const { length } = bytes;
  const at: number[] = [];
  const rank: number[] = [];
  for (let next = APART; next < length; next += APART) {
    let hash = 0;
    let sum = 0;
    for (let before = next - REMEMBERED; before < next; before++) {
      hash = (hash << 1) + GEAR[bytes[before]!]! | 0;
    }
    do {
      hash = (hash << 1) + GEAR[bytes[next++]!]! | 0;
      sum = sum + hash | 0;
    } while (hash >>> 32 - ZERO_BITS > 0 && next < length);
    if (next === length) break;
    at.push(next);
    // Text that repeats gives the same hash at each repetition; what stands between seldom does.
    rank.push(mix(sum));
  }
  return { at, rank };
}

/** Where to cut a value of a length, in ascending order. */
export function boundaries({ at, rank }: Places, length: number): number[] {
  if (length <= WHOLE) return [];
  const reach = reaches({ at, rank }, length);
  let finest = Math.min(Math.max(Math.floor(length / 64), FINEST_LEAST), FINEST_MOST);
  let coarsest = Math.max(Math.floor((length - SMALL) / 20), finest);
  for (;;) {
    // From the end to the front: a boundary counts where none after it is of a coarser scale.
    const cuts: number[] = [];
    let scale = finest;
    let end = length;
    const cutUpTo = (start: number) => {
      const most = Math.max(2 * scale, Math.ceil((end - start) / 8));
      cuts.push(...(end === length ? splitLast : split)(start, end, most));
      end = start;
    };
    for (let place = at.length - 1; place >= 0 && cuts.length < MAX_PIECES; place--) {
      if (reach[place]! < scale) continue;
      cutUpTo(at[place]!);
      cuts.push(end);
      while (scale * STEP < coarsest && reach[place]! >= scale * STEP) scale *= STEP;
      if (reach[place]! >= coarsest) scale = coarsest;
    }
    cutUpTo(0);
    if (cuts.length < MAX_PIECES) return cuts.reverse();
    finest += Math.floor(finest / 8);
    coarsest += Math.floor(coarsest / 8);
  }

  /**
   * Cuts a piece that is too long where it would be cut by a finer scale, which
   * a shorter value has. Gives the cuts in descending order.
   */
  function split(start: number, end: number, most: number): number[] {
    if (end - start <= most + most / 8) return [];
    let middle = start + most;
    let farthest = 0;
    for (let place = 0; at[place]! < end - most / 8; place++) {
      if (at[place]! <= start + most / 8 || reach[place]! <= farthest) continue;
      farthest = reach[place]!;
      middle = at[place]!;
    }
    return [...split(middle, end, most), middle, ...split(start, middle, most)];
  }

  /** Cuts a last piece that is too long, where no byte that is appended moves the cuts. */
  function splitLast(start: number, end: number, most: number): number[] {
    const cuts: number[] = [];
    while (end - start > most + most / 8) {
      let next = start + most;
      let highest = -1;
      for (let place = 0; at[place]! <= start + most; place++) {
        if (at[place]! <= start + most / 4 || rank[place]! <= highest) continue;
        highest = rank[place]!;
        next = at[place]!;
      }
      cuts.unshift(start = next);
    }
    return cuts;
  }
}

/**
 * How far each place stands out: the coarsest scale by which it is a boundary.
 * To the left no place within the scale may have its rank or a higher one, to
 * the right none within a quarter of it a higher one, and the end comes last.
 */
function reaches({ at, rank }: Places, length: number): number[] {
  const reach: number[] = [];
  /** The places so far that nothing to their right outranks. */
  const open: number[] = [];
  const close = (least: number, here: number) => {
    for (let top = open.at(-1); top !== undefined && rank[top]! < least; top = open.at(-1)) {
      reach[top] = Math.min(reach[top]!, (here - at[top]!) * ASKEW);
      open.pop();
    }
  };
  for (let place = 0; place < at.length; place++) {
    close(rank[place]!, at[place]!);
    reach.push(open.length === 0 ? Infinity : at[place]! - at[open.at(-1)!]!);
    open.push(place);
  }
  close(Infinity, length);
  return reach;
}
