/**
 * What the members say about each address, put together: who configures it, who follows whom, and where they
 * contradict each other. The same on every node, because it is made of what all members announced and nothing else.
 *
 * Source: docs/PROTOCOL.md, "Marks".
 */
import type { PartitionPolicy } from "../../config/types.js";
import { comparePoints, pointOf, type Point } from "../address.js";
import type { Entry } from "../catalogue/catalogue.js";
import { IMMEDIATE, mostReluctant } from "./failback.js";
import { hashOf } from "./hash.js";
import { LargeMap } from "../large-map.js";
import { run, SLICE, type Slices } from "../slices.js";
import { strictest } from "./policy.js";
import { Rolls, type Electorate, type Participants } from "./rolls.js";
import { voicesOf, type Voice } from "./voices.js";

export interface Vip {
  readonly address: string;
  /** Its place in the order of all addresses. */
  readonly rank: number;
  /** 32 bits of the address; for IPv4, all of it. */
  readonly hash: number;
  readonly names: readonly string[];
  readonly topology: string;
  /** The strictest that any member has for it. */
  readonly policy: PartitionPolicy;
  readonly preferences: readonly string[];
  /** The most reluctant that any member has for it. */
  readonly failback: string;
  readonly follows: string | null;
  /** Members that configure it, sorted, with what each runs on it. Addresses that the same members configure share it. */
  readonly participants: Participants;
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
  /** Members that may own it, sorted. Units that the same members may own share it. */
  readonly electorate: Electorate;
}

/** What it would take a walk through all of them to find. */
interface Found {
  /** Units by each member that they prefer, in whatever place. */
  readonly preferring: ReadonlyMap<string, readonly string[]>;
  /** Units that go back to a preferred member on the leader's word only. */
  readonly reluctant: readonly string[];
  /** Addresses with any mark. */
  readonly marked: readonly Vip[];
  /** Is there an address that is owned under a lease only? */
  readonly leased: boolean;
}

export class Definitions {
  readonly #rolls: Rolls;

  constructor(
    readonly vips: ReadonlyMap<string, Vip>,
    /** By the address that leads, in the order of addresses. */
    readonly units: ReadonlyMap<string, Unit>,
    readonly found: Found,
    rolls: Rolls,
  ) {
    this.#rolls = rolls;
  }

  /**
   * Strikes off a member that departed, where others go on saying all that it said. @returns false, with nothing done,
   * where its departure changes more: then definitions are to be made anew.
   */
  strike(member: string): boolean {
    return this.#rolls.strike(member);
  }

