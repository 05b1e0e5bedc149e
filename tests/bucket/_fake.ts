import { InvalidInputError, NotFoundError } from "@cairn/checkpoint";
import { edgeStore, type S3Answer, type S3Request, type S3Store } from "@cairn/checkpoint/edge";
import type { DialectName } from "@cairn/checkpoint/edge";

/** A bucket's configuration in memory: what `api.request` stores is what it gives back. */
export interface FakeBucket {
  readonly store: S3Store;
  /** The documents, by their query. */
  readonly documents: Map<string, string>;
  /** The headers that came with them, and go with them. */
  readonly headers: Map<string, Readonly<Record<string, string>>>;
  /** Every request, in order. */
  readonly requests: S3Request[];
  /** Asked before each request; what it gives is the answer. */
  intercept?: (request: S3Request) => string | undefined | void;
}

const ABSENT: Readonly<Record<string, string>> = {
  lifecycle: "NoSuchLifecycleConfiguration",
  encryption: "ServerSideEncryptionConfigurationNotFoundError",
  replication: "ReplicationConfigurationNotFoundError",
};

const EMPTY: Readonly<Record<string, string>> = {
  versioning: "<VersioningConfiguration/>",
  notification: "<NotificationConfiguration/>",
  accelerate: "<AccelerateConfiguration/>",
};

/** A store that answers what configures a bucket, and nothing else. */
export function fakeBucket(dialect: DialectName = "aws"): FakeBucket {
  const fake = { documents: new Map(), headers: new Map(), requests: [] } as unknown as {
    -readonly [K in keyof FakeBucket]: FakeBucket[K];
  };
  const answer = (text: string, headers = {}): S3Answer => ({
    status: 200,
    headers: new Headers(headers),
    text,
  });
  const request = (sent: S3Request): S3Answer => {
    fake.requests.push(sent);
    const given = fake.intercept?.(sent);
    if (given !== undefined) return answer(given);
    const [query] = Object.keys(sent.query ?? {});
    if (query === undefined) throw new InvalidInputError("a request about the bucket itself");
    if (sent.method === "PUT") {
      fake.documents.set(query, sent.body!);
      fake.headers.set(query, sent.headers ?? {});
    } else if (sent.method === "DELETE") fake.documents.delete(query);
    else {
      const found = fake.documents.get(query) ?? EMPTY[query];
      if (found !== undefined) return answer(found, fake.headers.get(query));
      throw new NotFoundError(`No ${query}`, { status: 404, code: ABSENT[query] });
    }
    return answer("");
  };
  const store = edgeStore({
    bucket: "state",
    endpoint: "http://127.0.0.1:1",
    dialect,
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
  });
  const api = { ...store.api, request: (sent: S3Request) => Promise.try(request, sent) };
  fake.store = { ...store, api };
  return fake;
}
