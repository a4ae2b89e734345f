/**
 * Tokens -> syntax tree of one file.
 *
 *     text      := statement*
 *     statement := ("include" | "readonly_include") scalar
 *                | name ["="] value
 *                | name ["="] [scalar] "{" statement* "}"
 *     value     := scalar | "(" scalar* ")" | "[" (scalar ["="] scalar)* "]"
 *
 * A mistake is reported where it stands, and reading goes on at the next statement, so that one never hides another.
 */
import type { Diagnostics } from "./diagnostics.js";
import { Lexer, type Token } from "./lexer.js";
import type { Dictionary, List, Scalar, Statement, Value } from "./syntax.js";

/** Scopes in scopes. The language needs three; the limit keeps a hostile text from exhausting the stack. */
const DEPTH_MAX = 32;

/** Total: any text gives a tree, and what could not be read is reported. */
export function parseText(file: string, text: string, diagnostics: Diagnostics): readonly Statement[] {
  return new Parser(new Lexer(file, text, diagnostics), diagnostics).file();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #diagnostics: Diagnostics;
  #token: Token;
  /** A token that was given back, to be read after `#token`. */
  #later: Token | null = null;

  constructor(lexer: Lexer, diagnostics: Diagnostics) {
    this.#lexer = lexer;
    this.#diagnostics = diagnostics;
    this.#token = lexer.next();
  }

  file(): Statement[] {
    const statements: Statement[] = [];
    while (!this.#sees("end")) {
      this.#statements(0, statements);
      if (this.#sees("}")) {
        this.#diagnostics.error("brace-unmatched", this.#token.at, "this '}' closes nothing");
        this.#take();
      }
    }
    return statements;
  }

  /** Appends all up to the `}` that closes the scope, or the end. */
  #statements(depth: number, statements: Statement[]): void {
    while (!this.#sees("}", "end")) {
      const statement = this.#statement(depth);
      if (statement !== null) statements.push(statement);
    }
  }

  #statement(depth: number): Statement | null {
    const name = this.#token;
    if (name.kind !== "word") {
      this.#unexpected("a statement begins with a name");
      return null;
    }
    this.#take();
    if (/^(readonly_)?include$/i.test(name.text)) return this.#include(name);
    const assigned = this.#takeIf("=");
    if (this.#sees("{")) return this.#scope(name, null, depth);
    const value = this.#value(name, assigned);
    if (value === null) return null;
    if (value.kind === "scalar" && this.#sees("{")) return this.#scope(name, value, depth);
    return { kind: "option", name: name.text, value, at: name.at };
  }

  #include(name: Token): Statement | null {
    this.#takeIf("=");
    if (!isScalar(this.#token)) {
      this.#diagnostics.error("include-path", name.at, `${name.text} needs the path of a file or directory`);
      return null;
    }
    return { kind: "include", path: scalar(this.#take()), at: name.at };
  }

  #scope(name: Token, instance: Scalar | null, depth: number): Statement | null {
    const open = this.#take();
    if (depth >= DEPTH_MAX) {
      this.#diagnostics.error("too-deep", open.at, `scopes are nested more than ${DEPTH_MAX} deep`);
      this.#skipBlock();
      return null;
    }
    const body: Statement[] = [];
    this.#statements(depth + 1, body);
    if (!this.#takeIf("}")) {
      const scope = instance === null ? name.text : `${name.text} "${instance.text}"`;
      this.#diagnostics.error("brace-unclosed", open.at, `the '{' of ${scope} is never closed`);
    }
    return { kind: "scope", name: name.text, instance, body, at: name.at };
  }

  #value(name: Token, assigned: boolean): Value | null {
    if (this.#sees("(")) return this.#list();
    if (this.#sees("[")) return this.#dictionary();
    if (!isScalar(this.#token)) {
      this.#noValue(name, assigned);
      return null;
    }
    const value = this.#take();
    // `Enable_Duravip =`, and the next line begins with `Bind_Address =`: that was a name, not a value.
    if (value.kind === "word" && this.#sees("=")) {
      this.#noValue(name, assigned);
      this.#giveBack(value);
      return null;
    }
    return scalar(value);
  }

  #noValue(name: Token, assigned: boolean): void {
    const expected = assigned ? "a value after the '='" : "'=' and a value, or '{'";
    this.#diagnostics.error("value-missing", name.at, `${name.text} has no value`, `write ${expected}`);
    if (this.#sees(")", "]", "=")) this.#take();
  }

  #list(): List {
    const open = this.#take();
    const items: Scalar[] = [];
    for (;;) {
      if (this.#takeIf(")")) break;
      const item = this.#item(open);
      if (item === null) {
        this.#rescueName(items);
        break;
      }
      items.push(scalar(item));
    }
    return { kind: "list", items, at: open.at };
  }

  /** `list` was never closed, and an `=` follows: its last item was the name of the next statement. */
  #rescueName(items: Scalar[]): void {
    const last = items.at(-1);
    if (!this.#sees("=") || last === undefined) return;
    items.pop();
    this.#giveBack({ kind: "word", text: last.text, at: last.at, firstOnLine: true });
  }

  #dictionary(): Dictionary {
    const open = this.#take();
    const entries: { key: Scalar; value: Scalar }[] = [];
    while (!this.#takeIf("]")) {
      const key = this.#item(open);
      if (key === null) break;
      this.#takeIf("=");
      if (this.#sees("]")) {
        this.#diagnostics.error("value-missing", key.at, `the key ${key.text} has no value`);
        continue;
      }
      const value = this.#item(open);
      if (value === null) break;
      entries.push({ key: scalar(key), value: scalar(value) });
    }
    return { kind: "dictionary", entries, at: open.at };
  }

  /** The next scalar of a list or dictionary, or null where it ends without having been closed. */
  #item(open: Token): Token | null {
    while (this.#sees("(", "[")) {
      this.#diagnostics.error("nested-value", this.#token.at, "lists and dictionaries hold plain values only");
      this.#take();
    }
    if (isScalar(this.#token)) return this.#take();
    const close = open.kind === "(" ? ")" : "]";
    const message = `this '${open.kind}' is not closed before '${this.#token.text || "the end of the file"}'`;
    this.#diagnostics.error("bracket-unclosed", open.at, message, `close it with '${close}'`);
    if (this.#sees(")", "]")) this.#take();
    return null;
  }

  /** Reports the token and goes on at what looks like the next statement. */
  #unexpected(remedy: string): void {
    this.#diagnostics.error("unexpected", this.#token.at, `unexpected ${describe(this.#token)}`, remedy);
    do {
      if (this.#take().kind === "{") this.#skipBlock();
    } while (!this.#sees("}", "end") && !startsStatement(this.#token));
  }

  /** The rest of a scope whose `{` is taken, with its `}`. */
  #skipBlock(): void {
    for (let depth = 1; depth > 0 && !this.#sees("end"); ) {
      const { kind } = this.#take();
      if (kind === "{") depth++;
      else if (kind === "}") depth--;
    }
  }

  #sees(...kinds: readonly Token["kind"][]): boolean {
    return kinds.includes(this.#token.kind);
  }

  #take(): Token {
    const taken = this.#token;
    this.#token = this.#later ?? this.#lexer.next();
    this.#later = null;
    return taken;
  }

  #takeIf(kind: Token["kind"]): boolean {
    if (!this.#sees(kind)) return false;
    this.#take();
    return true;
  }

  /** Makes the token that was taken last the next one again. */
  #giveBack(token: Token): void {
    this.#later = this.#token;
    this.#token = token;
  }
}

function isScalar({ kind }: Token): boolean {
  return kind === "word" || kind === "string";
}

function startsStatement({ kind, firstOnLine }: Token): boolean {
  return kind === "word" && firstOnLine;
}

function scalar({ text, at }: Token): Scalar {
  return { kind: "scalar", text, at };
}

function describe({ kind, text }: Token): string {
  return kind === "string" ? `string "${text}"` : `'${text}'`;
}
