/** Where an object stands: what encryption binds it to. */
export interface FramePlace {
  /** The thread that it belongs to. */
  readonly thread: string;
  /** Its key in the store. */
  readonly key: string;
}

/**
 * How objects are sealed before they are stored, and opened after they are
 * read: what `aesGcm` makes, and the `encryption` option of both faces takes.
 */
export interface Encryption {
  /** Changes where data keys were forgotten: what was opened before must not be used on. */
  readonly revision: number;
  /** Seals a packed payload, bound to the frame's head and to its place; gives what the frame has from offset 48. */
  seal(place: FramePlace, head: Uint8Array, packed: Uint8Array): Promise<Uint8Array>;
  /** Opens a frame whose checksum holds, and gives its packed payload. */
  open(place: FramePlace, frame: Uint8Array): Promise<Uint8Array>;
  /** Opens a frame, and seals what it holds for another place. */
  reseal(frame: Uint8Array, from: FramePlace, to: FramePlace): Promise<Uint8Array>;
  /** The name of a thread's chunk: 64 hexadecimal digits that nobody without the key can tell of its content. */
  nameOf(thread: string, chunk: Uint8Array): Promise<string>;
}

/** An encryption, and the place that an object is sealed for. */
export interface Sealing {
  /** How the object is sealed. */
  readonly encryption: Encryption;
  /** Where it stands. */
  readonly place: FramePlace;
}
