/** Kinds of options: what a value must look like, and what becomes of it. The options themselves are in schema.ts. */
import { canonicalAddress, type HostForm, isHostName, isIpv6, parseEndpoint, parseNetwork } from "./address.js";
import type { Dictionary, Scalar, Value } from "./syntax.js";
import type { Endpoint, SourceLocation } from "./types.js";

/** One option of a scope. The object itself is the key under which a scope keeps what the text said. */
export interface Option<T> {
  /** Canonical capitals; compared without regard to case. */
  readonly name: string;
  /** Other names that the original has used. */
  readonly aliases: readonly string[];
  /** What a value looks like, for people. */
  readonly type: string;
  readonly fallback: T;
  /** The fallback as it would be written; a word such as "none" where nothing can be written for it. */
  readonly shown: string;
  readonly meaning: string;
  readonly read: (value: Value) => Reading<T>;
}

export type Reading<T> = { readonly value: T } | Misreading;

interface Misreading {
  /** Completes "Option ...": "must be true or false, and is \"maybe\"". */
  readonly problem: string;
  readonly at: SourceLocation;
}

interface Text<T> {
  readonly name: string;
  readonly fallback: T;
  readonly shown?: string;
  readonly meaning: string;
  readonly aliases?: readonly string[];
}

function define<T>(type: string, text: Text<T>, read: (value: Value) => Reading<T>): Option<T> {
  return { aliases: [], shown: String(text.fallback ?? "none"), ...text, type, read };
}

/** An option whose value is one scalar; `parse` gives undefined for a text that is not `type`. */
function scalarOption<T, F>(type: string, text: Text<T | F>, parse: (text: string) => T | undefined): Option<T | F> {
  return define<T | F>(type, text, (value) => {
    if (value.kind !== "scalar") return { problem: `must be ${type}, not a ${value.kind}`, at: value.at };
    const parsed = parse(value.text);
    return parsed === undefined ? wrong(type, value) : { value: parsed };
  });
}

function wrong(type: string, { text, at }: Scalar): Misreading {
  return { problem: `must be ${type}, and is "${text}"`, at };
}

