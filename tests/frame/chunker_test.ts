import assert from "node:assert/strict";
import fc from "fast-check";
import { boundaries, cut, MAX_PIECES, type Places, places } from "../../src/frame/chunker.ts";
import { concat } from "../../src/store/body.ts";
import vectors from "./chunker_vectors.json" with { type: "json" };
import { contentOf, noise } from "./_content.ts";

const KIB = 1024, MIB = 1024 * KIB, GIB = 1024 * MIB;

for (const { content, length, pieces } of vectors.cuts) {
  Deno.test(`cut() cuts ${length} bytes of ${content} as its vector says`, () => {
    assert.deepEqual(cut(contentOf(content, length)).map((piece) => piece.length), pieces);
  });
}

Deno.test("places() proposes what its vector says", () => {
  const { content, length, at, rank } = vectors.places;
  assert.deepEqual(places(contentOf(content, length)), { at, rank });
});

/** Bytes of many kinds: noise, text that repeats, runs of one byte, one after the other. */
const content = fc.array(
  fc.oneof(
    fc.record({ seed: fc.nat(), length: fc.nat(300 * KIB) })
      .map(({ seed, length }) => noise(length, seed)),
    fc.record({ text: fc.string({ unit: "binary", minLength: 1 }), times: fc.nat(5_000) })
      .map(({ text, times }) => new TextEncoder().encode(text.repeat(times))),
    fc.record({ byte: fc.nat(255), length: fc.nat(300 * KIB) })
      .map(({ byte, length }) => new Uint8Array(length).fill(byte)),
  ),
  { maxLength: 6 },
).map(concat);

Deno.test("cut() gives at most 32 pieces, which join to the same bytes", () => {
  fc.assert(
    fc.property(content, (bytes) => {
      const pieces = cut(bytes);
      assert(pieces.length <= MAX_PIECES);
      assert(bytes.length === 0 || pieces.every((piece) => piece.length > 0));
      assert(bytes.length > 64 * KIB || pieces.length === 1);
      assert.equal(indexOfDifference(concat(pieces), bytes), -1);
    }),
    { numRuns: 60 },
  );
});

Deno.test("cut() cuts the same bytes alike wherever their memory begins", () => {
  fc.assert(
    fc.property(content, fc.nat(100), (bytes, offset) => {
      const moved = new Uint8Array(bytes.length + 200).fill(7);
      moved.set(bytes, offset);
      const view = moved.subarray(offset, offset + bytes.length);
      assert.deepEqual(lengthsOf(cut(view)), lengthsOf(cut(bytes)));
    }),
    { numRuns: 40 },
  );
});

/** What a value of a length may propose: a place in about 3 KiB, each of a rank of its own, or none, or of few ranks. */
function proposed(length: number, seed: number, ranks: number): Places {
  const at: number[] = [], rank: number[] = [];
  let state = seed;
  const next = () => (state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0) / 2 ** 32;
  for (let place = 0; ranks > 0;) {
    place += 1_025 + Math.floor(-Math.log(1 - next()) * 2_048);
    if (place >= length) break;
    at.push(place);
    rank.push(Math.floor(next() * ranks));
  }
  return { at, rank };
}

Deno.test("A value has at most 32 pieces, whatever its length up to 1 GiB and its content", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.nat(4 * MIB), fc.nat(64 * MIB), fc.integer({ min: GIB - MIB, max: GIB })),
      fc.nat(),
      fc.constantFrom(2 ** 32, 2 ** 32, 50, 2, 1, 0),
      (length, seed, ranks) => {
        const cuts = boundaries(proposed(length, seed, ranks), length);
        assert(cuts.length < MAX_PIECES);
        assert(cuts.every((at, index) => at > (cuts[index - 1] ?? 0) && at < length));
      },
    ),
    { numRuns: 60 },
  );
});

for (const [how, order] of [["rise", 1], ["fall", -1]] as const) {
  Deno.test(`A value whose ranks ${how} all the way has at most 32 pieces`, () => {
    for (const length of [100 * KIB, MIB, 64 * MIB, GIB]) {
      const { at } = proposed(length, 1, 2);
      const rank = at.map((_, index) => 2 ** 31 + order * index);
      assert(boundaries({ at, rank }, length).length < MAX_PIECES);
    }
  });
}

