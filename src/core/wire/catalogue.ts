/**
 * What a node configures, as bytes: column by column, since most entries differ from the one before in their address and
 * name only. A column that a reader does not know is skipped by its length.
 *
 * Source: docs/PROTOCOL.md, "Messages".
 */
import { addressesIn } from "../address.js";
import type { Entry } from "../catalogue/catalogue.js";
import { POLICIES } from "../ownership/policy.js";
import { run, SLICE, type Slices } from "../slices.js";
import { ByteReader, ByteWriter, Malformed } from "./bytes.js";
import { readAddress, readRanges, writeAddress, writeSet } from "./sets.js";

const COLUMNS = ["addresses", "names", "terms", "follows"] as const;

/** What many entries have in common. */
type Terms = Pick<Entry, "services" | "preferences" | "topology" | "policy" | "failback">;

/** @param entries sorted by address. Equal entries give equal bytes. */
export function encodeCatalogue(entries: readonly Entry[]): Uint8Array {
  const out = new ByteWriter();
  const column = (name: (typeof COLUMNS)[number], write: (out: ByteWriter) => void) => {
    const own = new ByteWriter();
    write(own);
    out.byte(COLUMNS.indexOf(name)).bytes(own.finish());
  };
  column("addresses", (own) =>
    writeSet(
      own,
      entries.map(({ address }) => address),
    ),
  );
  column("names", (own) => writeNames(own, entries));
  column("terms", (own) => writeTerms(own, entries));
  column("follows", (own) => {
    const followers = [...entries.entries()].filter(([, { follows }]) => follows !== null);
    let last = 0;
    own.list(followers, ([at, { follows }]) => {
      writeAddress(own.uint(at - last), follows ?? "");
      last = at;
    });
  });
  return out.finish();
}

/** `decodingCatalogue`, at once. */
export function decodeCatalogue(bytes: Uint8Array): Entry[] {
  return run(decodingCatalogue(bytes));
}

/** @throws Malformed */
export function* decodingCatalogue(bytes: Uint8Array): Slices<Entry[]> {
  const source = new ByteReader(bytes);
  const columns = new Map<string | undefined, ByteReader>();
  while (source.left > 0) columns.set(COLUMNS[source.byte()], source.inner());
  const column = (name: (typeof COLUMNS)[number]) => {
    const found = columns.get(name);
    if (found === undefined) throw new Malformed(`no column of ${name}`);
    return found;
  };
  const ranges = readRanges(column("addresses"));
  const count = ranges.reduce((sum, range) => sum + range.count, 0);
  const nextNames = readerOfNames(column("names"));
  const nextTerms = readerOfTerms(column("terms"), count);
  const follows = readFollows(column("follows"), count);
  const entries: Entry[] = [];
  for (const address of addressesIn(ranges)) {
    const [names, { services, preferences, topology, policy, failback }] = [nextNames(), nextTerms()];
    const followed = follows.get(entries.length) ?? null;
    entries.push({ address, names, services, preferences, topology, policy, failback, follows: followed });
    if (entries.length % SLICE === 0) yield;
  }
  return entries;
}

/** Each name as what it shares with the one before, and the rest. */
function writeNames(out: ByteWriter, entries: readonly Entry[]): void {
  let last = "";
  for (const { names } of entries) {
    out.list(names, (name) => {
      const shared = sharedLength(name, last);
      out.uint(shared).string(name.slice(shared));
      last = name;
    });
  }
}

/** Not half of a character: UTF-8 has no surrogates. */
function sharedLength(name: string, last: string): number {
  let shared = 0;
  while (shared < name.length && name[shared] === last[shared]) shared++;
  const code = shared === 0 ? 0 : name.charCodeAt(shared - 1);
  return code >= 0xd800 && code < 0xdc00 ? shared - 1 : shared;
}

/** @returns what reads those of the next entry. */
function readerOfNames(source: ByteReader): () => string[] {
  let last = "";
  const next = () => (last = last.slice(0, source.uint(last.length)) + source.string());
  return () => source.list(next);
}

/** Every different combination once; then how many entries in a row have which. */
function writeTerms(out: ByteWriter, entries: readonly Entry[]): void {
  const all: Terms[] = [];
  const numbers = new Map<string, number>();
  const runs: { number: number; count: number }[] = [];
  for (const { services, preferences, topology, policy, failback } of entries) {
    const key = [services.join("\n"), preferences.join("\n"), topology, policy, failback].join("\t");
    let number = numbers.get(key);
    if (number === undefined)
      numbers.set(key, (number = all.push({ services, preferences, topology, policy, failback }) - 1));
    const run = runs.at(-1);
    if (run?.number === number) run.count++;
    else runs.push({ number, count: 1 });
  }
  out.list(all, ({ services, preferences, topology, policy, failback }) => {
    out.list(services, (service) => out.string(service));
    out.list(preferences, (member) => out.string(member));
    out.string(topology).byte(POLICIES.indexOf(policy)).string(failback);
  });
  out.list(runs, ({ number, count }) => out.uint(number).uint(count));
}

/** @returns what reads those of the next entry. */
function readerOfTerms(source: ByteReader, count: number): () => Terms {
  const all = source.list(() => ({
    services: source.list(() => source.string()),
    preferences: source.list(() => source.string()),
    topology: source.string(),
    policy: readPolicy(source),
    failback: source.string(),
  }));
  let [runs, left, own] = [source.uint(count), 0, all[0]];
  return () => {
    for (; left === 0 && runs > 0; runs--) [own, left] = [all[source.uint()], source.uint(count)];
    if (own === undefined || left-- === 0) throw new Malformed("an entry without terms");
    return own;
  };
}

function readPolicy(source: ByteReader): Terms["policy"] {
  const policy = POLICIES[source.byte()];
  if (policy === undefined) throw new Malformed("no such policy");
  return policy;
}

function readFollows(source: ByteReader, count: number): Map<number, string> {
  let at = 0;
  return new Map(source.list(() => [(at += source.uint(count - 1 - at)), readAddress(source)]));
}
