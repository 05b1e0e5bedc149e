/**
 * What stores, checkpointers and operators send, as data: each with the uses
 * that should allow it, said here by themselves and not read from the table.
 *
 * @module
 */
import { checkpointLinks, copyThread, linkStore, probe, S3Checkpointer } from "@cairn/checkpoint";
import {
  applyPlan,
  createBucket,
  type IamUse,
  listVersions,
  loadVersion,
  nonCurrentUsage,
  planBucket,
  replicationStatus,
  restoreThread,
} from "@cairn/checkpoint/bucket";
import { edgeStore, type S3Request, type S3Store } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { getBytes } from "../../src/store/body.ts";
import { serverOptions } from "../conformance/_server.ts";
import { admin } from "../servers/minio_admin.ts";

/** Where an operation is tried. */
export interface Site {
  /** The store of whoever is tried. */
  readonly store: S3Store;
  /** The same bucket, as root. */
  readonly root: S3Store;
  /** The folder that it works in, with its slash. */
  readonly folder: string;
}

/** One operation. */
export interface Operation {
  readonly name: string;
  /** The uses of which all together, in one of these groups, allow it. */
  readonly needs: readonly (readonly IamUse[])[];
  /** Whether it is about the bucket, where no prefix keeps anybody out. */
  readonly whole?: boolean;
  /** Does it, and asserts that it did. */
  run(site: Site): Promise<void>;
}

/** MinIO takes GetObjectVersion for GetObject, and the other way round. */
const READS: readonly (readonly IamUse[])[] = [
  ["read"],
  ["copy"],
  ["presign"],
  ["versions"],
  ["restore"],
];
const READS_AND_LISTS: readonly (readonly IamUse[])[] = [
  ["versions"],
  ["restore"],
  ["read", "list"],
  ["copy", "list"],
  ["presign", "list"],
];
/** To find out that there are versions, and to list them. */
const VERSIONS: readonly (readonly IamUse[])[] = [
  ["versions"],
  ["restore"],
  ["list", "versioning"],
  ["list", "replication"],
];
const LISTS: readonly (readonly IamUse[])[] = [["list"], ["versions"], ["restore"]];
/** MinIO cannot allow that a version is deleted and not that the object is. */
const DELETES: readonly (readonly IamUse[])[] = [["delete"], ["restore"]];

const SMALL = new TextEncoder().encode("a stone");
/** Just above the least threshold for parts. */
const LARGE = new Uint8Array(5 * 1024 * 1024 + 1).fill(7);
const MINUTE = 60;

/** The store of somebody. */
export function storeOf(
  bucket: string,
  credentials?: { accessKeyId: string; secretAccessKey: string },
): S3Store {
  return edgeStore({
    ...serverOptions(),
    ...(credentials && { credentials }),
    bucket,
    retry: { maxAttempts: 1 },
    multipartThreshold: 5 * 1024 * 1024,
    partSize: 5 * 1024 * 1024,
  });
}

function fresh(folder: string): string {
  return `${folder}${crypto.randomUUID()}`;
}

async function seeded({ root, folder }: Site): Promise<string> {
  const key = fresh(folder);
  await root.put(key, SMALL);
  return key;
}

async function isThere({ root }: Site, key: string, there = true): Promise<void> {
  const found = await root.head(key).then(() => true, () => false);
  assert.equal(found, there, key);
}

async function listed(site: Site, options: { prefix: string; delimiter?: "/" }): Promise<number> {
  let count = 0;
  for await (const { objects, prefixes } of site.store.list(options)) {
    count += objects.length + prefixes.length;
  }
  return count;
}

/** A checkpointer with no memory of its own, for a thread that `root` has saved. */
async function savedBy(root: S3Store, prefix: string): Promise<{ thread: string; id: string }> {
  const thread = crypto.randomUUID();
  const large = Array.from({ length: 4_000 }, (_, at) => `stone ${at}`);
  const { id } = await new S3Checkpointer(root, { prefix }).save(thread, { step: 1, large });
  return { thread, id };
}