  /** The same definitions. Who departs from these stays in their electorates, and is only no member any more. */
  fork(): Definitions {
    return new Definitions(this.vips, this.units, this.found, this.#rolls.fork());
  }
}

/** All that is said of one address, in the order of voices. */
interface Said {
  readonly point: Point;
  readonly sayings: { readonly voice: number; readonly entry: Entry }[];
}

const NO_FOLLOWERS: readonly Vip[] = [];
const NO_PREFERENCES: readonly string[] = [];

/** Of a cluster without members. */
export const NO_DEFINITIONS = define(new Map());

/**
 * @param catalogues each member's entries; the order of members does not matter.
 * @param before no address gets a milder policy than it had there.
 */
export function define(catalogues: ReadonlyMap<string, readonly Entry[]>, before?: Definitions): Definitions {
  return run(defining(catalogues, before));
}

export function* defining(
  catalogues: ReadonlyMap<string, readonly Entry[]>,
  before?: Definitions,
): Slices<Definitions> {
  const voices = voicesOf(catalogues);
  const rolls = new Rolls(voices);
  const torn = yield* tornNames(voices);
  const vips = new LargeMap<Vip>();
  for (const said of saidByAddress(yield* allInOrder(voices))) {
    const agreed = agree(said, vips.size, rolls, torn);
    const policy = before?.vips.get(agreed.address)?.policy;
    const vip = policy === undefined ? agreed : { ...agreed, policy: strictest([policy, agreed.policy]) };
    vips.set(vip.address, vip);
    if (vips.size % SLICE === 0) yield;
  }
  const units = yield* unitsOf(vips, rolls);
  return new Definitions(vips, units, yield* findIn(vips, units), rolls);
}

/** In the order of addresses. */
function* saidByAddress(rest: readonly (readonly Placed[])[]): Iterable<Said> {
  const at = rest.map(() => 0);
  for (;;) {
    let point: Point | undefined;
    for (const [voice, all] of rest.entries()) {
      const next = all[at[voice] ?? 0]?.point;
      if (next !== undefined && (point === undefined || comparePoints(next, point) < 0)) point = next;
    }
    if (point === undefined) return;
    const sayings: Said["sayings"] = [];
    for (const [voice, all] of rest.entries()) {
      const next = all[at[voice] ?? 0];
      if (next === undefined || comparePoints(next.point, point) !== 0) continue;
      sayings.push({ voice, entry: next.entry });
      at[voice] = (at[voice] ?? 0) + 1;
    }
    yield { point, sayings };
  }
}

interface Placed {
  readonly point: Point;
  readonly entry: Entry;
}

function* allInOrder(voices: readonly Voice[]): Slices<Placed[][]> {
  const all: Placed[][] = [];
  for (const { entries } of voices) all.push(yield* inOrder(entries));
  return all;
}

/** Catalogues are sorted already, unless a peer made a mistake. Of two entries for one address the first counts. */
function* inOrder(entries: readonly Entry[]): Slices<Placed[]> {
  const all: Placed[] = [];
  let sorted = true;
  for (const entry of entries) {
    const point = pointOf(entry.address);
    const last = all.at(-1);
    if (last !== undefined && comparePoints(last.point, point) >= 0) sorted = false;
    all.push({ point, entry });
    if (all.length % SLICE === 0) yield;
  }
  if (sorted) return all;
  all.sort((a, b) => comparePoints(a.point, b.point));
  return all.filter(({ point }, i) => i === 0 || comparePoints(all[i - 1]?.point ?? point, point) < 0);
}

/** Names that stand for more than one address. */
function* tornNames(voices: readonly Voice[]): Slices<ReadonlySet<string>> {
  const homes = new LargeMap<string>((name) => name.slice(0, -3));
  const torn = new Set<string>();
  for (const { entries } of voices) {
    for (const { address, names } of entries) {
      for (const name of names) {
        const home = homes.get(name);
        if (home === undefined) homes.set(name, address);
        else if (home !== address) torn.add(name);
      }
      if (homes.size % SLICE === 0) yield;
    }
  }
  return torn;
}

function agree(said: Said, rank: number, rolls: Rolls, torn: ReadonlySet<string>): Vip {
  const { point, sayings } = said;
  const [first] = sayings;
  if (sayings.length === 1 && first !== undefined) return stated(point, first, rank, rolls, torn);
  const entries = sayings.map(({ entry }) => entry);
  const named = entries.filter(({ names }) => names.length > 0);
  const preferences = orders(entries);
  const follows = distinct(entries.map((entry) => entry.follows));
  return {
    address: entries[0]?.address ?? "",
    rank,
    hash: hashOfPoint(point),
    names: distinct(entries.flatMap(({ names }) => names)).sort(),
    topology: entries[0]?.topology ?? "",
    policy: strictest(entries.map(({ policy }) => policy)),
    preferences: preferences.length === 1 ? (preferences[0] ?? NO_PREFERENCES) : NO_PREFERENCES,
    failback: mostReluctant(distinct(entries.map(({ failback }) => failback))),
    follows: follows[0] ?? null,
    participants: rolls.participants(sayings.map(({ voice, entry: { services } }) => ({ voice, services }))),
    conflict: preferences.length > 1 || follows.length > 1,
    unsafe: distinct(entries.map(({ services }) => services.join())).length > 1,
    broken: named.some(({ names }) => names.some((name) => torn.has(name)) || isAnother(names, named[0]?.names ?? [])),
  };
}

/** What nobody says otherwise: nearly every address of nearly every cluster, so it costs no more than it must. */
function stated(
  point: Point,
  { voice, entry }: Said["sayings"][number],
  rank: number,
  rolls: Rolls,
  torn: ReadonlySet<string>,
): Vip {
  const { address, names, topology, policy, preferences, failback, follows, services } = entry;
  return {
    address,
    rank,
    hash: hashOfPoint(point),
    names: names.length < 2 ? names : distinct(names).sort(),
    topology,
    policy,
    preferences,
    failback,
    follows,
    participants: rolls.participants([{ voice, services }]),
    conflict: false,
    unsafe: false,
    broken: torn.size > 0 && names.some((name) => torn.has(name)),
  };
}

function hashOfPoint({ block, offset }: Point): number {
  return block === "" ? offset : hashOf(block) ^ offset;
}

/** The different orders of preference that members have; who has none agrees with all. */
function orders(entries: readonly Entry[]): (readonly string[])[] {
  const found: (readonly string[])[] = [];
  for (const { preferences } of entries) {
    const text = preferences.join("\n");
    if (preferences.length > 0 && !found.some((known) => known === preferences || known.join("\n") === text))
      found.push(preferences);
  }
  return found;
}

/** One member may know more names of an address than another; a wholly different set means another binding. */
function isAnother(names: readonly string[], first: readonly string[]): boolean {
  return !names.some((name) => first.includes(name));
}

function* unitsOf(vips: ReadonlyMap<string, Vip>, rolls: Rolls): Slices<ReadonlyMap<string, Unit>> {
  let seen = 0;
  const followers = new LargeMap<Vip[]>();
  for (const vip of vips.values()) {
    if (++seen % SLICE === 0) yield;
    const lead = leadOf(vips, vip);
    if (lead === vip.address || vip.broken) continue;
    const along = followers.get(lead);
    if (along === undefined) followers.set(lead, [vip]);
    else along.push(vip);
  }
  const units = new LargeMap<Unit>();
  for (const lead of vips.values()) {
    if (leadOf(vips, lead) !== lead.address) continue;
    const along = followers.get(lead.address) ?? NO_FOLLOWERS;
    const participants = along.map((vip) => vip.participants);
    const electorate = lead.broken ? rolls.nobody : rolls.electorate(lead.participants, participants);
    units.set(lead.address, { lead, followers: along, electorate });
    if (units.size % SLICE === 0) yield;
  }
  return units;
}

function* findIn(vips: ReadonlyMap<string, Vip>, units: ReadonlyMap<string, Unit>): Slices<Found> {
  const preferring = new Map<string, string[]>();
  const reluctant: string[] = [];
  const marked: Vip[] = [];
  let leased = false;
  let seen = 0;
  for (const vip of vips.values()) {
    if (vip.conflict || vip.unsafe || vip.broken) marked.push(vip);
    leased ||= vip.policy === "strict";
    if (++seen % SLICE === 0) yield;
  }
  for (const [lead, unit] of units) {
    for (const preferred of preferencesOf(unit)) {
      const leads = preferring.get(preferred);
      if (leads === undefined) preferring.set(preferred, [lead]);
      else leads.push(lead);
    }
    if (unit.lead.failback !== IMMEDIATE && preferencesOf(unit).length > 0) reluctant.push(lead);
    if (++seen % SLICE === 0) yield;
  }
  return { preferring, reluctant, marked, leased };
}

/** Members that are to have the unit where they can, first choice first. What members disagree on is ignored. */
export function preferencesOf({ lead }: Unit): readonly string[] {
  return lead.conflict ? NO_PREFERENCES : lead.preferences;
}

/** An address whose leader nobody configures (any more), or that leads and follows at once between members, leads itself. */
export function leadOf(vips: ReadonlyMap<string, Vip>, vip: Vip): string {
  const lead = vip.follows === null ? undefined : vips.get(vip.follows);
  return lead === undefined || lead.follows !== null ? vip.address : lead.address;
}

/** The unit of an address; undefined for an address that no member configures, and for a broken follower. */
export function unitOf({ vips, units }: Pick<Definitions, "vips" | "units">, address: string): Unit | undefined {
  const vip = vips.get(address);
  if (vip === undefined) return undefined;
  const lead = leadOf(vips, vip);
  return vip.broken && lead !== address ? undefined : units.get(lead);
}

/** Addresses of a unit that a member would have. */
export function addressesFor(unit: Unit, member: string): string[] {
  return [unit.lead, ...unit.followers]
    .filter(({ participants }) => participants.has(member))
    .map(({ address }) => address);
}

function distinct<T>(values: readonly T[]): T[] {
  return values.length < 2 ? [...values] : [...new Set(values)];
}
