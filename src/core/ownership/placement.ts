/**
 * Where each unit should live. Pure and the same on every node: equal tables, members and definitions give equal homes.
 *
 * In this order: broken, nobody; pinned by a move, there; the preferred node; where it is; the least loaded member,
 * first in its Topology, then in all, ties by rendezvous hash, so that the same homes come back.
 *
 * Source: docs/PROTOCOL.md, "Placement"; rendezvous hashing: Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998.
 */
import type { Unit } from "./definitions.js";
import { heirOf, type Row } from "./table.js";

export interface PlacementInput {
  readonly units: ReadonlyMap<string, Unit>;
  readonly rows: ReadonlyMap<string, Row>;
  /** Members that may be given addresses: present, mature, not leaving. */
  readonly able: ReadonlySet<string>;
}

/** @returns the home of each given unit (by the address that leads), null where nobody can have it. */
export function place(input: PlacementInput, leads: Iterable<string>): Map<string, string | null> {
  const targets = new Map<string, string | null>();
  const orphans: Unit[] = [];
  for (const lead of leads) {
    const unit = input.units.get(lead);
    const row = input.rows.get(lead);
    if (unit === undefined || row === undefined) continue;
    const settled = settledHome(unit, row, input.able);
    if (settled === undefined) orphans.push(unit);
    else targets.set(lead, settled);
  }
  if (orphans.length === 0) return targets;
  const loads = loadsOf(input, new Set(orphans.map(({ lead }) => lead.address)), targets);
  for (const unit of orphans) {
    const home = leastLoaded(unit, candidates(input, unit), loads);
    targets.set(unit.lead.address, home);
    if (home !== null) loads.add(home, unit.lead.topology, 1);
  }
  return targets;
}

/** Where a rule other than load puts the unit; undefined when load decides. */
function settledHome(unit: Unit, row: Row, able: ReadonlySet<string>): string | null | undefined {
  const may = (member: string | null): member is string =>
    member !== null && able.has(member) && unit.electorate.includes(member) && !row.refusedBy.has(member);
  if (may(row.pin)) return row.pin;
  const preferred = preferenceOf(unit);
  if (may(preferred)) return preferred;
  const home = heirOf(row);
  if (may(home)) return home;
  return unit.electorate.some(may) ? undefined : null;
}

/** A preference that members disagree on is ignored. */
export function preferenceOf(unit: Unit): string | null {
  return unit.lead.conflict ? null : unit.lead.preference;
}

function candidates({ able, rows }: PlacementInput, unit: Unit): string[] {
  const refusedBy = rows.get(unit.lead.address)?.refusedBy;
  return unit.electorate.filter((member) => able.has(member) && refusedBy?.has(member) !== true);
}

class Loads {
  readonly #counts = new Map<string, number>();

