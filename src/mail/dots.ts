/**
 * Dots at the beginning of lines (RFC 5321 section 4.5.2), taken off and put on. Pure: bytes in, bytes out.
 *
 * Each byte costs the same, whatever it is: one pass over the chunk into one buffer. A message that consists of lines of
 * dots makes no more pieces, and no more work, than any other.
 */
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** What the decoder has seen last. A lone CR or LF ends no line: it is content, and `guarded` refuses it. */
const LINE_BEGINS = 0;
const INSIDE = 1;
const AFTER_CR = 2;
const AFTER_DOT = 3;
const AFTER_DOT_CR = 4;

/** Content of one message as DATA brings it, gathered until somebody takes it. */
export class DotRemover {
  #state = LINE_BEGINS;
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** Bytes of content to be taken. */
  get length(): number {
    return this.#length;
  }

  /** @returns where in the chunk the first byte behind the end of the data is, or -1 while the data goes on. */
  feed(chunk: Uint8Array): number {
    // A CR that was held back may come out too.
    this.#reserve(chunk.length + 1);
    const out = this.#buffer;
    let length = this.#length;
    let state = this.#state;
    let at = 0;
    let ended = false;
    while (at < chunk.length && !ended) {
      const byte = chunk[at++] ?? 0;
      if (state === AFTER_DOT_CR) {
        ended = byte === LF;
        if (ended) continue;
        out[length++] = CR;
        state = AFTER_CR;
      } else if (state === AFTER_DOT) {
        state = byte === CR ? AFTER_DOT_CR : INSIDE;
        if (byte === CR) continue;
      } else if (state === LINE_BEGINS && byte === DOT) {
        state = AFTER_DOT;
        continue;
      }
      out[length++] = byte;
      if (byte === CR) state = AFTER_CR;
      else state = byte === LF && state === AFTER_CR ? LINE_BEGINS : INSIDE;
    }
    this.#length = length;
    this.#state = state;
    return ended ? at : -1;
  }

  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }

  #reserve(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#buffer.length));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Content of one message as DATA sends it. A lone CR or LF becomes CRLF, as what follows it could be taken for an end. */
export class DotStuffer {
  #last = LF;

  feed(chunk: Uint8Array): Buffer {
    // A byte becomes two at most; a CR at the end of the chunk before may have one more to come.
    const out = Buffer.allocUnsafe(2 * chunk.length + 1);
    let length = 0;
    let last = this.#last;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === LF) {
        if (last !== CR) out[length++] = CR;
      } else {
        if (last === CR) out[length++] = LF;
        if (byte === DOT && (last === LF || last === CR)) out[length++] = DOT;
      }
      out[length++] = byte;
      last = byte;
    }
    this.#last = last;
    return out.subarray(0, length);
  }

  /** What ends the data. */
  end(): Buffer {
    if (this.#last === LF) return Buffer.from(".\r\n");
    return Buffer.from(this.#last === CR ? "\n.\r\n" : "\r\n.\r\n");
  }
}