/** All spellings of the original's `ec_atobool`. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  enabled: true,
  1: true,
  false: false,
  off: false,
  disabled: false,
  0: false,
};

export function flag(name: string, fallback: boolean, meaning: string): Option<boolean> {
  return scalarOption<boolean, never>("true or false", { name, fallback, meaning }, (text) => {
    const spelling = text.toLowerCase();
    return Object.hasOwn(BOOLEANS, spelling) ? BOOLEANS[spelling] : undefined;
  });
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export function integer<F extends number | null>(
  name: string,
  fallback: F,
  { from, to }: Range,
  meaning: string,
): Option<number | F> {
  return scalarOption<number, F>(`a whole number from ${from} to ${to}`, { name, fallback, meaning }, (text) => {
    const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return number >= from && number <= to ? number : undefined;
  });
}

/** A number, or the word `auto`, which is 0. */
export function numberOrAuto(name: string, { to }: Range, meaning: string): Option<number> {
  const text = { name, fallback: 0, shown: "auto", meaning };
  return scalarOption<number, never>(`auto, or a whole number from 1 to ${to}`, text, (value) => {
    if (value.toLowerCase() === "auto") return 0;
    const number = /^[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
    return number >= 1 && number <= to ? number : undefined;
  });
}

/** Written in seconds, fractions allowed; kept in milliseconds. `fallback` and `from` are seconds too. */
export function seconds(name: string, fallback: number, from: number, meaning: string): Option<number> {
  const least = from === 0 ? "0 or more" : `at least ${from}`;
  const text = { name, fallback: fallback * 1000, shown: String(fallback), meaning };
  return scalarOption<number, never>(`a number of seconds, ${least}`, text, (value) => {
    const number = /^[0-9]{1,9}(\.[0-9]{1,6})?$/.test(value) ? Number(value) : Number.NaN;
    return number >= from ? Math.round(number * 1000) : undefined;
  });
}

/** Written in per cent, fractions allowed; kept as a share. `fallback` and `to` are per cent too. */
export function percent(name: string, fallback: number, to: number, meaning: string): Option<number> {
  const text = { name, fallback: fallback / 100, shown: String(fallback), meaning };
  return scalarOption<number, never>(`a number of per cent, up to ${to}`, text, (value) => {
    const number = /^[0-9]{1,3}(\.[0-9]{1,6})?$/.test(value) ? Number(value) : Number.NaN;
    return number <= to ? number / 100 : undefined;
  });
}

export function milliseconds(name: string, fallback: number, range: Range, meaning: string): Option<number> {
  return { ...integer(name, fallback, range, meaning), type: `milliseconds from ${range.from} to ${range.to}` };
}

export function text<F extends string | null>(name: string, fallback: F, meaning: string): Option<string | F> {
  return scalarOption<string, F>("a text that is not empty", { name, fallback, meaning }, (value) =>
    value === "" ? undefined : value,
  );
}

/** A text that must match. `type` says what it is: "the path of a file". */
export function pattern<F extends string | null>(
  name: string,
  fallback: F,
  type: string,
  form: RegExp,
  meaning: string,
): Option<string | F> {
  return scalarOption<string, F>(type, { name, fallback, meaning }, (value) => (form.test(value) ? value : undefined));
}

export function path<F extends string | null>(name: string, fallback: F, meaning: string): Option<string | F> {
  return pattern(name, fallback, "an absolute path", /^\/./, meaning);
}

export function choice<T extends string>(name: string, fallback: T, words: readonly T[], meaning: string): Option<T> {
  return scalarOption<T, never>(words.join(" or "), { name, fallback, meaning }, (value) =>
    words.find((word) => word === value.toLowerCase()),
  );
}

export function hostName<F extends string | null>(name: string, fallback: F, meaning: string): Option<string | F> {
  return scalarOption<string, F>("a host name", { name, fallback, meaning }, (value) =>
    isHostName(value) ? value : undefined,
  );
}

export function address(name: string, meaning: string): Option<string | null> {
  return scalarOption<string, null>(
    "an IP address",
    { name, fallback: null, meaning },
    (value) => canonicalAddress(value) ?? undefined,
  );
}

/** `*` leaves the address to the kernel, and is null. */
export function addressOrAny(name: string, meaning: string): Option<string | null> {
  const text = { name, fallback: null, shown: "*", meaning };
  return scalarOption<string | null, never>("an IP address, or *", text, (value) =>
    value === "*" ? null : (canonicalAddress(value) ?? undefined),
  );
}

/** One scalar or a list. Each item is parsed by itself, so that the caret stands under the wrong one. */
function items<T, F>(
  type: string,
  text: Text<readonly T[] | F>,
  parse: (scalar: Scalar) => Reading<T>,
): Option<readonly T[] | F> {
  return define<readonly T[] | F>(type, text, (value) => {
    if (value.kind === "dictionary") return { problem: `must be ${type}, not a dictionary`, at: value.at };
    const values: T[] = [];
    for (const scalar of value.kind === "list" ? value.items : [value]) {
      const reading = parse(scalar);
      if ("problem" in reading) return reading;
      values.push(reading.value);
    }
    return { value: values };
  });
}

/** Words that are not empty, in an order that means something. */
export function texts(name: string, meaning: string): Option<readonly string[]> {
  const type = "a text that is not empty, or a list of them";
  return items<string, readonly string[]>(type, { name, fallback: [], shown: "none", meaning }, (scalar) =>
    scalar.text === "" ? wrong("a text that is not empty", scalar) : { value: scalar.text },
  );
}

export function endpoints(name: string, form: HostForm, meaning: string): Option<readonly Endpoint[] | null> {
  const type = '"host:port", or a list of them';
  return items<Endpoint, null>(type, { name, fallback: null, meaning }, ({ text, at }) => {
    const endpoint = parseEndpoint(text, form);
    return typeof endpoint === "string" ? { problem: `names "${text}", which ${endpoint}`, at } : { value: endpoint };
  });
}

/** CIDR blocks, or single addresses, which are blocks of one. */
export function networks(name: string, fallback: readonly string[], meaning: string): Option<readonly string[]> {
  const shown = `( ${fallback.join(" ")} )`;
  const type = "a network such as 10.1.0.0/16, or a list of them";
  return items<string, readonly string[]>(type, { name, fallback, shown, meaning }, (scalar) => {
    const single = canonicalAddress(scalar.text);
    const block = single === null ? parseNetwork(scalar.text)?.block : `${single}/${isIpv6(single) ? 128 : 32}`;
    return block === undefined ? wrong("a network such as 10.1.0.0/16", scalar) : { value: block };
  });
}

/** Kept as written: its rules are those of the whole table. */
export function dictionary(name: string, meaning: string): Option<Dictionary | null> {
  const type = "a dictionary, [ key = value ... ]";
  return define<Dictionary | null>(type, { name, fallback: null, meaning }, (value) =>
    value.kind === "dictionary" ? { value } : { problem: `must be ${type}, not a ${value.kind}`, at: value.at },
  );
}
