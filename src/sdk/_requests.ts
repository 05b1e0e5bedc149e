import type { S3Client, ServiceInputTypes, ServiceOutputTypes } from "@aws-sdk/client-s3";
import { AccessError, CairnError, InvalidInputError } from "../errors.ts";
import type { CredentialsSource } from "../s3/credentials.ts";
import { errorFrom } from "../s3/errors.ts";
import { noteAnswer, requestIdOf, retryAfter } from "../s3/headers.ts";
import type { S3Settings } from "../s3/options.ts";
import { changed, type Command, type Exchange, observe } from "./_middleware.ts";

/** What a request is about, for messages. */
export interface Subject {
  /** Such as `PUT`. */
  readonly operation: string;
  readonly key?: string | undefined;
  /** Headers that the request carries beside the command's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An answer: what the SDK read of it, and its headers. */
export interface Answer<O> {
  readonly output: O;
  readonly headers: Headers;
}

/** Sends a command once, and gives the package's errors. `make` gives a fresh one for each sending. */
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
  return async (command, subject, signal) => {
    const extra = { ...settings.headers.every, ...subject.headers };
    const make = () => changed(command(), ({ headers }) => Object.assign(headers, extra));
    const first = await exchange(client(), make(), signal);
    if (first.output !== undefined) return { output: first.output, headers: first.headers };
    const again = isSkewed(first) || await renew(credentials, first, subject);
    const last = again ? await exchange(client(), make(), signal) : first;
    if (last.output !== undefined) return { output: last.output, headers: last.headers };
    throw toCairnError(last, settings, subject);
  };
}

interface Outcome<O> extends Exchange {
  readonly output?: O;
  readonly error?: unknown;
}

async function exchange<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  client: S3Client,
  command: Command<I, O>,
  signal: AbortSignal,
): Promise<Outcome<O>> {
  const seen = observe(command);
  try {
    const output = await client.send(command, { abortSignal: signal });
    return { ...seen, output };
  } catch (error) {
    signal.throwIfAborted();
    return { ...seen, error };
  } finally {
    if (seen.status !== undefined) noteAnswer(signal, seen.headers);
  }
}

const EXPIRED = /^(ExpiredToken(Exception)?|TokenRefreshRequired)$/;

// Credentials may end before their time; a provider may have others by now.
async function renew(
  credentials: CredentialsSource | undefined,
  { error, status, sessionToken }: Outcome<unknown>,
  { operation }: Subject,
): Promise<boolean> {
  // The answer to a HEAD has no body to say which refusal it is.
  const expired = EXPIRED.test(codeOf(error) ?? "") ||
    (operation === "HEAD" && (status === 400 || status === 403));
  if (credentials === undefined || !expired) return false;
  const current = await credentials.get();
  // Somebody else may have asked already.
  return current.sessionToken !== sessionToken ||
    await credentials.replace(current) !== undefined;
}

// The SDK follows the server's clock, and leaves sending again to its caller.
function isSkewed({ error, status }: Outcome<unknown>): boolean {
  const { $metadata } = error as { $metadata?: { clockSkewCorrected?: boolean } };
  return status === 403 && $metadata?.clockSkewCorrected === true;
}

function toCairnError(
  { error, sent, status, headers }: Outcome<unknown>,
  { bucket, region }: S3Settings,
  { operation, key }: Subject,
): CairnError {
  if (error instanceof CairnError) return error;
  if (!sent) return unsent(error, operation, key);
  const code = codeOf(error);
  const there = headers.get("x-amz-bucket-region") ?? (error as { Region?: string }).Region;
  return errorFrom({
    operation,
    bucket,
    key,
    status,
    code,
    message: code === undefined ? undefined : (error as Error).message,
    requestId: requestIdOf(headers),
    retryAfter: retryAfter(headers.get("retry-after"), Date.now()),
    region: there !== region ? there : undefined,
    // The SDK's exceptions carry what the server said of a signature, and there
    // a session token may stand. What the network said is safe.
    cause: code === undefined && status === undefined ? error : undefined,
  });
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

/** The store's own word; where an answer has none, the SDK makes one up as the name. */
function codeOf(error: unknown): string | undefined {
  const { Code } = error as { Code?: unknown };
  return typeof Code === "string" && Code !== "" ? Code : undefined;
}
