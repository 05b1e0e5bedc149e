/** Bytes as lower-case hexadecimal digits, two for each. */
export function toHex(bytes: Iterable<number>): string {
  let hex = "";
  for (const byte of bytes) hex += (256 + byte).toString(16).slice(1);
  return hex;
}
