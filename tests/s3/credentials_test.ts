import assert from "node:assert/strict";
import { AccessError, InvalidInputError } from "../../src/errors.ts";
import { credentialsSource } from "../../src/s3/credentials.ts";
import type { S3Credentials } from "../../src/s3/options.ts";

const MINUTE = 60_000;

/** A provider that gives numbered credentials, each good for an hour of a clock of its own. */
function provider(clock: { now: number }) {
  let calls = 0;
  const give = (): Promise<S3Credentials> =>
    Promise.resolve({
      accessKeyId: `id${++calls}`,
      secretAccessKey: "secret",
      expiration: new Date(clock.now + 60 * MINUTE),
    });
  return { give, calls: () => calls };
}

Deno.test("credentialsSource() asks a provider once for all who wait", async () => {
  const { give, calls } = provider({ now: 0 });
  const source = credentialsSource(give, () => 0);
  const all = await Promise.all([source.get(), source.get(), source.get()]);
  assert.deepEqual(all.map(({ accessKeyId }) => accessKeyId), ["id1", "id1", "id1"]);
  assert.equal(calls(), 1);
});

Deno.test("credentialsSource() asks anew where an answer never comes", async () => {
  let asked = 0;
  let time = 0;
  const given = { accessKeyId: "id", secretAccessKey: "secret" };
  const provider = () => ++asked === 1 ? new Promise<never>(() => {}) : Promise.resolve(given);
  const source = credentialsSource(provider, () => time);
  void source.get();
  time = 9_999;
  void source.get();
  assert.equal(asked, 1);
  time = 10_000;
  assert.deepEqual(await source.get(), given);
  assert.equal(asked, 2);
});

Deno.test("credentialsSource() reads again shortly before the end, and not earlier", async () => {
  const clock = { now: 0 };
  const { give, calls } = provider(clock);
  const source = credentialsSource(give, () => clock.now);
  await source.get();
  clock.now = 54 * MINUTE;
  assert.equal((await source.get()).accessKeyId, "id1");
  clock.now = 56 * MINUTE;
  assert.equal((await source.get()).accessKeyId, "id2");
  assert.equal(calls(), 2);
});

Deno.test("credentialsSource() keeps credentials without an end", async () => {
  let calls = 0;
  const source = credentialsSource(() => {
    calls++;
    return Promise.resolve({ accessKeyId: "id", secretAccessKey: "secret" });
  });
  await source.get();
  await source.get();
  assert.equal(calls, 1);
});

Deno.test("credentialsSource() uses what still holds where the provider fails", async () => {
  const clock = { now: 0 };
  const { give } = provider(clock);
  let broken = false;
  const source = credentialsSource(
    () => broken ? Promise.reject(new Error("metadata service")) : give(),
    () => clock.now,
  );
  await source.get();
  broken = true;
  clock.now = 57 * MINUTE;
  assert.equal((await source.get()).accessKeyId, "id1");
  clock.now = 61 * MINUTE;
  await assert.rejects(source.get(), AccessError);
  broken = false;
  assert.equal((await source.get()).accessKeyId, "id2");
});

Deno.test("credentialsSource() uses what still holds where the provider does not answer", async () => {
  const clock = { now: 0 };
  const { give, calls } = provider(clock);
  const late = Promise.withResolvers<void>();
  let hangs = false;
  const source = credentialsSource(
    () => hangs ? late.promise.then(give) : give(),
    () => clock.now,
  );
  await source.get();
  hangs = true;
  clock.now = 57 * MINUTE;
  const all = await Promise.all([source.get(), source.get(60_000)]);
  assert.deepEqual(all.map(({ accessKeyId }) => accessKeyId), ["id1", "id1"]);
  // Three minutes are left, and ten are wanted: there, one waits.
  const lasting = source.get(10 * MINUTE);
  late.resolve();
  assert.equal((await lasting).accessKeyId, "id2");
  assert.equal((await source.get()).accessKeyId, "id2");
  assert.equal(calls(), 2);
});

Deno.test("credentialsSource() asks again after a provider that throws at once", async () => {
  let calls = 0;
  const source = credentialsSource(() => {
    if (++calls === 1) throw new Error("not yet");
    return Promise.resolve({ accessKeyId: "id", secretAccessKey: "secret" });
  });
  await assert.rejects(source.get(), AccessError);
  assert.equal((await source.get()).accessKeyId, "id");
});

Deno.test("credentialsSource() replaces what the store calls expired, once for all", async () => {
  const { give, calls } = provider({ now: 0 });
  const source = credentialsSource(give, () => 0);
  const old = await source.get();
  const [a, b] = await Promise.all([source.replace(old), source.replace(old)]);
  assert.equal(a?.accessKeyId, "id2");
  assert.equal(b?.accessKeyId, "id2");
  assert.equal(calls(), 2);
});

Deno.test("credentialsSource() has no other credentials where the provider gives the same", async () => {
  const same = { accessKeyId: "id", secretAccessKey: "secret" };
  const source = credentialsSource(() => Promise.resolve({ ...same }));
  assert.equal(await source.replace(await source.get()), undefined);
  assert.equal(await credentialsSource(same).replace(same), undefined);
});

const FLAWS: [string, unknown, RegExp][] = [
  ["nothing", undefined, /give \{ accessKeyId/],
  ["an empty id", { accessKeyId: "", secretAccessKey: "s3cr3t" }, /accessKeyId/],
  ["no secret", { accessKeyId: "id" }, /secretAccessKey/],
  ["a secret with a line feed", { accessKeyId: "id", secretAccessKey: "s3cr3t\n" }, /space/],
  [
    "a token that is no string",
    { accessKeyId: "id", secretAccessKey: "s3cr3t", sessionToken: 1 },
    /sessionToken/,
  ],
  [
    "an end that is no date",
    { accessKeyId: "id", secretAccessKey: "s3cr3t", expiration: "soon" },
    /expiration/,
  ],
];

for (const [name, credentials, message] of FLAWS) {
  Deno.test(`credentialsSource() refuses ${name}, and does not repeat it`, async () => {
    const given = credentials as S3Credentials;
    const check = (kind: typeof InvalidInputError | typeof AccessError) => (error: unknown) => {
      assert(error instanceof kind);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /s3cr3t/);
      return true;
    };
    assert.throws(() => credentialsSource(given), check(InvalidInputError));
    await assert.rejects(credentialsSource(() => Promise.resolve(given)).get(), check(AccessError));
  });
}
