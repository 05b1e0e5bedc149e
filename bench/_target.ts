import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { ObjectStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { AwsClient } from "aws4fetch";
import { bareMultipart } from "./_bare_multipart.ts";
import { PART_SIZE, PARTS_IN_FLIGHT, type UploadStream } from "./_parts.ts";
import type { Server } from "./_server.ts";

/** Makes our store of a server, with its own bound on open requests or the one given. */
export type Transport = (server: Server, maxOpenRequests?: number) => ObjectStore;

/** Our store over aws4fetch. */
export const edge: Transport = (server, maxOpenRequests) =>
  edgeStore({
    ...server,
    partSize: PART_SIZE,
    partsInFlight: PARTS_IN_FLIGHT,
    maxOpenRequests,
  });

/** Our store over the AWS SDK. */
export const sdk: Transport = (server, maxOpenRequests) =>
  sdkStore({
    ...server,
    partSize: PART_SIZE,
    partsInFlight: PARTS_IN_FLIGHT,
    maxOpenRequests,
  });

/**
 * A client of the AWS SDK as a careful user sets it up: checksums only where
 * they are required, which is faster than the default and makes it the harder
 * one to keep up with.
 */
export function sdkClient({ bucket: _, ...server }: Server): S3Client {
  return new S3Client({
    ...server,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

/** The SDK's own request and nothing over it. */
export function bareSdkPut(server: Server): (key: string, bytes: Uint8Array) => Promise<unknown> {
  const client = sdkClient(server);
  return (key, bytes) =>
    client.send(new PutObjectCommand({ Bucket: server.bucket, Key: key, Body: bytes }));
}

/** A request signed by aws4fetch, sent by fetch, and nothing over it. */
export function bareFetchPut(server: Server): (key: string, bytes: Uint8Array) => Promise<unknown> {
  const client = new AwsClient({ ...server.credentials, region: server.region, service: "s3" });
  return async (key, bytes) => {
    const request = await client.sign(`${server.endpoint}/${server.bucket}/${key}`, {
      method: "PUT",
      body: bytes as Uint8Array<ArrayBuffer>,
    });
    const response = await fetch(request);
    await response.body?.cancel();
    if (!response.ok) throw new Error(`PUT ${key}: ${response.status}`);
  };
}

/** The ways to upload a stream, by name; the first is what the others are measured by. */
export const UPLOADS: Readonly<Record<string, (server: Server) => UploadStream>> = {
  "lib-storage Upload": (server) => {
    const client = sdkClient(server);
    return (key, stream) =>
      new Upload({
        client,
        params: { Bucket: server.bucket, Key: key, Body: stream },
        partSize: PART_SIZE,
        queueSize: PARTS_IN_FLIGHT,
      }).done();
  },
  "aws4fetch and fetch alone": bareMultipart,
  "edgeStore": (server) => {
    const store = edge(server);
    return (key, stream) => store.put(key, stream);
  },
  "sdkStore": (server) => {
    const store = sdk(server);
    return (key, stream) => store.put(key, stream);
  },
};
