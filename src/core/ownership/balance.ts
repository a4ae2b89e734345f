/**
 * The moves that would bring balance about, in the order in which to make them: from the most to the least loaded member
 * of a Topology, each by its weight, until none would be better off than the giver was. A first part of them is a plan by
 * itself. Never a unit that is preferred, pinned or already on its way.
 *
 * Source: docs/PROTOCOL.md, "Placement".
 */
import { preferencesOf, type Unit } from "./definitions.js";
import { run, SLICE, type Slices } from "../slices.js";
import type { PlacementInput } from "./placement.js";
import { Scales, type Pan } from "./scales.js";
import type { Row } from "./table.js";

/** `balancing`, at once. */
export function balance(input: PlacementInput): Map<string, string> {
  return run(balancing(input));
}

/** @returns where units are to go, by the address that leads. */
export function* balancing(input: PlacementInput): Slices<Map<string, string>> {
  const scales = new Scales(input.able, input.loads);
  const moves = new Map<string, string>();
  for (const [topology, owned] of yield* movableByTopology(input, scales)) {
    const pan = scales.pan(topology);
    const gifts = new Gifts(input, scales, owned);
    const order = scales.members.map((_, number) => number);
    for (;;) {
      const move = yield* nextMove(order, pan, gifts);
      if (move === null) break;
      // For a trial, one.
      if (scales.isDoubtful(move.to, topology)) order.splice(order.indexOf(move.to), 1);
      moves.set(move.unit.lead.address, scales.members[move.to] ?? "");
      pan.add(move.from, -1);
      pan.add(move.to, 1);
      if (moves.size % SLICE === 0) yield;
    }
  }
  return moves;
}

/** Only what load alone keeps in its place may be moved for the sake of load. */
export function isMovable(unit: Unit, row: Row, able: (member: string) => boolean): boolean {
  return row.phase === "idle" && row.pin === null && !preferencesOf(unit).some(able);
}

/** By Topology, and there by the number of the owner. */
function* movableByTopology(
  { units, rows, able }: PlacementInput,
  scales: Scales,
): Slices<Map<string, Map<number, Unit[]>>> {
  const movable = new Map<string, Map<number, Unit[]>>();
  let seen = 0;
  for (const [lead, unit] of units) {
    if (++seen % SLICE === 0) yield;
    const row = rows.get(lead);
    if (row === undefined || row.owner === null || !isMovable(unit, row, (member) => able.has(member))) continue;
    const owner = scales.number(row.owner);
    if (owner === undefined) continue;
    const owned = movable.get(unit.lead.topology) ?? new Map<number, Unit[]>();
    movable.set(unit.lead.topology, owned);
    const some = owned.get(owner);
    if (some === undefined) owned.set(owner, [unit]);
    else some.push(unit);
  }
  return movable;
}

/** @param order numbers of the members; left in the order of their costs, which moves change but little. */
function* nextMove(order: number[], pan: Pan, gifts: Gifts): Slices<{ unit: Unit; from: number; to: number } | null> {
  const cost = (member: number) => pan.costs[member] ?? 0;
  order.sort((a, b) => cost(a) - cost(b) || a - b);
  const givers = order.toSorted((a, b) => pan.burden(b) - pan.burden(a) || b - a);
  for (const from of givers) {
    for (const to of order) {
      if (cost(to) >= pan.burden(from)) break;
      const unit = yield* gifts.take(from, to);
      if (unit !== null) return { unit, from, to };
    }
  }
  return null;
}

/** What each member may give to each other, best first. A list is made once, when its two first meet. */
class Gifts {
  readonly #lists = new Map<number, Float64Array>();
  /** How many of a list are left. */
  readonly #left = new Map<number, number>();
  readonly #given = new Set<Unit>();

  constructor(
    private readonly input: PlacementInput,
    private readonly scales: Scales,
    private readonly owned: ReadonlyMap<number, readonly Unit[]>,
  ) {}

  *take(from: number, to: number): Slices<Unit | null> {
    const units = this.owned.get(from);
    if (units === undefined) return null;
    const key = from * this.scales.members.length + to;
    const list = this.#lists.get(key) ?? (yield* this.#list(key, units, to));
    for (let left = this.#left.get(key) ?? list.length; left > 0; left--) {
      const unit = units[(list[left - 1] ?? 0) % UNITS_MAX];
      if (unit === undefined || this.#given.has(unit)) continue;
      this.#given.add(unit);
      this.#left.set(key, left - 1);
      return unit;
    }
    this.#left.set(key, 0);
    return null;
  }

  /** Each number is a liking and, below that, the unit's place. The last is the best: the unit that likes `to` most. */
  *#list(key: number, units: readonly Unit[], to: number): Slices<Float64Array> {
    const { rows } = this.input;
    const list: number[] = [];
    for (const [i, unit] of units.entries()) {
      if (i % SLICE === SLICE - 1) yield;
      const refusedBy = rows.get(unit.lead.address)?.refusedBy ?? NOBODY;
      if (this.scales.calmOrTrying(unit, this.scales.candidates(unit, refusedBy)).includes(to))
        list.push(this.scales.liking(unit.lead, to) * UNITS_MAX + i);
    }
    const sorted = Float64Array.from(list).sort();
    this.#lists.set(key, sorted);
    return sorted;
  }
}

const NOBODY: ReadonlySet<string> = new Set();

/** No table is larger. Times 2^32 it is still an integer that a double holds. */
const UNITS_MAX = 2 ** 20;
