import { retryAfter } from "../store/retry_after.ts";
import type { S3Answer } from "./api.ts";
import { errorFrom, type S3Failure } from "./errors.ts";
import { requestIdOf } from "./headers.ts";
import { carriesError, parseXml, textOf, type XmlElement } from "./xml.ts";

/** What an answer says of a failure; `own` is the region that was asked. */
export function failureOf(
  request: S3Failure,
  { status, headers, text }: S3Answer,
  own: string,
): S3Failure {
  let root: XmlElement | undefined;
  try {
    root = parseXml(text);
  } catch {
    // A proxy's page, or nothing: the status decides.
  }
  const said = (name: string) => root?.name === "Error" && textOf(root, name) || undefined;
  const region = headers.get("x-amz-bucket-region") ?? said("Region");
  return {
    ...request,
    status,
    code: said("Code"),
    message: said("Message"),
    requestId: requestIdOf(headers),
    retryAfter: retryAfter(headers),
    region: region && region !== own ? region : undefined,
  };
}

/**
 * Reads an answer in XML. One that is empty has broken off before its beginning:
 * https://github.com/aws/aws-sdk-js-v3/blob/v3.1175.0/packages/middleware-sdk-s3/src/throw-200-exceptions.ts
 */
export function xmlOf(request: S3Failure, { status, text }: S3Answer): XmlElement {
  if (text === "") throw errorFrom({ ...request, status });
  return parseXml(text);
}

/**
 * Gives an answer back that is no error: S3 may begin one, with a 200, before it
 * knows the end.
 */
export function checkAnswer(request: S3Failure, answer: S3Answer, own: string): S3Answer {
  if (carriesError(answer.text)) throw errorFrom(failureOf(request, answer, own));
  return answer;
}
