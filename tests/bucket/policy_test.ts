import { InvalidInputError } from "@cairn/checkpoint";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  IAM_ROLES,
  IAM_USES,
  iamPolicy,
  type IamPolicyOptions,
  type IamRole,
  type IamStatement,
  type IamUse,
} from "@cairn/checkpoint/bucket";

const KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE = "arn:aws:iam::123456789012:role/cairn-replication";
const USES = Object.keys(IAM_USES) as IamUse[];
const NAMES = [...USES, ...Object.keys(IAM_ROLES)] as (IamUse | IamRole)[];

function policyOf(options: Partial<IamPolicyOptions>) {
  return iamPolicy({ bucket: "state", uses: ["reader"], ...options });
}

function statementOf(options: Partial<IamPolicyOptions>, sid: string): IamStatement {
  const found = policyOf(options).Statement.find(({ Sid }) => Sid === sid);
  assert(found, `no statement ${sid}`);
  return found;
}

/** A pattern as IAM matches it. */
function matches(pattern: string, text: string): boolean {
  const source = pattern.replace(/[\\^$.+()|[\]{}]/g, "\\$&").replaceAll("*", "[^]*")
    .replaceAll("?", "[^]");
  return new RegExp(`^${source}$`).test(text);
}

Deno.test("iamPolicy() allows a writer what it sends, and nothing else", () => {
  assert.deepEqual(iamPolicy({ bucket: "state", prefix: "agents", uses: ["writer"] }), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "CairnObjects",
        Effect: "Allow",
        Action: ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
        Resource: ["arn:aws:s3:::state/agents/*"],
      },
      {
        Sid: "CairnListing",
        Effect: "Allow",
        Action: ["s3:ListBucket"],
        Resource: ["arn:aws:s3:::state"],
        Condition: { StringLike: { "s3:prefix": ["agents/*"] } },
      },
    ],
  });
});

Deno.test("iamPolicy() has for each use alone exactly the actions of the table", () => {
  for (const use of USES) {
    const actions = policyOf({ uses: [use] }).Statement.flatMap(({ Action }) => Action);
    const expected = Object.values(IAM_USES[use].needs).flat();
    assert.deepEqual(actions.sort(), [...expected].sort(), use);
    for (const action of actions) assert.match(action, /^(s3|cloudwatch):[A-Z][A-Za-z]+$/);
  }
});

Deno.test("iamPolicy() gives the same for the same uses, in any order and any number of times", () => {
  const some = fc.array(fc.constantFrom(...NAMES), { minLength: 1 });
  fc.assert(fc.property(some, fc.boolean(), (uses, isMinio) => {
    const dialect = isMinio ? "minio" : "aws";
    const shuffled = [...uses, ...uses].reverse();
    const once = JSON.stringify(policyOf({ uses, dialect }));
    assert.equal(JSON.stringify(policyOf({ uses: shuffled, dialect })), once);
  }));
});

Deno.test("iamPolicy() allows no more for one use than for that use and others", () => {
  const allowed = (uses: (IamUse | IamRole)[]) =>
    new Set(
      policyOf({ uses }).Statement.flatMap(({ Action, Resource, Condition }) =>
        Action.map((action) => JSON.stringify([action, Resource, Condition]))
      ),
    );
  const some = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 });
  fc.assert(fc.property(some, (uses) => {
    const together = allowed(uses);
    const alone = new Set(uses.flatMap((use) => [...allowed([use])]));
    // Chunks are objects: their statement goes where all objects may be read.
    for (const one of together) assert(alone.has(one), one);
  }));
});

