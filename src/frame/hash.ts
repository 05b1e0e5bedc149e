export { toHex } from "../store/hex.ts";
export { sha256 } from "../store/sha256.ts";
