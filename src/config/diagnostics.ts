/** Everything there is to say about a configuration: collected while it is read, sorted and printed at the end. */
import { nearest } from "../nearest.js";
import type { Diagnostic, SourceLocation } from "./types.js";

/** Longer lines are cut: they are no help to a person, and a file of one line must not be repeated for each mistake. */
const LINE_LENGTH_MAX = 400;

/** Names that suggestions may look at, all told. Some mistakes get one at any size; each of 100,000 would take hours. */
const CANDIDATES_MAX = 300_000;

export class Diagnostics {
  readonly #sources = new Map<string, Source>();
  readonly #found: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  #candidates = 0;

  /** Makes the lines of a file known; files sort in the order in which they come here. */
  addSource(file: string, text: string): void {
    if (!this.#sources.has(file)) this.#sources.set(file, { order: this.#sources.size, text, lineStarts: null });
  }

  error(rule: string, at: SourceLocation, message: string, remedy: string | null = null): void {
    this.#add("error", rule, at, message, remedy);
  }

  warn(rule: string, at: SourceLocation, message: string, remedy: string | null = null): void {
    this.#add("warning", rule, at, message, remedy);
  }

  note(rule: string, at: SourceLocation, message: string, remedy: string | null = null): void {
    this.#add("note", rule, at, message, remedy);
  }

  /** "did you mean ...?" with the nearest of the names, or null where none is near, or too many were asked about. */
  suggestion(text: string, names: readonly string[]): string | null {
    if (this.#candidates > CANDIDATES_MAX) return null;
    this.#candidates += names.length;
    const near = nearest(text, names);
    return near === null ? null : `did you mean ${near}?`;
  }

  get hasErrors(): boolean {
    return this.#found.some(({ severity }) => severity === "error");
  }

  /** In the order of the text: by file as first read, then by line and column. */
  sorted(): Diagnostic[] {
    const order = (file: string) => this.#sources.get(file)?.order ?? -1;
    return this.#found.sort(
      ({ at: a }, { at: b }) => order(a.file) - order(b.file) || a.line - b.line || a.column - b.column,
    );
  }

  #add(
    severity: Diagnostic["severity"],
    rule: string,
    at: SourceLocation,
    message: string,
    remedy: string | null,
  ): void {
    // A file that is included twice says everything twice.
    const identity = `${at.file}:${at.line}:${at.column}:${rule}:${message}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    this.#found.push({ severity, rule, message, at, line: this.#lineOf(at), remedy });
  }

  #lineOf({ file, line }: SourceLocation): string {
    const source = this.#sources.get(file);
    if (source === undefined) return "";
    source.lineStarts ??= lineStartsOf(source.text);
    const start = source.lineStarts[line - 1] ?? source.text.length;
    const end = (source.lineStarts[line] ?? source.text.length + 1) - 1;
    return source.text.slice(start, Math.min(end, start + LINE_LENGTH_MAX)).replace(/\r$/, "");
  }
}

interface Source {
  readonly order: number;
  readonly text: string;
  lineStarts: readonly number[] | null;
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
}

/**
 * A diagnostic as a person reads it, several lines without a last line end:
 *
 *     holdfast.conf:7:5: error: "Duravip_Folow" is not an option of Listen
 *           Duravip_Folow = "vip-2"
 *           ^
 *       did you mean Duravip_Follow?
 */
export function formatDiagnostic({ severity, message, at, line, remedy }: Diagnostic): string {
  const text = [`${at.file}:${at.line}:${at.column}: ${severity}: ${message}`];
  if (line.trim() !== "") text.push(`  ${line}`);
  // Tabs stay tabs, so that the caret stands under its column however wide they are shown.
  if (line.trim() !== "" && at.column <= line.length) {
    text.push(`  ${line.slice(0, at.column - 1).replace(/[^\t]/g, " ")}^`);
  }
  if (remedy !== null) text.push(`  ${remedy}`);
  return text.join("\n");
}
