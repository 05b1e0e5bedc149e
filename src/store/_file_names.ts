/**
 * Keys as paths that every file system keeps apart.
 *
 * Each segment of a key becomes a directory and the last one a file. A segment
 * is written in lower-case letters, digits, `-`, `_` and `.`; an upper-case
 * letter is `+` and the lower-case one, any other byte of UTF-8 `%` and two
 * digits. What is left over ends a name: `=` makes it an object, so that the
 * keys `a` and `a/b` live side by side, and `+` says that a long segment goes on
 * in the directory below.
 */

import { utf8 } from "./utf8.ts";

/** The longest name, but for a few bytes: eCryptfs, the tightest in use, allows 143. */
const NAME_LENGTH = 128;
const ESCAPED = /^(?:[a-z0-9_.-]|\+[a-z]|%[0-9a-f]{2})+$/;
// Windows opens a device by these names, whatever extension follows.
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The kinds of names that stand in a directory. */
export type EntryKind = "object" | "folder" | "rest";

/** A name read back. */
export interface Entry {
  readonly kind: EntryKind;
  /** The text that it adds to that of its directory, with the slash of a folder. */
  readonly text: string;
}

/** The names on the way to an object, its own last. */
export function namesOf(key: string): string[] {
  const names = foldersOf(key);
  const last = names.pop()!;
  return [...names, `${last}=`];
}

/** The names of the directories on the way to what is under `text/`. */
export function foldersOf(text: string): string[] {
  return text.split("/").flatMap((segment) => {
    const pieces = cut(segment);
    return pieces.map((piece, index) => index < pieces.length - 1 ? `${piece}+` : piece);
  });
}

/** Reads a name of `namesOf` back; anything else in the directory is not ours. */
export function entryOf(name: string, isDirectory: boolean): Entry | undefined {
  const marker = name.at(-1);
  const kind = marker === "=" ? "object" : marker === "+" ? "rest" : "folder";
  if (isDirectory === (kind === "object")) return undefined;
  const text = decode(kind === "folder" ? name : name.slice(0, -1));
  if (text === undefined) return undefined;
  return { kind, text: kind === "folder" ? `${text}/` : text };
}

function decode(name: string): string | undefined {
  if (!ESCAPED.test(name)) return undefined;
  const bytes: number[] = [];
  for (let i = 0; i < name.length; i++) {
    const letter = name[i]!;
    if (letter === "+") bytes.push(name.charCodeAt(++i) - 32);
    else if (letter === "%") {
      bytes.push(parseInt(name.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(letter.charCodeAt(0));
  }
  try {
    const text = decoder.decode(new Uint8Array(bytes));
    // A name that another spelling owns would give the same key twice.
    const pieces = cut(text);
    return pieces.length === 1 && pieces[0] === name ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A segment, escaped, in pieces that each fit a name. */
function cut(segment: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const letter of segment) {
    const escaped = escape(letter);
    if (piece.length + escaped.length > NAME_LENGTH) {
      pieces.push(piece);
      piece = "";
    }
    piece += escaped;
  }
  return [...pieces, piece].map(settle);
}

function escape(letter: string): string {
  if (/[a-z0-9_.-]/.test(letter)) return letter;
  if (/[A-Z]/.test(letter)) return `+${letter.toLowerCase()}`;
  return Array.from(utf8(letter), hex).join("");
}

/** Escapes what depends on its place: no name is hidden, ends in a dot, or is a device. */
function settle(piece: string): string {
  let name = piece;
  if (name.length > 1 && name.endsWith(".")) name = name.slice(0, -1) + "%2e";
  if (name.startsWith(".") || DEVICE.test(name)) name = hex(name.charCodeAt(0)) + name.slice(1);
  return name;
}

function hex(byte: number): string {
  return `%${byte.toString(16).padStart(2, "0")}`;
}