const VERSIONING = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const LIFECYCLE = "<LifecycleConfiguration><Rule><ID>cairn:t</ID><Status>Enabled</Status>" +
  "<Filter><Prefix>cairn/tmp/</Prefix></Filter><Expiration><Days>3</Days></Expiration>" +
  "</Rule></LifecycleConfiguration>";
const NOTIFICATIONS = "<NotificationConfiguration></NotificationConfiguration>";
const ENCRYPTION = "<ServerSideEncryptionConfiguration><Rule>" +
  "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>" +
  "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
/** A request about the bucket; `code` is the answer of a server that allowed it and has none, or cannot. */
function configuration(
  use: IamUse | readonly IamUse[],
  operation: string,
  request: Pick<S3Request, "method" | "query" | "body">,
  code?: string,
): Operation {
  const uses = typeof use === "string" ? [use] : use;
  return {
    name: operation,
    needs: uses.map((each) => [each]),
    whole: true,
    async run({ store }) {
      try {
        await store.api.request({ ...request, operation });
      } catch (error) {
        if (code === undefined || (error as { code?: string }).code !== code) throw error;
      }
    },
  };
}

/** Every operation. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: "get",
    needs: READS,
    async run(site) {
      const key = await seeded(site);
      const { bytes } = await getBytes(site.store, key, { range: { start: 2 } });
      assert.deepEqual(bytes, SMALL.subarray(2));
    },
  },
  {
    name: "get of a chunk",
    needs: [...READS, ["chunks"]],
    async run(site) {
      const key = `${site.folder}thread/v/${crypto.randomUUID().replaceAll("-", "").repeat(2)}`;
      await site.root.put(key, SMALL);
      assert.deepEqual((await getBytes(site.store, key)).bytes, SMALL);
    },
  },
  {
    name: "head",
    needs: READS,
    async run(site) {
      assert.equal((await site.store.head(await seeded(site))).size, SMALL.length);
    },
  },
  {
    name: "a link for GET",
    needs: READS,
    async run(site) {
      const key = await seeded(site);
      await follow(await site.store.presign(key, { method: "GET", expiresIn: MINUTE }));
    },
  },
  {
    name: "a link for PUT",
    needs: [["write"], ["multipart"], ["copy"], ["presign"]],
    async run(site) {
      const key = fresh(site.folder);
      const url = await site.store.presign(key, { method: "PUT", expiresIn: MINUTE });
      await follow(url, { method: "PUT", body: SMALL });
      await isThere(site, key);
    },
  },
  {
    name: "list",
    needs: LISTS,
    async run(site) {
      await seeded(site);
      assert(await listed(site, { prefix: site.folder }) > 0);
    },
  },
  {
    name: "list of folders",
    needs: LISTS,
    async run(site) {
      await site.root.put(`${site.folder}thread/x`, SMALL);
      assert(await listed(site, { prefix: site.folder, delimiter: "/" }) > 0);
    },
  },
  {
    name: "put",
    needs: [["write"], ["multipart"], ["copy"], ["presign"]],
    async run(site) {
      const key = fresh(site.folder);
      await site.store.put(key, SMALL, { precondition: "create" });
      await site.store.put(key, SMALL);
      await isThere(site, key);
    },
  },
  {
    name: "put in parts",
    needs: [["write"], ["multipart"], ["copy"], ["presign"]],
    async run(site) {
      const key = fresh(site.folder);
      await site.store.put(key, LARGE);
      await isThere(site, key);
    },
  },
  {
    name: "abort of an upload",
    needs: [["multipart"], ["copy"]],
    async run({ store, root, folder }) {
      const key = fresh(folder);
      const operation = "CreateMultipartUpload";
      const started = await root.api.request({
        method: "POST",
        key,
        query: { uploads: "" },
        operation,
      });
      const uploadId = /<UploadId>(.+?)</.exec(started.text)![1]!;
      const request = { key, query: { uploadId }, operation: "AbortMultipartUpload" } as const;
      try {
        await store.api.request({ method: "DELETE", ...request });
      } finally {
        await root.api.request({ method: "DELETE", ...request }).catch(() => {});
      }
    },
  },
  {
    name: "copy",
    needs: [["copy"], ["presign"], ["read", "write"], ["read", "multipart"]],
    async run(site) {
      const target = fresh(site.folder);
      await site.store.copy(await seeded(site), target);
      await isThere(site, target);
    },
  },
  {
    name: "delete",
    needs: DELETES,
    async run(site) {
      const key = await seeded(site);
      await site.store.delete([key]);
      await isThere(site, key, false);
    },
  },
  {
    name: "delete of several",
    needs: DELETES,
    async run(site) {
      const keys = [await seeded(site), await seeded(site)];
      await site.store.delete(keys);
      await isThere(site, keys[0]!, false);
    },
  },
  {
    name: "save of a checkpoint",
    needs: [["write"], ["multipart"], ["copy"], ["presign"]],
    async run({ store, root, folder: prefix }) {
      const thread = crypto.randomUUID();
      const state = { large: "x".repeat(40_000) };
      await new S3Checkpointer(store, { prefix }).save(thread, state);
      assert.deepEqual((await new S3Checkpointer(root, { prefix }).load(thread))?.state, state);
    },
  },
  {
    name: "load of the latest checkpoint",
    needs: READS_AND_LISTS,
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      assert.equal((await new S3Checkpointer(store, { prefix }).load(thread))?.id, id);
    },
  },
  {
    name: "load of a checkpoint by its id",
    needs: READS,
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      assert.equal((await new S3Checkpointer(store, { prefix }).load(thread, { id }))?.id, id);
    },
  },
  {
    name: "threads",
    needs: LISTS,
    async run({ store, root, folder: prefix }) {
      const { thread } = await savedBy(root, prefix);
      const threads: string[] = [];
      for await (const each of new S3Checkpointer(store, { prefix }).threads()) threads.push(each);
      assert(threads.includes(thread));
    },
  },
  {
    name: "deletion of a thread",
    needs: [["restore"], ["delete", "list"], ["delete", "versions"]],
    async run({ store, root, folder: prefix }) {
      const { thread } = await savedBy(root, prefix);
      await new S3Checkpointer(store, { prefix }).delete(thread);
      assert.equal(await new S3Checkpointer(root, { prefix }).load(thread), undefined);
    },
  },
  {
    name: "list of versions",
    // MinIO takes ListBucket for it.
    needs: LISTS,
    async run(site) {
      const key = await seeded(site);
      const { text } = await site.store.api.request({
        method: "GET",
        query: { versions: "", prefix: site.folder },
        operation: "ListObjectVersions",
      });
      assert(text.includes(key));
    },
  },
  {
    name: "get of a version",
    needs: READS,
    async run(site) {
      const key = await seeded(site);
      await site.root.put(key, LARGE.subarray(0, 9));
      const versionId = (await versionsOf(site, key))[1]!;
      const query = { versionId };
      const operation = "GetObjectVersion";
      const { text } = await site.store.api.request({ method: "GET", key, query, operation });
      assert.equal(text, "a stone");
    },
  },
  {
    name: "restore",
    needs: [["restore"]],
    async run(site) {
      const key = await seeded(site);
      await site.root.delete([key]);
      const [versionId] = await versionsOf(site, key);
      const request = { key, query: { versionId }, operation: "DeleteObjectVersion" } as const;
      await site.store.api.request({ method: "DELETE", ...request });
      await isThere(site, key);
    },
  },
  {
    name: "probe",
    needs: [["probe"]],
    whole: true,
    async run({ store }) {
      assert.equal((await probe(store)).conditionalCreate, true);
    },
  },
  {
    name: "createBucket",
    needs: [["create"]],
    whole: true,
    async run({ store }) {
      assert.equal((await createBucket(store)).created, false);
    },
  },
  {
    name: "listVersions",
    needs: VERSIONS,
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      const found = [];
      for await (const version of listVersions(store, thread, { prefix })) found.push(version.id);
      assert.deepEqual(found, [id]);
    },
  },
  {
    name: "nonCurrentUsage",
    needs: VERSIONS,
    async run({ store, root, folder: prefix }) {
      const { thread } = await savedBy(root, prefix);
      assert((await nonCurrentUsage(store, { prefix, thread })).current.count > 1);
    },
  },
  {
    name: "loadVersion",
    needs: [["versions"], ["restore"]],
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      let version;
      for await (const each of listVersions(root, thread, { prefix })) version = each;
      await new S3Checkpointer(root, { prefix }).delete(thread);
      assert.equal((await loadVersion(store, version!, { prefix })).id, id);
    },
  },
  {
    name: "restoreThread",
    needs: [["restore"]],
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      await new S3Checkpointer(root, { prefix }).delete(thread);
      const { restored } = await restoreThread(store, thread, { prefix });
      assert.deepEqual(restored.map((place) => place.id), [id]);
      assert.equal((await new S3Checkpointer(root, { prefix }).load(thread))?.id, id);
    },
  },
  {
    name: "replicationStatus",
    needs: READS_AND_LISTS,
    async run({ store, root, folder: prefix }) {
      const { thread } = await savedBy(root, prefix);
      assert.equal((await replicationStatus(store, { thread }, { prefix })).state, "none");
    },
  },
  {
    name: "copyThread",
    needs: [
      ["copy", "list"],
      ["presign", "list"],
      ["write", "read", "list"],
      ["multipart", "read", "list"],
    ],
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      await copyThread(new S3Checkpointer(store, { prefix }), thread, `${thread} again`);
      const copy = await new S3Checkpointer(root, { prefix }).load(`${thread} again`);
      assert.equal(copy?.id, id);
    },
  },
  {
    name: "links to a checkpoint",
    needs: READS_AND_LISTS,
    async run({ store, root, folder: prefix }) {
      const { thread, id } = await savedBy(root, prefix);
      const options = { expiresIn: MINUTE };
      const links = await checkpointLinks(new S3Checkpointer(store, { prefix }), thread, options);
      const guest = new S3Checkpointer(linkStore(links!), { prefix });
      assert.equal((await guest.load(thread))?.id, id);
    },
  },
  {
    name: "a plan for versioning, with nothing to do",
    needs: [["versioning"], ["versions"], ["restore"], ["replication"]],
    whole: true,
    async run({ store }) {
      await applyPlan(store, await planBucket(store, { versioning: "enabled" }));
    },
  },
  {
    name: "a plan for the lifecycle, applied",
    needs: [["lifecycle"]],
    whole: true,
    async run({ store }) {
      // Another each time, so that there is something to write.
      const threads = crypto.randomUUID();
      const lifecycle = { expire: [{ ttl: { days: 300 }, threads }] };
      const plan = await planBucket(store, { lifecycle });
      assert.deepEqual((await applyPlan(store, plan)).applied, ["lifecycle"]);
    },
  },
  {
    name: "a plan for notifications",
    needs: [["notifications"]],
    whole: true,
    async run({ store }) {
      await planBucket(store, { notifications: {} });
    },
  },
  configuration(["versioning", "versions", "restore", "replication"], "GetBucketVersioning", {
    method: "GET",
    query: { versioning: "" },
  }),
  configuration("versioning", "PutBucketVersioning", {
    method: "PUT",
    query: { versioning: "" },
    body: VERSIONING,
  }),
  configuration(
    "lifecycle",
    "GetBucketLifecycleConfiguration",
    { method: "GET", query: { lifecycle: "" } },
    "NoSuchLifecycleConfiguration",
  ),
  configuration("lifecycle", "PutBucketLifecycleConfiguration", {
    method: "PUT",
    query: { lifecycle: "" },
    body: LIFECYCLE,
  }),
  configuration("notifications", "GetBucketNotificationConfiguration", {
    method: "GET",
    query: { notification: "" },
  }),
  configuration("notifications", "PutBucketNotificationConfiguration", {
    method: "PUT",
    query: { notification: "" },
    body: NOTIFICATIONS,
  }),
  configuration(
    "replication",
    "GetBucketReplication",
    { method: "GET", query: { replication: "" } },
    "ReplicationConfigurationNotFoundError",
  ),
  {
    name: "PutBucketReplication",
    needs: [["replication"]],
    whole: true,
    async run({ store, root }) {
      const bucket = `${root.api.bucket}-copy`;
      await withBucket(bucket, async () => {
        const arn = await remoteTarget(root.api.bucket, bucket);
        const body = "<ReplicationConfiguration><Role></Role><Rule><ID>cairn:r</ID>" +
          "<Status>Enabled</Status><Priority>1</Priority><Filter><Prefix>cairn/</Prefix></Filter>" +
          "<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>" +
          "<DeleteReplication><Status>Disabled</Status></DeleteReplication>" +
          `<Destination><Bucket>${arn}</Bucket></Destination></Rule></ReplicationConfiguration>`;
        const query = { replication: "" };
        const operation = "PutBucketReplication";
        try {
          await store.api.request({ method: "PUT", query, body, operation });
        } finally {
          // With the remote target, too.
          await root.api.request({ method: "DELETE", query, operation: "DeleteBucketReplication" });
        }
      });
    },
  },
  configuration(
    "encryption",
    "GetBucketEncryption",
    { method: "GET", query: { encryption: "" } },
    "ServerSideEncryptionConfigurationNotFoundError",
  ),
  configuration(
    "encryption",
    "PutBucketEncryption",
    { method: "PUT", query: { encryption: "" }, body: ENCRYPTION },
    "NotImplemented",
  ),
  configuration("create", "CreateBucket", { method: "PUT" }, "BucketAlreadyOwnedByYou"),
  ...["location", "tagging", "policy", "object-lock", "uploads"].map((name) =>
    configuration([], `Get of ${name}`, { method: "GET", query: { [name]: "" } })
  ),
  configuration([], "DeleteBucket", { method: "DELETE" }),
  configuration([], "PutBucketPolicy", { method: "PUT", query: { policy: "" }, body: "{}" }),
];

/** Runs with a bucket that keeps versions, and deletes it with all that is in it. */
export async function withBucket(
  bucket: string,
  use: (root: S3Store) => Promise<void>,
): Promise<void> {
  const root = storeOf(bucket);
  await root.api.request({ method: "PUT", operation: "CreateBucket" });
  try {
    const query = { versioning: "" };
    const operation = "PutBucketVersioning";
    await root.api.request({ method: "PUT", query, body: VERSIONING, operation });
    await use(root);
  } finally {
    // MinIO's own word: with all that is in it.
    const headers = { "x-minio-force-delete": "true" };
    await root.api.request({ method: "DELETE", headers, operation: "DeleteBucket" });
  }
}

