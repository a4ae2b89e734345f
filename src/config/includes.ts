/**
 * Finds and reads what a text includes. A relative path is looked up beside the including file first, then along the search
 * path; a directory stands for its files, not hidden ones, in the order of their names, without its subdirectories.
 */
import type { Diagnostics } from "./diagnostics.js";
import { parseText } from "./parser.js";
import type { IncludeStatement, Statement } from "./syntax.js";
import type { ConfigReader, SourceLocation } from "./types.js";

/** Files that are open at the same time, each including the next. */
const CHAIN_MAX = 64;
/** Files and characters of one configuration: a hundred includes of a hundred includes must not run for ever. */
const FILES_MAX = 10_000;
const CHARACTERS_MAX = 1 << 29;

/** Directories in which includes are looked up, beside the main file; `{NODENAME}` is the node's name. */
export const SEARCH_PATH: readonly string[] = ["global", "{NODENAME}", "default"];

export class Loader {
  readonly #reader: ConfigReader;
  readonly #diagnostics: Diagnostics;
  readonly #directories: readonly string[];
  readonly #open: string[] = [];
  #files = 0;
  #characters = 0;

  /** @param searchPath relative entries are relative to the directory of `main`. */
  constructor(
    main: string,
    nodename: string,
    searchPath: readonly string[],
    reader: ConfigReader,
    diagnostics: Diagnostics,
  ) {
    this.#reader = reader;
    this.#diagnostics = diagnostics;
    this.#directories = searchPath.map((entry) => join(directoryOf(main), entry.replaceAll("{NODENAME}", nodename)));
  }

  /** Reads the main file and hands its statements to `visit`. */
  main(path: string, visit: (statements: readonly Statement[]) => void): void {
    const at = { file: path, line: 1, column: 1 };
    const text = this.#read(path, at);
    if (text === null) this.#diagnostics.error("unreadable", at, "there is no such file");
    else if (text !== undefined) this.#visit(path, text, at, visit);
  }

  /** Hands the statements of each included file to `visit`, in order. */
  include({ path, at }: IncludeStatement, visit: (statements: readonly Statement[]) => void): void {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path.text)) {
      this.#diagnostics.error("include-scheme", path.at, `cannot include ${path.text}: only files are read`);
      return;
    }
    const candidates = this.#candidates(path.text, at.file);
    for (const candidate of candidates) {
      const text = this.#read(candidate, path.at);
      if (text === undefined) return;
      if (text !== null) {
        this.#visit(candidate, text, path.at, visit);
        return;
      }
      const names = this.#list(candidate, path.at);
      if (names === undefined) return;
      if (names === null) continue;
      for (const name of [...names].sort().filter((name) => !name.startsWith("."))) {
        const file = join(candidate, name);
        const content = this.#read(file, path.at);
        if (typeof content === "string") this.#visit(file, content, path.at, visit);
      }
      return;
    }
    const looked = `looked for ${candidates.join(", ")}`;
    this.#diagnostics.error("unreadable", path.at, `there is no file or directory ${path.text} to include`, looked);
  }

  #candidates(path: string, includer: string): string[] {
    if (path.startsWith("/")) return [join("/", path)];
    return [...new Set([directoryOf(includer), ...this.#directories].map((directory) => join(directory, path)))];
  }

  #visit(path: string, text: string, at: SourceLocation, visit: (statements: readonly Statement[]) => void): void {
    if (this.#open.includes(path)) {
      const loop = [...this.#open.slice(this.#open.indexOf(path)), path].join(" includes ");
      this.#diagnostics.error("include-loop", at, `include loop: ${loop}`);
      return;
    }
    this.#files++;
    this.#characters += text.length;
    const beyond =
      this.#open.length >= CHAIN_MAX
        ? `includes are nested more than ${CHAIN_MAX} deep`
        : this.#files > FILES_MAX
          ? `the configuration includes more than ${FILES_MAX} files`
          : this.#characters > CHARACTERS_MAX
            ? `the configuration is longer than ${CHARACTERS_MAX} characters`
            : null;
    if (beyond !== null) {
      this.#diagnostics.error("include-limit", at, beyond);
      return;
    }
    this.#diagnostics.addSource(path, text);
    this.#open.push(path);
    visit(parseText(path, text, this.#diagnostics));
    this.#open.pop();
  }

  /** undefined: it is there, but cannot be read, and that has been reported. */
  #read(path: string, at: SourceLocation): string | null | undefined {
    return this.#try(path, at, () => this.#reader.readFile(path));
  }

  #list(path: string, at: SourceLocation): readonly string[] | null | undefined {
    return this.#try(path, at, () => this.#reader.readDirectory(path));
  }

  #try<T>(path: string, at: SourceLocation, call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#diagnostics.error("unreadable", at, `cannot read ${path}: ${reason}`);
      return undefined;
    }
  }
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "." : path.slice(0, Math.max(slash, 1));
}

/** Joins two paths and takes `.`, `..` and doubled slashes out, by text alone, as `node:path` does. */
function join(directory: string, path: string): string {
  const whole = path.startsWith("/") ? path : `${directory}/${path}`;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== ".." || !whole.startsWith("/")) parts.push(part);
  }
  return (whole.startsWith("/") ? "/" : "") + parts.join("/") || ".";
}
