import type { CallOptions, ObjectStore } from "../store/store.ts";
import { utf8 } from "../store/utf8.ts";
import type { S3Context } from "./context.ts";
import type { DialectName } from "./dialect.ts";
import { base64, md5 } from "./md5.ts";

/** A request that the store contract has no word for, as both transports send it. */
export interface S3Request {
  /** The HTTP method. */
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The object that it is about. @default the bucket */
  readonly key?: string | undefined;
  /** The query, such as `{ lifecycle: "" }`; what is `undefined` is left out. */
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  /** Headers beside those of the signature and the checksum, in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The body: XML, or JSON for a policy. */
  readonly body?: string | undefined;
  /** The operation by S3's name, for messages, such as `PutBucketVersioning`. */
  readonly operation: string;
}

/** The answer to a {@link S3Request} that went well. */
export interface S3Answer {
  /** The HTTP status. */
  readonly status: number;
  /** The headers. */
  readonly headers: Headers;
  /** The body: XML, JSON or nothing; 8 MiB at most. */
  readonly text: string;
}

/** Sends what S3 has beside the store contract: how a bucket is managed. */
export interface BucketApi {
  /** The store's name, for messages. */
  readonly name: string;
  /** The bucket. */
  readonly bucket: string;
  /** Its region. */
  readonly region: string;
  /** Whose S3 it is. */
  readonly dialect: DialectName;
  /**
   * Sends a request, under the store's attempts and timeouts.
   *
   * @throws {CairnError} where the answer is an error, also one that came with a 200.
   */
  request(request: S3Request, options?: CallOptions): Promise<S3Answer>;
}

/** A store in an S3 bucket: it can also be managed. */
export interface S3Store extends ObjectStore {
  /** How its bucket is managed; the functions of `@cairn/checkpoint/bucket` use it. */
  readonly api: BucketApi;
}

/** The `api` of an S3 store. */
export function createApi({ name, settings, driver, run }: S3Context): BucketApi {
  const { bucket, region, dialect } = settings;
  return {
    name,
    bucket,
    region,
    dialect: dialect.name,
    request: ({ body, headers, ...request }, options) => {
      // Most of what configures a bucket must come with a checksum, and this one all servers know.
      const sum = body === undefined ? {} : { "content-md5": base64(md5(utf8(body))) };
      const whole = { ...request, body, headers: { ...headers, ...sum } };
      return run((signal) => driver.request(whole, signal), options);
    },
  };
}
