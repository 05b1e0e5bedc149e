import type { S3Client, ServiceInputTypes, ServiceOutputTypes } from "@aws-sdk/client-s3";
import { AccessError, CairnError, CorruptError, InvalidInputError } from "../errors.ts";
import { checkAnswer, failureOf } from "../s3/answers.ts";
import type { S3Answer } from "../s3/api.ts";
import type { CredentialsSource } from "../s3/credentials.ts";
import { errorFrom, type S3Failure } from "../s3/errors.ts";
import { noteAnswer } from "../s3/headers.ts";
import type { S3Settings } from "../s3/options.ts";
import { cancel } from "../store/_abort.ts";
import { quote } from "../store/key.ts";
import { changed, type Command, type Exchange, isWell, observe } from "./_middleware.ts";

/** What a request is about, for messages. */
export interface Subject {
  /** Such as `PUT`. */
  readonly operation: string;
  readonly key?: string | undefined;
  /** Headers that the request carries beside the command's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whether the answer is an object, whose body is left to the caller. */
  readonly isObject?: boolean;
}

/** An answer, with what the SDK made of it. */
export interface Answer<O> extends S3Answer {
  readonly output: O;
}

/**
 * Sends a command once, and gives the package's errors. `make` gives a fresh
 * one for each sending; of an answer that is an object the body is left.
 */
export type Send = <I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  make: () => Command<I, O>,
  subject: Subject,
  signal: AbortSignal,
) => Promise<Answer<O>>;

/**
 * Makes the sender of commands. Once the clock was found to differ, or the
 * credentials to have ended, the same attempt sends again.
 */
export function createSend(
  settings: S3Settings,
  client: () => S3Client,
  credentials: CredentialsSource | undefined,
): Send {
  const { bucket, region } = settings;
  return async (command, { operation, key, headers, isObject = false }, signal) => {
    const context = { operation, key, bucket };
    const extra = { ...settings.headers.every, ...headers };
    const make = () => changed(command(), ({ headers }) => Object.assign(headers, extra));
    const send = () => exchange(client(), make(), isObject, context, region, signal);
    const first = await send();
    const again = "error" in first && (isSkewed(first) || await renew(credentials, first));
    const last = again ? await send() : first;
    if ("error" in last) throw last.error;
    checkAnswer(context, last, region);
    return last;
  };
}

/** What came of a command that failed. */
interface Failed {
  readonly error: unknown;
  /** What the SDK had to say. */
  readonly cause: unknown;
  readonly seen: Exchange;
}

async function exchange<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  client: S3Client,
  command: Command<I, O>,
  isObject: boolean,
  context: S3Failure,
  region: string,
  signal: AbortSignal,
): Promise<Answer<O> | Failed> {
  const toStream = (body: unknown) =>
    client.config.sdkStreamMixin(body).transformToWebStream() as ReadableStream<Uint8Array>;
  const seen = observe(command, toStream, isObject);
  try {
    const output = await client.send(command, { abortSignal: signal });
    return { ...answerOf(seen), output };
  } catch (cause) {
    signal.throwIfAborted();
    if (seen.object) cancel(toStream(seen.object), cause);
    const error = cause instanceof CairnError ? cause : toCairnError(seen, context, region, cause);
    return { error, cause, seen };
  } finally {
    if (seen.status !== undefined) noteAnswer(signal, seen.headers);
  }
}

const EXPIRED = /^(ExpiredToken(Exception)?|TokenRefreshRequired)$/;

// Credentials may end before their time; a provider may have others by now.
async function renew(
  credentials: CredentialsSource | undefined,
  { error, seen: { method, sessionToken } }: Failed,
): Promise<boolean> {
  const { status, code = "" } = error as CairnError;
  // The answer to a HEAD has no body to say which refusal it is.
  const expired = EXPIRED.test(code) || (method === "HEAD" && (status === 400 || status === 403));
  if (credentials === undefined || !expired) return false;
  const current = await credentials.get();
  // Somebody else may have asked already.
  return current.sessionToken !== sessionToken ||
    await credentials.replace(current) !== undefined;
}

// The SDK follows the server's clock, and leaves sending again to its caller.
function isSkewed({ error, cause }: Failed): boolean {
  const { $metadata } = cause as { $metadata?: { clockSkewCorrected?: boolean } };
  return (error as CairnError).status === 403 && $metadata?.clockSkewCorrected === true;
}

// The SDK's exceptions carry what the server said of a signature, and there a
// session token may stand. What the network said is safe.
function toCairnError(
  seen: Exchange,
  context: S3Failure,
  region: string,
  cause: unknown,
): CairnError {
  const { operation, key } = context;
  if (!seen.sent) return unsent(cause, operation, key);
  if (!seen.read) return errorFrom({ ...context, cause });
  if (!isWell(seen)) return errorFrom(failureOf(context, answerOf(seen), region));
  return new CorruptError(`Cannot ${operation} ${quote(key)}: the AWS SDK cannot read the answer`, {
    key,
    cause,
  });
}

function answerOf({ status = 0, headers, text }: Exchange): S3Answer {
  return { status, headers, text };
}

/**
 * What to say where the SDK sent nothing: it has no credentials, or refuses
 * the request itself.
 */
export function unsent(error: unknown, operation: string, key: string | undefined): CairnError {
  if (error instanceof CairnError) return error;
  const { name, message } = error as Error;
  return /Credential|Token/.test(name)
    ? new AccessError(
      `Cannot ${operation}: the AWS SDK finds no credentials; give \`credentials\`, ` +
        "or what its default chain reads, such as AWS_ACCESS_KEY_ID",
      { key, cause: error },
    )
    : new InvalidInputError(`Cannot ${operation}: the AWS SDK refuses the request: ${message}`, {
      key,
      cause: error,
    });
}
