/**
 * What the members say about each address, put together: who configures it, who follows whom, and where they
 * contradict each other. The same on every node, because it is made of what all members announced and nothing else.
 *
 * Source: docs/PROTOCOL.md, "Marks".
 */
import { sortByAddress } from "../address.js";
import type { Entry } from "../catalogue/catalogue.js";

export interface Vip {
  readonly address: string;
  readonly names: readonly string[];
  readonly topology: string;
  readonly preference: string | null;
  readonly follows: string | null;
  /** Members that configure it, sorted, with what each runs on it. */
  readonly participants: ReadonlyMap<string, readonly string[]>;
  /** Members prefer different homes for it, or let it follow different addresses. */
  readonly conflict: boolean;
  /** Members run different services on it. */
  readonly unsafe: boolean;
  /** Names and address do not match between members: nobody may own it. */
  readonly broken: boolean;
}

/** An address that leads, with those that follow it: they have one home, always. */
export interface Unit {
  readonly lead: Vip;
  /** Sorted by address; broken followers are left out. */
  readonly followers: readonly Vip[];
  /** Members that may own it, sorted. */
  readonly electorate: readonly string[];
}

export interface Definitions {
  readonly vips: ReadonlyMap<string, Vip>;
  /** By the address that leads, in the order of addresses. */
  readonly units: ReadonlyMap<string, Unit>;
}

export const NO_DEFINITIONS: Definitions = { vips: new Map(), units: new Map() };

/** @param catalogues each member's entries; the order of members does not matter. */
export function define(catalogues: ReadonlyMap<string, readonly Entry[]>): Definitions {
  const members = [...catalogues.keys()].sort();
  const said = new Map<string, Map<string, Entry>>();
  for (const member of members) {
    for (const entry of catalogues.get(member) ?? []) {
      const by = said.get(entry.address) ?? new Map<string, Entry>();
      said.set(entry.address, by.set(member, entry));
    }
  }
  const torn = tornNames(said);
  const vips = new Map<string, Vip>();
  for (const address of sortByAddress(said.keys(), (text) => text)) {
    vips.set(address, agree(address, said.get(address) ?? new Map(), torn));
  }
  return { vips, units: unitsOf(vips) };
}

/** Names that stand for more than one address. */
function tornNames(said: ReadonlyMap<string, ReadonlyMap<string, Entry>>): ReadonlySet<string> {
  const homes = new Map<string, string>();
  const torn = new Set<string>();
  for (const [address, by] of said) {
    let last: readonly string[] = [];
    for (const { names } of by.values()) {
      if (sameTexts(names, last)) continue; // Mostly all members say the same.
      last = names;
      for (const name of names) {
        if ((homes.get(name) ?? address) !== address) torn.add(name);
        homes.set(name, address);
      }
    }
  }
  return torn;
}

function agree(address: string, by: ReadonlyMap<string, Entry>, torn: ReadonlySet<string>): Vip {
  const participants = new Map<string, readonly string[]>();
  for (const [member, { services }] of by) participants.set(member, services);
  const entries = opinions(by);
  const named = entries.filter(({ names }) => names.length > 0);
  const preferences = distinct(entries.flatMap(({ preference }) => preference ?? []));
  const follows = distinct(entries.map((entry) => entry.follows));
  return {
    address,
    names: distinct(entries.flatMap(({ names }) => names)).sort(),
    topology: entries[0]?.topology ?? "",
    preference: preferences.length === 1 ? (preferences[0] ?? null) : null,
    follows: follows[0] ?? null,
    participants,
    conflict: preferences.length > 1 || follows.length > 1,
    unsafe: entries.length > 1 && distinct(entries.map(({ services }) => services.join())).length > 1,
    broken: named.some(({ names }) => names.some((name) => torn.has(name)) || isAnother(names, named[0]?.names ?? [])),
  };
}

/** What members say about one address, without those who only repeat the first of them: mostly it is one entry. */
function opinions(by: ReadonlyMap<string, Entry>): Entry[] {
  const opinions: Entry[] = [];
  for (const entry of by.values()) {
    const first = opinions[0];
    if (first === undefined || !saysTheSame(entry, first)) opinions.push(entry);
  }
  return opinions;
}

function saysTheSame(a: Entry, b: Entry): boolean {
  return (
    a.preference === b.preference &&
    a.follows === b.follows &&
    a.topology === b.topology &&
    sameTexts(a.names, b.names) &&
    sameTexts(a.services, b.services)
  );
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

/** One member may know more names of an address than another; a wholly different set means another binding. */
function isAnother(names: readonly string[], first: readonly string[]): boolean {
  return !names.some((name) => first.includes(name));
}

function unitsOf(vips: ReadonlyMap<string, Vip>): ReadonlyMap<string, Unit> {
  const followers = new Map<string, Vip[]>();
  for (const vip of vips.values()) {
    const lead = leadOf(vips, vip);
    if (lead === vip.address || vip.broken) continue;
    const along = followers.get(lead);
    if (along === undefined) followers.set(lead, [vip]);
    else along.push(vip);
  }
  const units = new Map<string, Unit>();
  for (const lead of vips.values()) {
    if (leadOf(vips, lead) !== lead.address) continue;
    const along = followers.get(lead.address) ?? [];
    units.set(lead.address, { lead, followers: along, electorate: electorateOf(lead, along) });
  }
  return units;
}

/** An address whose leader nobody configures (any more), or that leads and follows at once between members, leads itself. */
export function leadOf(vips: ReadonlyMap<string, Vip>, vip: Vip): string {
  const lead = vip.follows === null ? undefined : vips.get(vip.follows);
  return lead === undefined || lead.follows !== null ? vip.address : lead.address;
}

/** The unit of an address; undefined for an address that no member configures, and for a broken follower. */
export function unitOf({ vips, units }: Definitions, address: string): Unit | undefined {
  const vip = vips.get(address);
  if (vip === undefined) return undefined;
  const lead = leadOf(vips, vip);
  return vip.broken && lead !== address ? undefined : units.get(lead);
}

/** A member that knows only a part of the unit is second choice: it would leave followers without a home. */
function electorateOf(lead: Vip, followers: readonly Vip[]): readonly string[] {
  if (lead.broken) return [];
  const able = [...lead.participants.keys()]; // Sorted, as `define` took them.
  if (followers.length === 0) return able;
  const whole = able.filter((member) => followers.every(({ participants }) => participants.has(member)));
  return whole.length > 0 ? whole : able;
}

/** Addresses of a unit that a member would have. */
export function addressesFor(unit: Unit, member: string): string[] {
  return [unit.lead, ...unit.followers]
    .filter(({ participants }) => participants.has(member))
    .map(({ address }) => address);
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
