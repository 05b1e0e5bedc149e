import type { Places } from "./_policy_places.ts";
import { IAM_USES, type IamScope, type IamUse } from "./_uses.ts";
import type { IamStatement } from "./policy.ts";

const SIDS: Readonly<Record<IamScope, string>> = {
  objects: "CairnObjects",
  chunks: "CairnChunks",
  listing: "CairnListing",
  bucket: "CairnBucket",
  probe: "CairnProbe",
  "probe listing": "CairnProbeListing",
  metrics: "CairnMetrics",
};

/** What uses need of the bucket and of what is in it, a statement for each scope. */
export function scopeStatements(uses: readonly IamUse[], places: Places): IamStatement[] {
  return scopesOf(uses).map(([scope, actions]) => statementOf(scope, actions, places));
}

/** The actions of uses by what they are allowed on, each once. */
function scopesOf(uses: readonly IamUse[]): [IamScope, string[]][] {
  return (Object.keys(SIDS) as IamScope[]).flatMap((scope) => {
    const actions = uses.flatMap((use) => IAM_USES[use].needs[scope] ?? []);
    // What all objects allow, chunks need not be named for.
    const whole = scope === "chunks"
      ? uses.flatMap((use) => IAM_USES[use].needs.objects ?? [])
      : [];
    const left = [...new Set(actions)].filter((action) => !whole.includes(action)).sort();
    return left.length === 0 ? [] : [[scope, left] as [IamScope, string[]]];
  });
}

function statementOf(scope: IamScope, Action: string[], places: Places): IamStatement {
  const { bucket, object, prefixes, probe, metrics } = places;
  const base = { Sid: SIDS[scope], Effect: "Allow", Action } as const;
  switch (scope) {
    case "objects":
      return { ...base, Resource: prefixes.map((prefix) => object(`${prefix}*`)) };
    case "chunks":
      // A chunk's name is its hash: 64 characters. A shorter pattern would match records of a
      // namespace "v".
      return {
        ...base,
        Resource: prefixes.map((prefix) => object(`${prefix}*/v/${"?".repeat(64)}`)),
      };
    case "probe":
      return { ...base, Resource: [object(`${probe}*`)] };
    case "listing":
      return listing(base, bucket, prefixes);
    case "probe listing":
      return listing(base, bucket, [probe]);
    case "bucket":
      return { ...base, Resource: [bucket] };
    case "metrics":
      // CloudWatch has no resources to name, only this condition.
      return {
        ...base,
        Resource: ["*"],
        Condition: { StringEquals: { "cloudwatch:namespace": metrics } },
      };
  }
}

function listing(
  base: Omit<IamStatement, "Resource">,
  bucket: string,
  prefixes: readonly string[],
): IamStatement {
  const whole = { ...base, Resource: [bucket] };
  if (prefixes.includes("")) return whole;
  return {
    ...whole,
    Condition: { StringLike: { "s3:prefix": prefixes.map((prefix) => `${prefix}*`) } },
  };
}

/**
 * MinIO asks for DeleteObject where a version is deleted, and then only whether
 * DeleteObjectVersion is denied.
 * https://github.com/minio/minio/blob/master/cmd/auth-handler.go
 */
export function minioStatements(
  uses: readonly IamUse[],
  { object, prefixes, probe }: Places,
): IamStatement[] {
  const under = (folders: readonly string[]) => folders.map((folder) => object(`${folder}*`));
  const statements: IamStatement[] = [];
  const restores = uses.includes("restore");
  if (restores && !uses.includes("delete")) {
    statements.push({
      Sid: "CairnMinioVersions",
      Effect: "Allow",
      Action: ["s3:DeleteObject"],
      Resource: under(prefixes),
    });
  }
  const deletes = [
    ...(uses.includes("delete") && !restores ? prefixes : []),
    ...(uses.includes("probe") && !(restores && prefixes.includes(probe)) ? [probe] : []),
  ];
  if (deletes.length > 0) {
    statements.push({
      Sid: "CairnMinioKeepVersions",
      Effect: "Deny",
      Action: ["s3:DeleteObjectVersion"],
      Resource: under([...new Set(deletes)]),
    });
  }
  return statements;
}
