import { slices } from "../store/multipart.ts";

/** How much of a body is handed over at once, in bytes. */
const VIEW = 64 * 1024;
/** From how many bytes on a copy of a body counts. */
const LARGE = 1024 * 1024;

/**
 * A large body as one that Deno reads in small views, each used up before the
 * next. Of bytes it makes two copies, and leaves them to the garbage collector;
 * a stream it sends without the length that S3 asks for; a Blob it reads by its
 * `stream()`, from the start each time, and sends with its `size`:
 * https://github.com/denoland/deno/blob/v2.9.0/ext/fetch/22_body.js.
 *
 * Other runtimes have their own way into a Blob, as workerd and Bun, or keep a
 * copy of what they read of it, as Node 26: there, bytes stay bytes.
 */
export function inViews(body: Uint8Array | string | null): BodyInit | null {
  const whole = body as BodyInit | null;
  if (!("Deno" in globalThis && body instanceof Uint8Array && body.length > LARGE)) return whole;
  let last: ReadableStream | undefined;
  const blob = new class extends Blob {
    override get size() {
      return body.length;
    }
    override stream() {
      const views = slices(body as Uint8Array<ArrayBuffer>, VIEW);
      return last = ReadableStream.from(views);
    }
  }();
  // Taken for the empty Blob that it is inside, it would be stored as one.
  return new Response(blob).body === last ? blob : whole;
}
