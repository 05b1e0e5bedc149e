/**
 * What tests ask of MinIO beside S3: users with a policy, and whatever else its
 * admin API takes.
 *
 * @module
 */
import { AwsClient } from "aws4fetch";
import { concat } from "../../src/store/body.ts";
import { requireServer } from "./env.ts";

/** A key pair of MinIO's. */
export interface MinioUser {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A request of the admin API. */
export interface AdminRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** The path below `/minio/admin/v3/`, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** Whether the body is encrypted, as it is where it carries a secret. @default false */
  readonly encrypted?: boolean;
}

const encoder = new TextEncoder();

/**
 * Sends a request to the admin API as root, and gives the answer's text.
 *
 * @throws where the server refuses.
 */
export async function admin({ method, path, body, encrypted }: AdminRequest): Promise<string> {
  const { endpoint, accessKeyId, secretAccessKey, region } = requireServer();
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  const plain = body === undefined ? undefined : encoder.encode(JSON.stringify(body));
  const bytes = plain && encrypted ? await encrypt(secretAccessKey, plain) : plain;
  const answer = await client.fetch(`${endpoint}/minio/admin/v3/${path}`, {
    method,
    ...(bytes && { body: bytes }),
  });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`MinIO: ${method} ${path}: ${answer.status} ${text}`);
}

/** Runs with a user who has this policy and no other, and takes both away again. */
export async function withUser<T>(
  policy: unknown,
  use: (user: MinioUser) => Promise<T>,
): Promise<T> {
  const name = `t-${crypto.randomUUID().slice(0, 13)}`;
  const user = { accessKeyId: name, secretAccessKey: crypto.randomUUID() };
  await admin({ method: "PUT", path: `add-canned-policy?name=${name}`, body: policy });
  try {
    const body = { secretKey: user.secretAccessKey, status: "enabled" };
    await admin({ method: "PUT", path: `add-user?accessKey=${name}`, body, encrypted: true });
    try {
      const query = `policyName=${name}&userOrGroup=${name}&isGroup=false`;
      await admin({ method: "PUT", path: `set-user-or-group-policy?${query}` });
      return await use(user);
    } finally {
      await admin({ method: "DELETE", path: `remove-user?accessKey=${name}` });
    }
  } finally {
    await admin({ method: "DELETE", path: `remove-canned-policy?name=${name}` });
  }
}

/** The most of one fragment: what tests send is one. */
const FRAGMENT = 1 << 14;
/** `PBKDF2 and AES-256-GCM`, the form of its three that WebCrypto has. */
const FORM = 2;

/**
 * Encrypts as MinIO's admin API decrypts: a key from the password, and a stream
 * of fragments, of which this is the first and last.
 * https://github.com/minio/madmin-go/blob/main/encrypt.go
 * https://github.com/secure-io/sio-go/blob/master/sio.go
 */
async function encrypt(
  password: string,
  plain: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (plain.length > FRAGMENT) {
    throw new Error(`More than ${FRAGMENT} bytes need a second fragment`);
  }
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const nonce = crypto.getRandomValues(new Uint8Array(8));
  const secret = await crypto.subtle.importKey("raw", encoder.encode(password), "PBKDF2", false, [
    "deriveKey",
  ]);
  const key = await crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: 8192 },
    secret,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt"],
  );
  const seal = async (
    number: number,
    additionalData: Uint8Array<ArrayBuffer>,
    data: Uint8Array,
  ) => {
    const iv = concat([nonce, Uint8Array.of(number, 0, 0, 0)]);
    const algorithm = { name: "AES-GCM", iv, additionalData };
    const bytes = data as Uint8Array<ArrayBuffer>;
    return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, bytes));
  };
  const head = await seal(0, new Uint8Array(0), new Uint8Array(0));
  const LAST = 0x80;
  const body = await seal(1, concat([Uint8Array.of(LAST), head]), plain);
  return concat([salt, Uint8Array.of(FORM), nonce, body]);
}
