import { InvalidInputError, UnsupportedError } from "@cairn/checkpoint";
import { applyPlan, planBucket, type TieringRule } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import fc from "fast-check";
import { tiering } from "../../src/bucket/sections/tiering.ts";
import { parseXml } from "../../src/s3/xml.ts";
import { fakeBucket } from "./_fake.ts";
import { contextOf } from "./_trees.ts";

const OTHERS = fc.array(fc.constantFrom(
  "<IntelligentTieringConfiguration><Id>theirs</Id><Status>Enabled</Status></IntelligentTieringConfiguration>",
  "<IntelligentTieringConfiguration><Id>cairn.tiering.other</Id><Filter><Prefix>other/</Prefix>" +
    "</Filter></IntelligentTieringConfiguration>",
  "<IntelligentTieringConfiguration><Id>under</Id><Filter><Prefix>cairn/</Prefix></Filter>" +
    "</IntelligentTieringConfiguration>",
)).map((rules) => rules.map(parseXml));

const RULES: fc.Arbitrary<TieringRule[]> = fc.uniqueArray(
  fc.record({
    threads: fc.constantFrom("a", "b", "c:"),
    archive: fc.constant(true as const),
    archiveDays: fc.integer({ min: 90, max: 400 }),
    deepArchiveDays: fc.option(fc.integer({ min: 401, max: 730 }), { nil: undefined }),
  }),
  { selector: ({ threads }) => threads },
);

function documentOf(rules: ReturnType<typeof parseXml>[]) {
  return rules.length === 0 ? undefined : {
    name: "ListBucketIntelligentTieringConfigurationsOutput",
    text: "",
    children: rules,
  };
}

Deno.test("archive tiers of others survive, twice is once, and nothing gives them back exactly", () => {
  fc.assert(fc.property(OTHERS, RULES, (others, desired) => {
    const once = tiering.merge(documentOf(others), desired, contextOf());
    assert.deepEqual(once?.children.slice(0, others.length) ?? [], others);
    assert.deepEqual(tiering.merge(once, desired, contextOf()), once);
    assert.deepEqual(tiering.merge(once, [], contextOf()), documentOf(others));
  }));
});

Deno.test("an archive tier's id is one that S3 takes, however long its threads' names", () => {
  const threads = "t".repeat(900);
  const rule = { archiveDays: 90, archive: true, threads } as const;
  const [item] = tiering.items(tiering.merge(undefined, [rule], contextOf()), contextOf());
  assert.match(item!.id, /^[\w.-]{1,64}$/);
});

const WRONG: Readonly<Record<string, object[]>> = {
  "no days": [{ archive: true }],
  "89 days": [{ archive: true, archiveDays: 89 }],
  "179 deep days": [{ archive: true, deepArchiveDays: 179 }],
  "731 days": [{ archive: true, archiveDays: 731 }],
  "half a day": [{ archive: true, archiveDays: 90.5 }],
  "deep before less deep": [{ archive: true, archiveDays: 200, deepArchiveDays: 180 }],
  "an archive that nobody allowed": [{ archiveDays: 90 }],
  "threads that overlap": [
    { archive: true, archiveDays: 90 },
    { archive: true, archiveDays: 90, threads: "a" },
  ],
};

for (const [name, rules] of Object.entries(WRONG)) {
  Deno.test(`archive tiers with ${name} are refused before anything is sent`, async () => {
    const { store, requests } = fakeBucket();
    const desired = { tiering: rules as unknown as TieringRule[] };
    await assert.rejects(planBucket(store, desired), InvalidInputError);
    assert.equal(requests.length, 0);
  });
}

Deno.test("archive tiers and acceleration are refused by name where there are none", async () => {
  for (const dialect of ["r2", "minio"] as const) {
    const { store, requests } = fakeBucket(dialect);
    for (const desired of [{ tiering: [] }, { acceleration: "enabled" }] as const) {
      await assert.rejects(
        planBucket(store, desired),
        (error) => error instanceof UnsupportedError && error.message.includes(`"${dialect}"`),
      );
    }
    assert.equal(requests.length, 0);
  }
});

Deno.test("acceleration needs a name without dots, and a word that it knows", async () => {
  const { store } = fakeBucket();
  const dotted = { ...store, api: { ...store.api, bucket: "a.b" } };
  await assert.rejects(planBucket(dotted, { acceleration: "enabled" }), UnsupportedError);
  const acceleration = "on" as "enabled";
  await assert.rejects(planBucket(store, { acceleration }), InvalidInputError);
  await applyPlan(store, await planBucket(store, { acceleration: "enabled" }));
  assert.deepEqual((await planBucket(store, { acceleration: "enabled" })).steps, []);
});
