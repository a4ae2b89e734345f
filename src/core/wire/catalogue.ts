/**
 * What a node configures, as bytes: column by column, since most entries differ from the one before in their address and
 * name only. A column that a reader does not know is skipped by its length.
 *
 * Source: docs/PROTOCOL.md, "Messages".
 */
import type { Entry } from "../catalogue/catalogue.js";
import { POLICIES } from "../ownership/policy.js";
import { ByteReader, ByteWriter, Malformed } from "./bytes.js";
import { readAddress, readSet, writeAddress, writeSet } from "./sets.js";

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

/** @throws Malformed */
export function decodeCatalogue(bytes: Uint8Array): Entry[] {
  const source = new ByteReader(bytes);
  const columns = new Map<string | undefined, ByteReader>();
  while (source.left > 0) columns.set(COLUMNS[source.byte()], source.inner());
  const column = (name: (typeof COLUMNS)[number]) => {
    const found = columns.get(name);
    if (found === undefined) throw new Malformed(`no column of ${name}`);
    return found;
  };
  const addresses = readSet(column("addresses"));
  const names = readNames(column("names"), addresses.length);
  const terms = readTerms(column("terms"), addresses.length);
  const follows = readFollows(column("follows"), addresses.length);
  return addresses.map((address, i) => {
    const own = terms[i];
    if (own === undefined) throw new Malformed("an entry without terms");
    return { address, names: names[i] ?? [], ...own, follows: follows.get(i) ?? null };
  });
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

function readNames(source: ByteReader, count: number): string[][] {
  let last = "";
  return Array.from({ length: count }, () =>
    source.list(() => (last = last.slice(0, source.uint(last.length)) + source.string())),
  );
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

function readTerms(source: ByteReader, count: number): Terms[] {
  const all = source.list(() => ({
    services: source.list(() => source.string()),
    preferences: source.list(() => source.string()),
    topology: source.string(),
    policy: readPolicy(source),
    failback: source.string(),
  }));
  const terms: Terms[] = [];
  for (let runs = source.uint(count); runs > 0; runs--) {
    const own = all[source.uint()];
    if (own === undefined) throw new Malformed("no such terms");
    for (let left = source.uint(count - terms.length); left > 0; left--) terms.push(own);
  }
  return terms;
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
