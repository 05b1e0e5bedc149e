/**
 * For people who write a store, or something above one: what every store must
 * do, a store that fails as planned, and one that counts.
 *
 * @module
 */
export { conformanceCases } from "./conformance.ts";
export type { ConformanceCase, ConformanceContext } from "./conformance.ts";
export { countingStore } from "./counting_store.ts";
export type { CountingStore, CountingStoreOptions, RequestCounts } from "./counting_store.ts";
export { faultyStore } from "./faulty_store.ts";
export type { Fault, FaultPlan, StoreCall, StoreOperation } from "./faulty_store.ts";
