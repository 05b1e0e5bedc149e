import type {
  $Command,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from "@aws-sdk/client-s3";

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
  /** The session token it was signed with. */
  sessionToken?: string | undefined;
  /** The status as it came: the SDK makes a 503 of a 200 that carries an error. */
  status?: number;
  /** The answer's headers. */
  headers: Headers;
}

/** Notes what the sending of a command exchanges. */
export function observe<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: Command<I, O>,
): Exchange {
  const exchange: Exchange = { sent: false, headers: new Headers() };
  command.middlewareStack.add(
    (next) => async (args) => {
      exchange.sent = true;
      exchange.sessionToken = (args.request as SdkRequest).headers["x-amz-security-token"];
      const result = await next(args);
      const response = result.response as { statusCode: number; headers: Record<string, string> };
      exchange.status = response.statusCode;
      exchange.headers = new Headers(response.headers);
      return result;
    },
    // The last to see the request, and the first to see the answer.
    { step: "deserialize", priority: "low", name: "cairnObserve" },
  );
  return exchange;
}

/** Reads the body of a command's answer in the SDK's place, where it is no error. */
export function readBody<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: Command<I, O>,
  read: (body: unknown) => Promise<void>,
): Command<I, O> {
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { statusCode: number; body: unknown };
      if (response.statusCode < 300) {
        await read(response.body);
        response.body = undefined;
      }
      return result;
    },
    { step: "deserialize", priority: "low", name: "cairnBody" },
  );
  return command;
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
