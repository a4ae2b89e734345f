/**
 * Text of a configuration file -> tokens, one at a time.
 *
 * Barewords are read liberally, as the original's own examples need it: a word ends at white space, a quote, `=` or one of
 * `{ } [ ] ( )`; a `#` or a comment's opening begins a comment only where a word could begin, so that `#mmove`
 * needs quotes but `a#b` and `/var/spool/*` do not.
 */
import type { Diagnostics } from "./diagnostics.js";
import type { SourceLocation } from "./types.js";

export type TokenKind = "word" | "string" | "{" | "}" | "(" | ")" | "[" | "]" | "=" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Text of a word; contents of a string; the character itself of the rest. */
  readonly text: string;
  readonly at: SourceLocation;
  /** Nothing but white space or comments before it on its line. */
  readonly firstOnLine: boolean;
}

const PUNCTUATION = new Map<string, TokenKind>(
  (["{", "}", "(", ")", "[", "]", "="] as const).map((kind) => [kind, kind]),
);
// U+FEFF (byte order mark) and U+00A0 come along when text is pasted from elsewhere; both are \s.
const SPACE = /[^\S\n]+/y;
const CONTROLS = /[\p{Cc}]+/uy;
const WORD = /[^\s"'={}[\]()\p{Cc}]+/uy;

export class Lexer {
  readonly #file: string;
  readonly #text: string;
  readonly #diagnostics: Diagnostics;
  #offset = 0;
  #line = 1;
  #lineStart = 0;
  #firstOnLine = true;

  constructor(file: string, text: string, diagnostics: Diagnostics) {
    this.#file = file;
    this.#text = text;
    this.#diagnostics = diagnostics;
  }

  /** The next token; after the last one `end`, for ever. Mistakes are reported and stepped over. */
  next(): Token {
    this.#skipBlank();
    const at = this.#location();
    const firstOnLine = this.#firstOnLine;
    this.#firstOnLine = false;
    const first = this.#text[this.#offset];
    if (first === undefined) return { kind: "end", text: "", at, firstOnLine };
    const punctuation = PUNCTUATION.get(first);
    if (punctuation !== undefined) {
      this.#offset++;
      return { kind: punctuation, text: first, at, firstOnLine };
    }
    if (first === '"' || first === "'") return { kind: "string", text: this.#string(first, at), at, firstOnLine };
    return { kind: "word", text: this.#match(WORD), at, firstOnLine };
  }

  #location(): SourceLocation {
    return { file: this.#file, line: this.#line, column: this.#offset - this.#lineStart + 1 };
  }

  /** Steps over white space, comments and characters that have no place in a text. */
  #skipBlank(): void {
    for (;;) {
      const at = this.#location();
      const first = this.#text[this.#offset];
      if (first === "\n") this.#newLine(this.#offset + 1);
      else if (first === "#") this.#offset = this.#lineEnd();
      else if (first === "/" && this.#text[this.#offset + 1] === "*") this.#skipComment(at);
      else if (this.#match(SPACE) === "") {
        const strange = this.#match(CONTROLS);
        if (strange === "") return;
        const code = (strange.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
        this.#diagnostics.error("control-character", at, `control character U+${code} in the text`);
      }
    }
  }

  /** Comments do not nest. */
  #skipComment(at: SourceLocation): void {
    const close = this.#text.indexOf("*/", this.#offset + 2);
    if (close === -1) {
      this.#diagnostics.error("comment-unclosed", at, "this comment is never closed", "close it with */");
    }
    const end = close === -1 ? this.#text.length : close + 2;
    for (let line = this.#text.indexOf("\n", this.#offset); line !== -1 && line < end; ) {
      this.#newLine(line + 1);
      line = this.#text.indexOf("\n", line + 1);
    }
    this.#offset = end;
  }

  /** `\"` and `\\` are escapes; every other backslash is itself, as regular expressions need it. */
  #string(quote: string, at: SourceLocation): string {
    let text = "";
    for (let from = ++this.#offset; ; ) {
      const next = this.#text[this.#offset];
      if (next === undefined || next === "\n") {
        const remedy = `close it with ${quote} on the same line`;
        this.#diagnostics.error("string-unclosed", at, "this string is never closed", remedy);
        return text + this.#text.slice(from, this.#offset).trimEnd();
      }
      if (next === quote) return text + this.#text.slice(from, this.#offset++);
      const escaped = next === "\\" ? this.#text[this.#offset + 1] : undefined;
      if (escaped === quote || escaped === "\\") {
        text += this.#text.slice(from, this.#offset) + escaped;
        from = this.#offset + 2;
        this.#offset = from;
      } else this.#offset++;
    }
  }

  #lineEnd(): number {
    const end = this.#text.indexOf("\n", this.#offset);
    return end === -1 ? this.#text.length : end;
  }

  #newLine(offset: number): void {
    this.#offset = this.#lineStart = offset;
    this.#line++;
    this.#firstOnLine = true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#offset += found.length;
    return found;
  }
}
