/**
 * Bytes that are written and read front to back: unsigned varints (LEB128, up to 2^53-1), length-prefixed UTF-8.
 * The reader trusts nothing: whatever does not fit throws Malformed, which decoders turn into "not a message".
 */
export class Malformed extends Error {}

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });

/** Longest text that is looked at byte by byte; its length is one byte on the wire. */
const SHORT = 64;

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** @param value an integer from 0 to 2^53-1. */
  uint(value: number): this {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** @param value an integer, 2^53-1 at most on either side of 0: sign and six bits, then what is left, if anything is. */
  int(value: number): this {
    const size = Math.abs(value);
    const rest = Math.floor(size / 0x40);
    this.byte(Number(value < 0) | ((size % 0x40) << 1) | (rest > 0 ? 0x80 : 0));
    return rest > 0 ? this.uint(rest) : this;
  }

  bytes(value: Uint8Array): this {
    this.uint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** Names are short and ASCII: for these the encoder costs more than the loop. */
  string(value: string): this {
    if (value.length > SHORT) return this.bytes(utf8.encode(value));
    this.#room(1 + value.length);
    const start = this.#length;
    this.#bytes[this.#length++] = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        this.#length = start;
        return this.bytes(utf8.encode(value));
      }
      this.#bytes[this.#length++] = code;
    }
    return this;
  }

  list<T>(items: readonly T[], each: (item: T) => void): this {
    this.uint(items.length);
    for (const item of items) each(item);
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

export class ByteReader {
  #at = 0;

  constructor(private readonly source: Uint8Array) {}

  get left(): number {
    return this.source.length - this.#at;
  }

  byte(): number {
    const value = this.source[this.#at];
    if (value === undefined) throw new Malformed("ends too early");
    this.#at++;
    return value;
  }

  uint(max = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let shift = 1, i = 0; i < 8; shift *= 0x80, i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) {
        if (value > max) throw new Malformed(`${value} is above ${max}`);
        return value;
      }
    }
    throw new Malformed("number too long");
  }

  int(): number {
    const first = this.byte();
    const size = ((first >> 1) & 0x3f) + (first >= 0x80 ? 0x40 * this.uint(2 ** 47 - 1) : 0);
    return (first & 1) === 1 ? -size : size;
  }

  /** What is behind its length, to be read by itself. */
  inner(): ByteReader {
    return new ByteReader(this.bytes());
  }

  /** A view of the source, not a copy. */
  bytes(max = this.left): Uint8Array {
    const length = this.uint(Math.min(max, this.source.length));
    if (length > this.left) throw new Malformed("ends too early");
    this.#at += length;
    return this.source.subarray(this.#at - length, this.#at);
  }

  string(max = this.left): string {
    const start = this.#at;
    const short = this.#shortString();
    if (short !== null && short.length <= max) return short;
    this.#at = start;
    const raw = this.bytes(max);
    try {
      return text.decode(raw);
    } catch {
      throw new Malformed("not UTF-8");
    }
  }

  /** @returns null for what is not short, not ASCII or not there: the long way says what is wrong with it. */
  #shortString(): string | null {
    const length = this.source[this.#at++] ?? SHORT + 1;
    if (length > SHORT || length > this.left) return null;
    let short = "";
    for (const end = this.#at + length; this.#at < end; this.#at++) {
      const code = this.source[this.#at] ?? 0x80;
      if (code >= 0x80) return null;
      short += String.fromCharCode(code);
    }
    return short;
  }

  flag(): boolean {
    const value = this.byte();
    if (value > 1) throw new Malformed(`${value} is no flag`);
    return value === 1;
  }

  /** Each item takes a byte at the least, so a length beyond what is left is refused before anything is kept. */
  list<T>(each: () => T, max = Number.MAX_SAFE_INTEGER): T[] {
    const length = this.uint(Math.min(max, this.left));
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(each());
    return items;
  }

  /** Everything must have been read. */
  end(): void {
    if (this.left > 0) throw new Malformed(`${this.left} bytes too many`);
  }
}