Deno.test("A piece of a value of a megabyte or more is a fifth of it at most", () => {
  for (const length of [MIB, 3 * MIB, 20 * MIB, GIB]) {
    for (let seed = 1; seed <= 5; seed++) {
      const cuts = [0, ...boundaries(proposed(length, seed, 2 ** 32), length), length];
      const largest = Math.max(...cuts.slice(1).map((end, index) => end - cuts[index]!));
      assert(largest <= length / 5, `${largest} of ${length}`);
    }
  }
});

/** The bytes of pieces that others have not. */
function unknown(pieces: readonly Uint8Array[], others: readonly Uint8Array[]): number {
  const known = new Set(others.map(nameOf));
  return pieces.filter((piece) => !known.has(nameOf(piece)))
    .reduce((total, { length }) => total + length, 0);
}

function nameOf(piece: Uint8Array): string {
  let hash = 0;
  for (const byte of piece) hash = Math.imul(hash, 31) + byte | 0;
  return `${piece.length} ${hash}`;
}

const large = fc.record({ seed: fc.nat(), length: fc.integer({ min: 300 * KIB, max: 700 * KIB }) })
  .map(({ seed, length }) => noise(length, seed));

Deno.test("What is appended to a value changes its last pieces, and sometimes joins two", () => {
  let changed = 0, values = 0;
  fc.assert(
    fc.property(large, fc.integer({ min: 1, max: 4_000 }), (bytes, more) => {
      const grown = concat([bytes, noise(more, more)]);
      const pieces = cut(grown);
      changed += unknown(pieces.slice(0, -1), cut(bytes)) / grown.length;
      values++;
    }),
    { numRuns: 60 },
  );
  assert(changed / values < 0.02, `${changed / values} of a value on average`);
});

Deno.test("A value of up to 700 KiB without its front has all pieces but the first", () => {
  fc.assert(
    fc.property(large, fc.double({ min: 0.1, max: 0.7, noNaN: true }), (bytes, share) => {
      const whole = cut(bytes);
      const rest = cut(bytes.subarray(Math.floor(bytes.length * share)));
      // What was too long is cut once more in a shorter value; a saver takes the long piece.
      const most = Math.max(...whole.map(({ length }) => length));
      assert(unknown(rest, whole) <= 2 * most);
    }),
    { numRuns: 60 },
  );
});

Deno.test("What is edited in the middle of a value changes the pieces around it", () => {
  let changed = 0, values = 0;
  fc.assert(
    fc.property(large, fc.double({ min: 0.2, max: 0.7, noNaN: true }), (bytes, where) => {
      const start = Math.floor(bytes.length * where);
      const edited = concat([bytes.subarray(0, start), noise(700, 1), bytes.subarray(start + 800)]);
      changed += unknown(cut(edited), cut(bytes)) / bytes.length;
      values++;
    }),
    { numRuns: 60 },
  );
  assert(changed / values < 0.15, `${changed / values} of a value on average`);
});

for (const [steps, added] of [[500, 2_150], [5_000, 2_150]] as const) {
  Deno.test(`A value that grows ${steps} times by ${added} bytes has one new piece in ten steps`, () => {
    const length = steps * added;
    const proposals = places(noise(length, 9));
    let fresh = 0, bytes = 0, last = 0, known = new Set<string>();
    for (let step = 1, count = 0; step <= steps; step++) {
      while (proposals.at[count]! < step * added) count++;
      const at = proposals.at.slice(0, count), rank = proposals.rank.slice(0, count);
      const cuts = [0, ...boundaries({ at, rank }, step * added)];
      const names = cuts.slice(1).map((end, index) => `${cuts[index]} ${end}`);
      names.forEach((name, index) => {
        if (known.has(name)) return;
        fresh++;
        bytes += cuts[index + 1]! - cuts[index]!;
      });
      known = new Set(names);
      last += step * added - cuts.at(-1)!;
    }
    assert(fresh <= steps / 10, `${fresh / steps} pieces a step`);
    assert(bytes <= 8 * length, `each byte in ${bytes / length} pieces`);
    assert(last / steps <= 40 * KIB, `${last / steps} bytes in the last piece`);
  });
}

function lengthsOf(pieces: readonly Uint8Array[]): number[] {
  return pieces.map(({ length }) => length);
}

function indexOfDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return a.findIndex((byte, at) => byte !== b[at]);
}