/** Tells MinIO of a bucket to replicate to, here on the same server, and gives its ARN. */
async function remoteTarget(sourcebucket: string, targetbucket: string): Promise<string> {
  const { endpoint, credentials } = serverOptions();
  const body = {
    sourcebucket,
    targetbucket,
    endpoint: new URL(endpoint).host,
    secure: false,
    credentials: { accessKey: credentials.accessKeyId, secretKey: credentials.secretAccessKey },
    path: "auto",
    api: "s3v4",
    type: "replication",
  };
  const path = `set-remote-target?bucket=${sourcebucket}`;
  return JSON.parse(await admin({ method: "PUT", path, body, encrypted: true }));
}

async function follow(url: string, init?: RequestInit): Promise<void> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (answer.ok) return;
  const code = /<Code>(.*?)</.exec(text)?.[1];
  throw Object.assign(new Error(`${answer.status} ${code}`), {
    name: answer.status === 403 ? "AccessError" : "Error",
  });
}

/** The ids of a key's versions and delete markers, newest first. */
async function versionsOf({ root }: Site, key: string): Promise<string[]> {
  const { text } = await root.api.request({
    method: "GET",
    query: { versions: "", prefix: key },
    operation: "ListObjectVersions",
  });
  return [...text.matchAll(/<VersionId>(.+?)</g)].map(([, id]) => id!);
}
