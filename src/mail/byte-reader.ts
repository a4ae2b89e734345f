/** Reads the beginning of a message off a stream of chunks and hands on the rest, holding no more than it was told to. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Its first bytes, up to `#end`, are what was read; those before `#start` were taken. */
  #buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
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
      const held = this.#buffer.subarray(this.#start, this.#end);
      const at = held.indexOf(mark, from, "latin1");
      if (at >= 0 && at + mark.length <= max) return this.#take(at + mark.length);
      if (at >= 0 || held.length >= max) return null;
      if (this.#ended) return this.#take(held.length);
      from = Math.max(0, held.length - mark.length + 1);
      await this.#more();
    }
  }

  /** What is left. Once it was called, nothing else may be. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#end > this.#start) yield this.#take(this.#end - this.#start);
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    return taken;
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#ended = true;
      return;
    }
    this.#hold(next.value);
  }

  /** Room grows by doubling: small chunks are not copied again for each that follows. */
  #hold(chunk: Uint8Array): void {
    const held = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(held + chunk.length, held === 0 ? 0 : 2 * held));
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }
}