Deno.test("iamPolicy() never lets a pattern reach a key outside the prefix", () => {
  const name = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme-ascii" })
    .filter((text) => !/[*?\\]|\$\{/.test(text) && !/(^|\/)\.{0,2}(\/|$)/.test(text));
  fc.assert(fc.property(name, name, (prefix, other) => {
    const { Resource } = statementOf({ prefix }, "CairnObjects");
    const key = (text: string) => `arn:aws:s3:::state/${text}`;
    const allows = (text: string) => Resource.some((pattern) => matches(pattern, key(text)));
    assert(allows(`${prefix}/thread/n/~/00~/c`));
    for (const stranger of [`${prefix}2/x`, prefix, other, `${other}/${prefix}/x`]) {
      assert.equal(allows(stranger), stranger.startsWith(`${prefix}/`), stranger);
    }
    const listing = statementOf({ prefix }, "CairnListing").Condition!.StringLike!["s3:prefix"]!;
    assert.deepEqual(listing, [`${prefix}/*`]);
  }));
});

Deno.test("iamPolicy() takes several prefixes, each once and in order", () => {
  const prefix = ["b/", "a", "b"];
  assert.deepEqual(statementOf({ prefix }, "CairnObjects").Resource, [
    "arn:aws:s3:::state/a/*",
    "arn:aws:s3:::state/b/*",
  ]);
  const { Condition } = statementOf({ prefix }, "CairnListing");
  assert.deepEqual(Condition, { StringLike: { "s3:prefix": ["a/*", "b/*"] } });
});

Deno.test("iamPolicy() says of overlapping prefixes what the outer one says", () => {
  assert.deepEqual(
    policyOf({ prefix: ["a/b/", "a/", "ab/"] }),
    policyOf({ prefix: ["a/", "ab/"] }),
  );
  assert.deepEqual(policyOf({ prefix: ["", "a/"] }), policyOf({ prefix: "" }));
});

Deno.test("iamPolicy() asks for no condition where the whole bucket is meant", () => {
  assert.equal(statementOf({ prefix: "" }, "CairnListing").Condition, undefined);
  assert.deepEqual(statementOf({ prefix: "" }, "CairnObjects").Resource, ["arn:aws:s3:::state/*"]);
});

Deno.test("iamPolicy() lets a CDN have chunks, and no record", () => {
  const { Resource, Action } = statementOf({ uses: ["chunks"] }, "CairnChunks");
  assert.deepEqual(Action, ["s3:GetObject"]);
  const at = (key: string) => matches(Resource[0]!, `arn:aws:s3:::state/${key}`);
  assert(at(`cairn/thread/v/${"0".repeat(64)}`));
  assert(!at("cairn/thread/n/~/cecf~/c"));
  assert(!at("cairn/thread/n/v/cecf~/c"));
  assert(!at(`cairn2/thread/v/${"0".repeat(64)}`));
  assert.deepEqual(policyOf({ uses: ["chunks", "read"] }), policyOf({ uses: ["read"] }));
});

Deno.test("iamPolicy() keeps a probe to its own folder", () => {
  assert.deepEqual(policyOf({ uses: ["probe"] }).Statement.map(({ Resource }) => Resource), [
    ["arn:aws:s3:::state/cairn-probe/*"],
    ["arn:aws:s3:::state"],
  ]);
  const { Resource } = statementOf({ uses: ["probe"], probePrefix: "cairn/probe" }, "CairnProbe");
  assert.deepEqual(Resource, ["arn:aws:s3:::state/cairn/probe/*"]);
});

Deno.test("iamPolicy() lets KMS be used through S3 alone, one way or both", () => {
  const actions = (uses: (IamUse | IamRole)[]) =>
    statementOf({ uses, kmsKeyArn: KEY }, "CairnBucketKey").Action;
  assert.deepEqual(actions(["read"]), ["kms:Decrypt"]);
  assert.deepEqual(actions(["write"]), ["kms:GenerateDataKey"]);
  assert.deepEqual(actions(["multipart"]), ["kms:Decrypt", "kms:GenerateDataKey"]);
  assert.deepEqual(actions(["copy"]), ["kms:Decrypt", "kms:GenerateDataKey"]);
  assert.deepEqual(statementOf({ kmsKeyArn: KEY }, "CairnBucketKey").Condition, {
    StringEquals: { "kms:ViaService": "s3.eu-central-1.amazonaws.com" },
  });
  const china = KEY.replace("aws", "aws-cn").replace("eu-central-1", "cn-north-1");
  assert.deepEqual(statementOf({ kmsKeyArn: china }, "CairnBucketKey").Condition, {
    StringEquals: { "kms:ViaService": "s3.cn-north-1.amazonaws.com.cn" },
  });
  const none = policyOf({ uses: ["lifecycle"], kmsKeyArn: KEY, clientKeyArn: KEY });
  assert.deepEqual(none, policyOf({ uses: ["lifecycle"] }));
});

Deno.test("iamPolicy() lets the key that data keys are wrapped under be used directly", () => {
  const own = (uses: (IamUse | IamRole)[]) =>
    statementOf({ uses, clientKeyArn: KEY }, "CairnClientKey");
  assert.deepEqual(own(["reader"]).Action, ["kms:Decrypt"]);
  assert.deepEqual(own(["writer"]).Action, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]);
  assert.equal(own(["writer"]).Condition, undefined);
});

