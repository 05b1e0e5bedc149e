export * from "./src/errors.ts";
export * from "./src/store/store.ts";
export { createPolicy, isRetryable } from "./src/store/policy.ts";
export type { Policy, PolicyComponents, PolicyOptions, RetryOptions } from "./src/store/policy.ts";
export { checkKey } from "./src/store/key.ts";
export { MAX_KEY_BYTES } from "./src/store/limits.ts";
export { getBytes } from "./src/store/body.ts";
export { memoryStore, type MemoryStoreComponents } from "./src/store/memory_store.ts";
export { decodeFrame, encodeFrame } from "./src/frame/frame.ts";
export { MAX_FRAME_PLAINTEXT } from "./src/frame/layout.ts";
export type {
  DecodeFrameOptions,
  EncodeFrameOptions,
  Frame,
  FrameKind,
} from "./src/frame/frame.ts";
export { registerDecoder, registerEncoder, supportedCompressions } from "./src/frame/codec.ts";
export type {
  Algorithm,
  Compression,
  Decoder,
  Encoder,
  SupportedCompressions,
} from "./src/frame/codec.ts";
export type { CompressionChoice, CompressionReaders } from "./src/frame/compression.ts";
export { breaker } from "./src/store/breaker.ts";
export type {
  BreakerComponents,
  BreakerOptions,
  BreakerState,
  BreakerStore,
} from "./src/store/breaker.ts";
export { observed } from "./src/store/observed.ts";
export type { ObservedOptions, Observer, StoreEvent, StoreOutcome } from "./src/store/observed.ts";
export { aesGcm, type AesGcmComponents, type AesGcmOptions } from "./src/frame/aes_gcm.ts";
export type { Encryption, FramePlace, Sealing } from "./src/frame/encryption.ts";
export type { DataKey, KeyContext, KeyProvider, WrappedKey } from "./src/frame/key_provider.ts";
export { awsKmsKeys } from "./src/frame/aws_kms_keys.ts";
export type { AwsKmsKeysOptions, KmsClient, KmsInput } from "./src/frame/aws_kms_keys.ts";
export { localKeys, type LocalKeysOptions } from "./src/frame/local_keys.ts";
export { passphraseKey, type PassphraseKeyOptions } from "./src/frame/passphrase_key.ts";
export { type ThreadKeys, threadKeys, type ThreadKeysOptions } from "./src/frame/thread_keys.ts";
export { rewrap, type RewrapOptions, type RewrapProgress } from "./src/checkpoint/rewrap.ts";
export {
  probe,
  type ProbedCapability,
  type ProbeOptions,
  type ProbeReport,
} from "./src/store/probe.ts";
export { linkStore, type LinkStoreOptions, type ObjectLink } from "./src/store/link_store.ts";
export { prefixed } from "./src/store/prefix.ts";
export { withReplica } from "./src/store/replica.ts";
export type { Fallback, ReplicaComponents, ReplicaOptions } from "./src/store/replica.ts";
export { S3Checkpointer } from "./src/checkpoint/checkpointer.ts";
export type {
  Checkpoint,
  CheckpointInfo,
  ListCheckpointsOptions,
  S3CheckpointerOptions,
  SaveOptions,
  WhichOptions,
} from "./src/checkpoint/checkpointer.ts";
export { type KeyClass, keyClass } from "./src/checkpoint/key_class.ts";
export { cdn, type CdnEvent, type CdnMiss, type CdnOptions } from "./src/checkpoint/cdn.ts";
export type { ChunkLayerOptions } from "./src/checkpoint/chunk_layer.ts";
export { cached, workersCache } from "./src/checkpoint/chunk_caches.ts";
export type {
  CachedOptions,
  ChunkCacheOptions,
  ChunkCacheOutcome,
  ResponseCache,
  WorkersCacheOptions,
} from "./src/checkpoint/chunk_caches.ts";
export { checkpointLinks, objectLink, uploadLinks } from "./src/checkpoint/links.ts";
export type {
  CheckpointLinks,
  CheckpointLinksOptions,
  LinkOptions,
  ObjectLinkOptions,
  UploadLinksOptions,
} from "./src/checkpoint/links.ts";
export { loadMany, saveMany } from "./src/checkpoint/batches.ts";
export type { SaveItem, SettledItem } from "./src/checkpoint/batches.ts";
export { deleteMany } from "./src/checkpoint/delete_many.ts";
export type { BatchOptions, BatchProgress, ItemResult, WhichItem } from "./src/checkpoint/batch.ts";
export { copyThread, moveThread } from "./src/checkpoint/threads.ts";
export type { SaverLike, ThreadKeeper } from "./src/checkpoint/threads.ts";
export type { CopyProgress, CopyResult, CopyThreadOptions } from "./src/checkpoint/copies.ts";
export { type Spread, spread } from "./src/checkpoint/spread.ts";
export { uuid7 } from "./src/checkpoint/id.ts";
export type { CheckpointComponents, CheckpointOptions } from "./src/checkpoint/log.ts";
export { type RenewResult, renewThread } from "./src/checkpoint/renew_thread.ts";
export { expireAfter, lifecycleDays, type Ttl, type TtlOptions } from "./src/checkpoint/ttl.ts";
export type { Life } from "./src/checkpoint/record.ts";
export { jsonSerializer } from "./src/checkpoint/serializer.ts";
export type { Serializer } from "./src/checkpoint/serializer.ts";