  add(member: string, topology: string, by: number): void {
    for (const key of [member, `${member} ${topology}`]) this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  total(member: string): number {
    return this.#counts.get(member) ?? 0;
  }

  within(member: string, topology: string): number {
    return this.#counts.get(`${member} ${topology}`) ?? 0;
  }
}

function loadsOf(
  { units, rows }: PlacementInput,
  without: ReadonlySet<string>,
  targets: ReadonlyMap<string, string | null>,
): Loads {
  const loads = new Loads();
  for (const [lead, unit] of units) {
    if (without.has(lead)) continue;
    const row = rows.get(lead);
    const home = targets.get(lead) ?? (row === undefined ? null : heirOf(row));
    if (home !== null) loads.add(home, unit.lead.topology, 1);
  }
  return loads;
}

function leastLoaded(unit: Unit, members: readonly string[], loads: Loads): string | null {
  const { topology, address } = unit.lead;
  let best: string | null = null;
  for (const member of members) {
    if (best === null || lighter(member, best)) best = member;
  }
  return best;

  function lighter(a: string, b: string): boolean {
    const within = loads.within(a, topology) - loads.within(b, topology);
    if (within !== 0) return within < 0;
    const total = loads.total(a) - loads.total(b);
    if (total !== 0) return total < 0;
    return rendezvous(address, a) > rendezvous(address, b);
  }
}

/**
 * The moves that would bring balance about, in the order in which to make them: from the most to the least loaded member
 * of a Topology until none differs from another by more than one. A first part of them is a plan by itself. Never a unit
 * that is preferred, pinned or already on its way.
 */
export function balance(input: PlacementInput): Map<string, string> {
  const loads = loadsOf(input, new Set(), new Map());
  const moves = new Map<string, string>();
  for (const [topology, owned] of movableByTopology(input)) {
    const gifts = new Gifts(input, owned);
    for (let move = nextMove(input, topology, gifts, loads); move !== null; ) {
      moves.set(move.unit.lead.address, move.to);
      loads.add(move.from, topology, -1);
      loads.add(move.to, topology, 1);
      move = nextMove(input, topology, gifts, loads);
    }
  }
  return moves;
}

/** By Topology, and there by owner. */
function movableByTopology({ units, rows, able }: PlacementInput): Map<string, Map<string, Unit[]>> {
  const movable = new Map<string, Map<string, Unit[]>>();
  for (const [lead, unit] of units) {
    const row = rows.get(lead);
    if (row === undefined || row.owner === null || !isMovable(unit, row, (member) => able.has(member))) continue;
    const owned = movable.get(unit.lead.topology) ?? new Map<string, Unit[]>();
    movable.set(unit.lead.topology, owned);
    const units = owned.get(row.owner);
    if (units === undefined) owned.set(row.owner, [unit]);
    else units.push(unit);
  }
  return movable;
}

/** Only what load alone keeps in its place may be moved for the sake of load. */
export function isMovable(unit: Unit, row: Row, able: (member: string) => boolean): boolean {
  const preferred = preferenceOf(unit);
  return row.phase === "idle" && row.pin === null && (preferred === null || !able(preferred));
}

function nextMove(
  { able }: PlacementInput,
  topology: string,
  gifts: Gifts,
  loads: Loads,
): { unit: Unit; from: string; to: string } | null {
  const members = [...able].sort((a, b) => loads.within(a, topology) - loads.within(b, topology) || (a < b ? -1 : 1));
  for (const from of members.toReversed()) {
    for (const to of members) {
      if (loads.within(from, topology) - loads.within(to, topology) < 2) break;
      const unit = gifts.take(from, to);
      if (unit !== null) return { unit, from, to };
    }
  }
  return null;
}

/** What each member may give to each other, best first. A list is made once, when its two first meet. */
class Gifts {
  readonly #lists = new Map<string, Unit[]>();
  readonly #given = new Set<Unit>();

  constructor(
    private readonly input: PlacementInput,
    private readonly owned: ReadonlyMap<string, readonly Unit[]>,
  ) {}

  take(from: string, to: string): Unit | null {
    const list = this.#list(from, to);
    for (let unit = list.pop(); unit !== undefined; unit = list.pop()) {
      if (this.#given.has(unit)) continue;
      this.#given.add(unit);
      return unit;
    }
    return null;
  }

  /** The last is the best: the one whose rendezvous hash likes `to` most. */
  #list(from: string, to: string): Unit[] {
    const key = `${from} ${to}`;
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = (this.owned.get(from) ?? [])
      .filter((unit) => candidates(this.input, unit).includes(to))
      .map((unit) => ({ unit, liking: rendezvous(unit.lead.address, to) }))
      .sort((a, b) => a.liking - b.liking)
      .map(({ unit }) => unit);
    this.#lists.set(key, list);
    return list;
  }
}

/** FNV-1a over both names, then the finalizer of MurmurHash3, so that near names give far hashes. 0 to 2^32-1. */
function rendezvous(address: string, member: string): number {
  let hash = 0x811c9dc5;
  const key = `${address} ${member}`;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