Deno.test("iamPolicy() lets metrics be sent to one namespace alone", () => {
  const metrics = (options: Partial<IamPolicyOptions>) =>
    statementOf({ uses: ["metrics"], ...options }, "CairnMetrics").Condition;
  assert.deepEqual(metrics({}), { StringEquals: { "cloudwatch:namespace": "Cairn" } });
  assert.deepEqual(metrics({ metricsNamespace: "Agents/Prod" }), {
    StringEquals: { "cloudwatch:namespace": "Agents/Prod" },
  });
});

Deno.test("iamPolicy() hands a role over to S3 alone", () => {
  const { Action, Resource, Condition } = statementOf(
    { uses: ["replication"], replicationRoleArn: ROLE },
    "CairnReplicationRole",
  );
  assert.deepEqual([Action, Resource], [["iam:PassRole"], [ROLE]]);
  assert.deepEqual(Condition, { StringEquals: { "iam:PassedToService": "s3.amazonaws.com" } });
});

Deno.test("iamPolicy() names partitions and access points by their ARNs", () => {
  const china = statementOf({ partition: "aws-cn" }, "CairnObjects").Resource;
  assert.deepEqual(china, ["arn:aws-cn:s3:::state/cairn/*"]);
  const bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint/agents";
  assert.deepEqual(policyOf({ bucket }).Statement.map(({ Resource }) => Resource), [
    [`${bucket}/object/cairn/*`],
    [bucket],
  ]);
});

Deno.test("iamPolicy() writes a bucket's own policy for whoever is named", () => {
  const sourceArn = "arn:aws:cloudfront::123456789012:distribution/E1";
  const principal = { Service: "cloudfront.amazonaws.com" };
  assert.deepEqual(policyOf({ uses: ["chunks"], principal, sourceArn }).Statement, [{
    Sid: "CairnChunks",
    Effect: "Allow",
    Principal: { Service: "cloudfront.amazonaws.com" },
    Action: ["s3:GetObject"],
    Resource: [`arn:aws:s3:::state/cairn/*/v/${"?".repeat(64)}`],
    Condition: { StringEquals: { "AWS:SourceArn": sourceArn } },
  }]);
  const [objects, list] = policyOf({ principal, sourceArn }).Statement;
  assert.equal(objects!.Principal, principal);
  assert.deepEqual(Object.keys(list!.Condition!), ["StringLike", "StringEquals"]);
});

Deno.test("iamPolicy() for MinIO denies what MinIO would allow with a deletion", () => {
  const sids = (uses: IamUse[]) =>
    policyOf({ uses, dialect: "minio" }).Statement.map(({ Sid, Effect }) => `${Effect} ${Sid}`);
  assert.deepEqual(sids(["delete"]), ["Allow CairnObjects", "Deny CairnMinioKeepVersions"]);
  assert(sids(["restore"]).includes("Allow CairnMinioVersions"));
  assert(sids(["restore", "delete"]).every((sid) => !sid.includes("Minio")));
});

