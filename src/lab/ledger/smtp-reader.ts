/** PURE: a client's bytes as commands and contents, however they are cut into chunks. */
import { unstuffed } from "./transparency.js";

export type Read =
  | { readonly kind: "command"; readonly line: string }
  /** Between DATA and the final dot, without its dots. */
  | { readonly kind: "content"; readonly content: Buffer };

const CRLF = Buffer.from("\r\n");
const END = Buffer.from("\r\n.\r\n");

export class SmtpReader {
  #inContent = false;
  /** What is not read yet. Of a content, after a line end, since its final dot may be its first line. */
  #chunks: Buffer[] = [];
  #length = 0;
  #tail: Buffer = CRLF;
  /** Chunks of the content that were looked at. */
  #seen = 1;

  /** What follows is a content, up to its final dot. */
  expectContent(): void {
    const rest = Buffer.concat(this.#chunks);
    this.#inContent = true;
    this.#chunks = [CRLF];
    this.#length = CRLF.length;
    this.#tail = CRLF;
    this.#seen = 1;
    this.push(rest);
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** null until there is a whole one. */
  next(): Read | null {
    return this.#inContent ? this.#nextContent() : this.#nextCommand();
  }

  #nextCommand(): Read | null {
    const all = Buffer.concat(this.#chunks);
    const end = all.indexOf(CRLF);
    this.#chunks = [end < 0 ? all : all.subarray(end + CRLF.length)];
    return end < 0 ? null : { kind: "command", line: all.toString("latin1", 0, end) };
  }

  /** Looks only at the chunks that came since the last call, so that a long content costs no more than its length. */
  #nextContent(): Read | null {
    const [fresh, from] = this.#fresh();
    const found = fresh.indexOf(END);
    if (found < 0) {
      this.#tail = fresh.subarray(-(END.length - 1));
      this.#seen = this.#chunks.length;
      return null;
    }
    const all = Buffer.concat(this.#chunks);
    const end = from + found + CRLF.length;
    this.#inContent = false;
    this.#chunks = [all.subarray(from + found + END.length)];
    return { kind: "content", content: unstuffed(all.subarray(CRLF.length, end)) };
  }

  #fresh(): readonly [bytes: Buffer, from: number] {
    const fresh = Buffer.concat([this.#tail, ...this.#chunks.slice(this.#seen)]);
    return [fresh, this.#length - fresh.length];
  }
}
