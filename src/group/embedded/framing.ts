/** Frames on a stream: four bytes of length, big endian, then the frame. */
export const PREFIX_BYTES = 4;

export function prefixOf(frame: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(PREFIX_BYTES);
  new DataView(prefix.buffer).setUint32(0, frame.length);
  return prefix;
}

/** Cuts a stream into frames. Each byte is copied once, so a frame holds on to nothing but itself. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  /** Length of the frame that is coming; null while its prefix is. */
  #length: number | null = null;

  /** @param limit longest frame to accept; it may be raised between frames. */
  constructor(public limit: number) {}

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** @returns the next whole frame, null when there is none yet, "too long" when it is longer than the limit. */
  next(): Uint8Array | null | "too long" {
    if (this.#length === null) {
      if (this.#buffered < PREFIX_BYTES) return null;
      const prefix = this.#take(PREFIX_BYTES);
      this.#length = new DataView(prefix.buffer).getUint32(0);
    }
    if (this.#length > this.limit) return "too long";
    if (this.#buffered < this.#length) return null;
    const frame = this.#take(this.#length);
    this.#length = null;
    return frame;
  }

  #take(length: number): Uint8Array {
    const taken = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = this.#chunks[used]!;
      const part = chunk.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used++;
      else this.#chunks[used] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, used);
    this.#buffered -= length;
    return taken;
  }
}
