/** A line, or what will be one, that is longer than the reader allows. */
export class LineTooLong extends Error {}

/** Cuts a byte stream into lines. Holds at most one unfinished line, of at most `maxBytes`. */
export class LineReader {
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly maxBytes: number) {}

  /** The lines that this chunk completes, without their ends. Throws LineTooLong; the reader is then of no more use. */
  *push(chunk: Buffer): Iterable<Buffer> {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      if (end > this.maxBytes) throw new LineTooLong();
      yield data.subarray(0, end);
      data = data.subarray(end + 1);
    }
    if (data.length > this.maxBytes) throw new LineTooLong();
    this.#rest = data;
  }

  /** What stands after the last line end: a last line without one, when the stream has ended. */
  get rest(): Buffer {
    return this.#rest;
  }
}
