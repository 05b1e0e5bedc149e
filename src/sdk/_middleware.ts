import type {
  $Command,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from "@aws-sdk/client-s3";
import { readAll } from "../store/body.ts";

/** Any command of the SDK. */
export type Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

/** A request as the SDK has it before it is signed. */
export interface SdkRequest {
  method: string;
  readonly headers: Record<string, string>;
  query: Record<string, string>;
  body?: unknown;
}

/** What went over the wire, beside what the SDK makes of it. */
export interface Exchange {
  /** Whether a request left. */
  sent: boolean;
  /** The HTTP method. */
  method?: string | undefined;
  /** The session token it was signed with. */
  sessionToken?: string | undefined;
  /** The status, once an answer began. */
  status?: number | undefined;
  /** The answer's headers. */
  headers: Headers;
  /** Its body; none of an object. */
  text: string;
  /** Whether there is nothing more to read of it here. */
  read: boolean;
  /** The body of an object, to be read or cancelled. */
  object?: unknown;
}

/** The most that is read of an answer that is no object, in bytes. */
const MAX_TEXT = 8 * 1024 * 1024;
const MAX_ERROR = 64 * 1024;

/**
 * Notes what the sending of a command exchanges, and reads each answer but an
 * object in the SDK's place: that takes any XML, also none, for a success, and
 * an error of any length into memory.
 */
export function observe<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: Command<I, O>,
  streamOf: (body: unknown) => ReadableStream<Uint8Array>,
  isObject: boolean,
): Exchange {
  const exchange: Exchange = { sent: false, headers: new Headers(), text: "", read: false };
  command.middlewareStack.add(
    (next) => async (args) => {
      const { method, headers } = args.request as SdkRequest;
      const sessionToken = headers["x-amz-security-token"];
      // A client may have attempts of its own.
      const begun = { sent: true, method, sessionToken, status: undefined, text: "", read: false };
      Object.assign(exchange, begun);
      const result = await next(args);
      const response = result.response as Response;
      exchange.status = response.statusCode;
      exchange.headers = new Headers(response.headers);
      const failed = response.statusCode >= 300;
      if (isObject && !failed) {
        exchange.read = true;
        exchange.object = response.body;
        return result;
      }
      // A stream over what is empty costs a put some percent; the SDK reads that without one.
      if (exchange.headers.get("content-length") === "0" && !failed) {
        exchange.read = true;
        return result;
      }
      const body = response.body ? streamOf(response.body) : null;
      const reading = readAll(body, failed ? MAX_ERROR : MAX_TEXT);
      // What cannot be read of an error is made up for by its status.
      const bytes = await (failed ? reading.catch(() => new Uint8Array()) : reading);
      exchange.text = new TextDecoder().decode(bytes);
      exchange.read = true;
      response.body = failed ? bytes : undefined;
      return result;
    },
    // The last to see the request, and the first to see the answer.
    { step: "deserialize", priority: "low", name: "cairnObserve" },
  );
  command.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (isObject || !isWell(exchange)) throw error;
        // What the SDK misses in an answer was read before it.
        return { response: undefined, output: { $metadata: {} } as O };
      }
    },
    { step: "deserialize", priority: "high", name: "cairnRead" },
  );
  return exchange;
}

interface Response {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  body: unknown;
}

/** Whether an answer is no error, and all is read of it that is to be read. */
export function isWell({ read, status = 0 }: Exchange): boolean {
  return read && status < 300;
}

/** Changes a command's request before it is signed. */
export function changed<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: Command<I, O>,
  change: (request: SdkRequest) => void,
): Command<I, O> {
  command.middlewareStack.add(
    (next) => (args) => {
      change(args.request as SdkRequest);
      return next(args);
    },
    { step: "build", priority: "low" },
  );
  return command;
}
