import { slices } from "../store/multipart.ts";

/**
 * A large body as one that a runtime reads in small views, each used up before the
 * next, where of bytes it makes copies and leaves them to the garbage collector.
 *
 * Deno makes two of them; a stream it sends without the length that S3 asks for; a
 * Blob it reads by its `stream()`, from the start each time, and sends with its `size`:
 * https://github.com/denoland/deno/blob/v2.9.0/ext/fetch/22_body.js.
 *
 * Node makes two or three, of a Blob as well; a stream it sends with the length that
 * its headers say, once for each that it is given:
 * https://github.com/nodejs/undici/blob/v8.10.2/lib/dispatcher/client-h1.js.
 *
 * Other runtimes have their own way into a Blob, as workerd and Bun, and chunks for
 * streams: there, bytes stay bytes.
 */
export function inViews(body: Uint8Array | string | null): BodyInit | null {
  // How much of a body is handed over at once, in bytes.
  const VIEW = 64 * 1024;
  // From how many bytes on a copy of a body counts.
  const LARGE = 1024 * 1024;
  const whole = body as BodyInit | null;
  if (!(body instanceof Uint8Array && body.length > LARGE)) return whole;
  const views = () => ReadableStream.from(slices(body as Uint8Array<ArrayBuffer>, VIEW));
  const { process } = globalThis as { process?: { versions?: { undici?: string } } };
  if (process?.versions?.undici) return views();
  if (!("Deno" in globalThis)) return whole;
  let last: ReadableStream | undefined;
  const blob = new class extends Blob {
    override get size() {
      return body.length;
    }
    override stream() {
      return last = views();
    }
  }();
  // Taken for the empty Blob that it is inside, it would be stored as one.
  return new Response(blob).body === last ? blob : whole;
}
