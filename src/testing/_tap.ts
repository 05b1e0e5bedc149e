/** A stream that shows each piece to somebody on its way; it asks for nothing ahead of its reader. */
export function tapped(
  stream: ReadableStream<Uint8Array>,
  onPiece: (piece: Uint8Array) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      onPiece(value);
      controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
