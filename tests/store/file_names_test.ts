import assert from "node:assert/strict";
import fc from "fast-check";
import { checkKey } from "@cairn/checkpoint";
import { entryOf, foldersOf, namesOf } from "../../src/store/_file_names.ts";

const key = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(..."aA./%+=é😀~-_ "), minLength: 1, maxLength: 300 }),
).filter((text) => {
  try {
    checkKey(text);
    return true;
  } catch {
    return false;
  }
});

function keyOf(names: readonly string[]): string {
  return names.map((name, index) => {
    const entry = entryOf(name, index < names.length - 1);
    assert(entry, `${name} cannot be read back`);
    return entry.text;
  }).join("");
}

Deno.test("namesOf() gives names that can be read back", () => {
  fc.assert(fc.property(key, (text) => assert.equal(keyOf(namesOf(text)), text)), {
    numRuns: 1000,
  });
});

Deno.test("namesOf() gives names that every file system keeps as they are", () => {
  fc.assert(
    fc.property(key, (text) => {
      for (const name of namesOf(text)) {
        assert.match(name, /^[a-z0-9%+_-][a-z0-9%+._=-]*$/);
        assert(name.length <= 143 && !name.endsWith("."), name);
        assert(!/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/.test(name), name);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("namesOf() keeps different keys apart where case does not count", () => {
  fc.assert(fc.property(key, key, (a, b) => {
    if (a === b) return;
    assert.notDeepEqual(namesOf(a), namesOf(b));
  }));
  const alike = ["a", "A", "é", "e\u0301", "É", "ı", "i", "I", "ß", "ss", "SS", "a.", "a ", "%41"];
  const paths = alike.map((text) => namesOf(text).join("/").toLowerCase().normalize("NFC"));
  assert.equal(new Set(paths).size, alike.length);
});

Deno.test("namesOf() reads well for plain keys", () => {
  assert.deepEqual(namesOf("threads/t-1/n/state.json"), ["threads", "t-1", "n", "state.json="]);
  assert.deepEqual(namesOf("a b/Key"), ["a%20b", "+key="]);
  assert.deepEqual(namesOf("con/nul.txt"), ["%63on", "%6eul.txt="]);
  assert.deepEqual(namesOf(".hidden/x."), ["%2ehidden", "x%2e="]);
});

Deno.test("namesOf() cuts a long segment into names that fit", () => {
  const names = namesOf(`${"x".repeat(300)}/y`);
  assert.deepEqual(names.map((name) => name.length), [129, 129, 44, 2]);
  assert(names[0]!.endsWith("+") && names[1]!.endsWith("+"));
  assert.deepEqual(foldersOf("x".repeat(300)), names.slice(0, 3));
});

Deno.test("entryOf() does not take what others have put there", () => {
  const foreign = [
    ".tmp",
    ".DS_Store",
    "Thumbs.db=",
    "a b=",
    "%zz=",
    "%41=",
    "+",
    "=",
    "%ff=",
    "é=",
  ];
  for (const name of [...foreign, "a%2=", "con=", "x.="]) {
    assert.equal(entryOf(name, false), undefined, name);
    assert.equal(entryOf(name, true), undefined, name);
  }
  assert.equal(entryOf("a=", true), undefined, "a directory named like an object");
  assert.equal(entryOf("a", false), undefined, "a file named like a folder");
});
