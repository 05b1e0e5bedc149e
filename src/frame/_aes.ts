/**
 * AES-256-GCM with a key of its own for each message. The key is derived from
 * key material and a random salt, so that it seals once, and NIST's bound of
 * 2^32 messages under one key and random nonces (SP 800-38D, 8.3) is kept
 * whoever else seals from the same material.
 *
 * @module
 */

import { utf8 } from "../store/utf8.ts";

/** The length of a data key, in bytes. */
export const KEY_LENGTH = 32;
/** The length of what a key is derived with, in bytes. */
export const SALT_LENGTH = 16;
/** The length of GCM's nonce, in bytes. */
export const IV_LENGTH = 12;
/** The length of GCM's tag, which ends each ciphertext, in bytes. */
export const TAG_LENGTH = 16;

/** Bytes as WebCrypto's types want them. */
type Bytes = Uint8Array<ArrayBuffer>;

/** What a message is sealed with beside the key material: none of it is a secret. */
export interface Parameters {
  /** What the key serves: keys of two purposes have nothing in common. */
  readonly info: string;
  readonly salt: Uint8Array;
  readonly iv: Uint8Array;
  /** What is bound to the message without being in it. */
  readonly aad: Uint8Array;
}

/** Bytes that nobody can foretell. */
export function randomBytes(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Takes key material: from then on it derives keys, and cannot be read out. */
export function importMaterial(raw: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw as Bytes, "HKDF", false, ["deriveKey"]);
}

/** Seals a message; the tag is at its end. */
export async function encrypt(
  material: CryptoKey,
  parameters: Parameters,
  message: Uint8Array,
): Promise<Bytes> {
  const key = await derive(material, parameters, "encrypt");
  return new Uint8Array(await crypto.subtle.encrypt(gcm(parameters), key, message as Bytes));
}

/**
 * Opens a message.
 *
 * @throws {DOMException} an OperationError, where anything is not as it was sealed.
 */
export async function decrypt(
  material: CryptoKey,
  parameters: Parameters,
  message: Uint8Array,
): Promise<Bytes> {
  const key = await derive(material, parameters, "decrypt");
  return new Uint8Array(await crypto.subtle.decrypt(gcm(parameters), key, message as Bytes));
}

/** A key for HMAC-SHA-256. */
export function deriveHmac(material: CryptoKey, info: string): Promise<CryptoKey> {
  const hmac = { name: "HMAC", hash: "SHA-256", length: 8 * KEY_LENGTH };
  return crypto.subtle.deriveKey(hkdf(info, new Uint8Array(0)), material, hmac, false, ["sign"]);
}

function derive(
  material: CryptoKey,
  { info, salt }: Parameters,
  usage: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  const aes = { name: "AES-GCM", length: 8 * KEY_LENGTH };
  return crypto.subtle.deriveKey(hkdf(info, salt), material, aes, false, [usage]);
}

function hkdf(info: string, salt: Uint8Array) {
  return { name: "HKDF", hash: "SHA-256", salt: salt as Bytes, info: utf8(info) };
}

function gcm({ iv, aad }: Parameters) {
  return { name: "AES-GCM", iv: iv as Bytes, additionalData: aad as Bytes };
}
