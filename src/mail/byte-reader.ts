/** Reads the beginning of a message off a stream of chunks and hands on the rest, holding no more than it was told to. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * Bytes up to and with `mark`; all that there are when the stream ends first; null when `max` bytes hold no mark, and
   * then nothing has been taken.
   */
  async readThrough(mark: string, max: number): Promise<Buffer | null> {
    let from = 0;
    for (;;) {
      const at = this.#held.indexOf(mark, from, "latin1");
      if (at >= 0 && at + mark.length <= max) return this.#take(at + mark.length);
      if (at >= 0 || this.#held.length >= max) return null;
      if (this.#ended) return this.#take(this.#held.length);
      from = Math.max(0, this.#held.length - mark.length + 1);
      await this.#more();
    }
  }

  /** What is left. Once it was called, nothing else may be. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#held.length > 0) yield this.#take(this.#held.length);
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) this.#ended = true;
    else this.#held = Buffer.concat([this.#held, next.value]);
  }
}