const refused: Record<string, [Partial<IamPolicyOptions>, RegExp]> = {
  "no feature": [{ uses: [] }, /no feature/],
  "a feature that there is none of": [{ uses: ["reed" as "read"] }, /"reed"; give one of reader/],
  "a feature of every object": [{ uses: ["toString" as "read"] }, /"toString"/],
  "no list of features": [{ uses: "reader" as never }, /uses/],
  "a star in a prefix": [{ prefix: "agents*/" }, /"agents\*\/"/],
  "a question mark in a prefix": [{ prefix: "agent?/" }, /pattern/],
  "a variable in a prefix": [{ prefix: "home/${aws:username}/" }, /pattern/],
  "a pattern for the probe": [{ probePrefix: "*" }, /probePrefix/],
  "one of several prefixes with a star": [{ prefix: ["a/", "b*"] }, /"b\*"/],
  "no prefix of a list": [{ prefix: [] }, /prefix/],
  "a prefix that leaves": [{ prefix: "a/../b" }, /\.\./],
  "a prefix that no policy can hold": [{ prefix: "\u0142\u00f3d\u017a/" }, /U\+00FF/],
  "a prefix of another kind": [{ prefix: 1 as never }, /prefix/],
  "a star for a bucket": [{ bucket: "*" }, /bucket/],
  "a pattern in a bucket": [{ bucket: "state-?" }, /bucket/],
  "another ARN for a bucket": [{ bucket: "arn:aws:s3:::state" }, /bucket/],
  "a directory bucket": [{ bucket: "state--use1-az4--x-s3" }, /CreateSession/],
  "another partition": [{ partition: "aws-moon" as never }, /partition/],
  "another dialect": [{ dialect: "ceph" as never }, /dialect/],
  "an alias for a key": [
    { kmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:alias/state" },
    /alias/,
  ],
  "a star for a key": [{ clientKeyArn: "*" }, /clientKeyArn/],
  "a pattern in a key": [{ kmsKeyArn: `${KEY.slice(0, -1)}*` }, /kmsKeyArn/],
  "a role without replication": [{ replicationRoleArn: ROLE }, /replication is not in use/],
  "a star for a role": [{ uses: ["replication"], replicationRoleArn: "*" }, /replicationRoleArn/],
  "another attachment": [{ attachment: "wall" as never }, /attachment/],
  "a bucket's policy for nobody": [{ attachment: "bucket" }, /principal/],
  "a principal elsewhere": [{ principal: "*", attachment: "role" }, /attachment/],
  "a principal of another kind": [{ principal: { Federated: "x" } as never }, /principal/],
  "a service for anybody": [{ principal: { Service: "cloudfront.amazonaws.com" } }, /sourceArn/],
  "a source without a service": [{ sourceArn: "arn:aws:cloudfront::1:x" }, /sourceArn/],
  "a namespace that is none": [{ metricsNamespace: "*" }, /metricsNamespace/],
  "metrics in a bucket's policy": [{ principal: "*", uses: ["metrics"] }, /metrics/],
  "a key in a bucket's policy": [{ principal: "*", kmsKeyArn: KEY }, /kmsKeyArn/],
};

for (const [what, [options, message]] of Object.entries(refused)) {
  Deno.test(`iamPolicy() refuses ${what}`, () => {
    assert.throws(() => policyOf(options), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("iamPolicy() names the limit of what it is attached to, and what has room", () => {
  const prefix = Array.from({ length: 60 }, (_, at) => `${"folder".repeat(8)}/${at}/`);
  const length = JSON.stringify(policyOf({ prefix, attachment: "role" })).length;
  assert(length > 6_144 && length <= 10_240);
  assert.throws(() => policyOf({ prefix }), (error) => {
    assert(error instanceof InvalidInputError);
    assert.match(error.message, new RegExp(`${length} characters; the limit is 6144`));
    assert.match(error.message, /role \(10240\)/);
    return true;
  });
  assert.throws(() => policyOf({ prefix, attachment: "session" }), /the limit is 2048/);
  const more = Array.from({ length: 400 }, (_, at) => `${"folder".repeat(8)}/${at}/`);
  assert.throws(() => policyOf({ prefix: more, attachment: "role" }), /make it several/);
});

Deno.test("iamPolicy() keeps an operator, the longest of roles, within a managed policy", () => {
  const options = { uses: ["operator"], kmsKeyArn: KEY, clientKeyArn: KEY } as const;
  const { length } = JSON.stringify(policyOf({ ...options, replicationRoleArn: ROLE }));
  assert(length < 3_000, `${length}`);
});
