/**
 * Where each unit should live. Pure and the same on every node: equal tables, members and definitions give equal homes.
 *
 * In this order: broken, nobody; pinned by a move, there; the first preferred node that may have it, unless `failback` has it stay; where it is; the least loaded member,
 * first in its Topology, then in all, ties by rendezvous hash, so that the same homes come back. Members that drain count
 * only where there are no others, and members that failed too often lately, or are doubtful, get nothing new but there.
 *
 * Source: docs/PROTOCOL.md, "Placement"; rendezvous hashing: Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998.
 */
import { preferencesOf, type Unit } from "./definitions.js";
import { IMMEDIATE } from "./failback.js";
import type { Loads } from "./loads.js";
import { run, SLICE, type Slices } from "../slices.js";
import { isWithheld } from "./policy.js";
import { Scales, type Standing } from "./scales.js";
import { heirOf, type Row } from "./table.js";

export interface PlacementInput {
  readonly units: ReadonlyMap<string, Unit>;
  readonly rows: ReadonlyMap<string, Row>;
  /** What `rows` come to. */
  readonly loads: Loads;
  /** Members that are present, mature and not leaving. */
  readonly able: ReadonlyMap<string, Standing>;
  /** The view has a quorum: else it may own only what is `available` to every part. */
  readonly quorate: boolean;
}

/** Where a unit is to be; null where nobody can have it. */
export interface Home {
  readonly lead: string;
  readonly home: string | null;
}

type Given = Pick<ReadonlySet<string>, "has">;

const NONE: Given = new Set();

/** @returns those of the given units (by the address that leads) that are to have another home than their row says.
 * @param given units whose owner drains, and gives them away now. */
export function place(...given: Parameters<typeof placing>): Home[] {
  return run(placing(...given));
}

export function* placing(input: PlacementInput, leads: Iterable<string>, given: Given = NONE): Slices<Home[]> {
  let seen = 0;
  const scales = new Scales(input.able, input.loads);
  const homes: Home[] = [];
  const orphans: Orphan[] = [];
  for (const lead of leads) {
    if (++seen % SLICE === 0) yield;
    const unit = input.units.get(lead);
    const row = input.rows.get(lead);
    if (unit === undefined || row === undefined) continue;
    if (isWithheld(unit, input.quorate)) {
      if (heirOf(row) !== null) homes.push({ lead, home: null });
      scales.move(unit.lead.topology, heirOf(row), null);
      continue;
    }
    const candidates = scales.candidates(unit, row.refusedBy);
    const heir = heirOf(row);
    const home = settledHome(unit, row, candidates, scales, given.has(lead));
    if (home === null && candidates.length > 0) orphans.push({ unit, candidates: scales.calm(unit, candidates) });
    else if (heir !== home) homes.push({ lead, home });
    scales.move(unit.lead.topology, heir, home);
  }
  for (const { unit, candidates } of inOrder(orphans)) {
    const home = scales.lightest(unit, candidates);
    scales.add(home, unit.lead.topology, 1);
    homes.push({ lead: unit.lead.address, home: scales.members[home] ?? null });
    if (++seen % SLICE === 0) yield;
  }
  return homes;
}

/** Load decides about it. */
interface Orphan {
  readonly unit: Unit;
  /** At least one. */
  readonly candidates: Int32Array;
}

/** Where a rule other than load puts the unit; null where none does. */
function settledHome(unit: Unit, row: Row, candidates: Int32Array, scales: Scales, isGiven: boolean): string | null {
  const heir = heirOf(row);
  const { pin } = row;
  if (pin !== null && scales.holds(candidates, pin)) return pin;
  if (heir !== null && !isGiven && scales.keeps(unit, row.refusedBy, heir)) return heir;
  const stays = heir !== null && scales.holds(candidates, heir);
  const preferred = firstChoice(unit, candidates, scales, heir);
  if (preferred !== undefined && (!stays || unit.lead.failback === IMMEDIATE)) return preferred;
  if (stays) return heir;
  if (heir !== null && candidates.length === 0 && mayKeep(unit, row, heir, scales)) return heir;
  return null;
}

/** The preferred member that a unit at rest elsewhere could go back to; null where there is none. */
export function preferredHome(unit: Unit, row: Row, scales: Scales): string | null {
  if (row.phase !== "idle" || row.owner === null || row.pin !== null) return null;
  const candidates = scales.candidates(unit, row.refusedBy);
  const preferred = firstChoice(unit, candidates, scales, row.owner);
  return preferred === undefined || preferred === row.owner ? null : preferred;
}

/** The preferred member that may have the unit and be given it, or has it already. */
function firstChoice(unit: Unit, candidates: Int32Array, scales: Scales, heir: string | null): string | undefined {
  const fit = scales.preferable(unit, candidates);
  return preferencesOf(unit).find(
    (member) => scales.holds(fit, member) || (member === heir && scales.holds(candidates, member)),
  );
}

/** Nobody else may have it: better there than nowhere, even without carrier, which may come back there first. */
function mayKeep({ electorate }: Unit, { refusedBy }: Row, heir: string, scales: Scales): boolean {
  return scales.number(heir) !== undefined && electorate.includes(heir) && !refusedBy.has(heir);
}

/** Who comes first finds the lightest members, so the order has to be one that all nodes share. */
function inOrder(orphans: Orphan[]): Orphan[] {
  const sorted = orphans.every(({ unit }, i) => i === 0 || (orphans[i - 1]?.unit.lead.rank ?? 0) < unit.lead.rank);
  return sorted ? orphans : orphans.sort((a, b) => a.unit.lead.rank - b.unit.lead.rank);
}
