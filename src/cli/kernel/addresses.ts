/** The addresses that a `holdfast kernel` command is given: words, ranges, a file. */
import { readFileSync } from "node:fs";
import { explain, HoldfastError } from "../../errors.js";
import { formatAddress, writeAddress } from "../../kernel/address.js";
import { MOST_ADDRESSES } from "../../kernel/batches.js";

export interface AddressSources {
  readonly words: readonly string[];
  /** "10.1.0.1+10240": so many from there on. */
  readonly range?: string;
  /** Path of a text with an address or a range a line; what follows a `#` is a comment. */
  readonly file?: string;
}

/** All of them in canonical text, each once, in the order given. @throws ERR_USAGE, naming the first that is wrong. */
export function readAddresses({ words, range, file }: AddressSources): string[] {
  const addresses = new Set<string>();
  const take = (word: string, where: string) => {
    for (const address of expand(word, where)) addresses.add(address);
    if (addresses.size > MOST_ADDRESSES) throw usageError(`${where}expected at most ${MOST_ADDRESSES} addresses`);
  };
  for (const word of words) take(word, "");
  if (range !== undefined) {
    if (!range.includes("+")) throw usageError(`--range: expected a first address and a count, ${range}+10`);
    take(range, "--range: ");
  }
  if (file !== undefined) {
    for (const [i, line] of readLines(file).entries()) {
      const word = line.replace(/#.*/, "").trim();
      if (word !== "") take(word, `${file}:${i + 1}: `);
    }
  }
  if (addresses.size === 0) throw usageError("no address is given: name some, or use --range or --file");
  return [...addresses];
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (cause) {
    throw new HoldfastError("ERR_USAGE", `cannot read the addresses: ${explain(cause)}`, { file });
  }
}

function* expand(word: string, where: string): Generator<string> {
  const [, start = "", count = "1"] = /^([^+]*)(?:\+([0-9]{1,7}))?$/.exec(word) ?? [];
  const bytes = new Uint8Array(16);
  const family = writeAddress(start, bytes, 0);
  const length = Number(count);
  if (family === 0 || length < 1 || length > MOST_ADDRESSES) {
    const forms = `an address, or a range like 10.1.0.1+10240 of at most ${MOST_ADDRESSES}`;
    throw usageError(`${where}expected ${forms}, not ${JSON.stringify(word)}`);
  }
  for (let i = 0; i < length; i++) {
    if (i > 0 && !increment(bytes.subarray(0, family === 4 ? 4 : 16))) {
      throw usageError(`${where}${word} goes beyond the last address there is`);
    }
    yield formatAddress(family, bytes, 0);
  }
}

/** The next address, in place. @returns false after the last one. */
function increment(bytes: Uint8Array): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) {
    const next = (bytes[i] ?? 0) + 1;
    bytes[i] = next; // modulo 256
    if (next < 256) return true;
  }
  return false;
}

export function usageError(message: string): HoldfastError {
  return new HoldfastError("ERR_USAGE", message);
}
