/**
 * Members on the scales: who of those that may have a unit bears least, first in its Topology, then in all, each by its
 * weight. All in numbers, since a departure weighs thousands of units, and a start all of them.
 */
import type { Unit, Vip } from "./definitions.js";
import { hashOf } from "./hash.js";
import type { Doubtful } from "./doubts.js";
import type { Loads } from "./loads.js";
import type { Electorate } from "./rolls.js";

/** What counts of a member that may be given addresses. */
export interface Standing {
  /** Its share of the load beside those of others. */
  readonly weight: number;
  /** Given addresses only where nobody else may have them. */
  readonly draining: boolean;
  /** While it drains it keeps what it has, until it gives that away. */
  readonly paced: boolean;
  /** The same, but it keeps what it has. */
  readonly damped: boolean;
  /** Though damped, it is given what prefers it. */
  readonly regains: boolean;
  /** Topologies whose addresses it cannot serve. */
  readonly down: ReadonlySet<string>;
  /** Topologies in which it is doubtful. It keeps what it has there. */
  readonly doubtful: ReadonlyMap<string, Doubtful>;
}

export class Scales {
  /** Sorted; a member's place in this list is its number. */
  readonly members: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #hashes: Int32Array;
  readonly #weights: Float64Array;
  readonly #total: Pan;
  readonly #pans = new Map<string, Pan>();
  readonly #candidates = new Map<Electorate, Map<string, Int32Array>>();
  readonly #allUp: boolean;
  readonly #allTrusted: boolean;

  constructor(
    private readonly able: ReadonlyMap<string, Standing>,
    private readonly loads: Loads,
  ) {
    this.members = [...able.keys()].sort();
    this.#numbers = new Map(this.members.map((member, number) => [member, number]));
    this.#hashes = Int32Array.from(this.members, hashOf);
    this.#weights = Float64Array.from(this.members, (member) => able.get(member)?.weight ?? 1);
    this.#allUp = [...able.values()].every(({ down }) => down.size === 0);
    this.#allTrusted = [...able.values()].every(({ damped, doubtful }) => !damped && doubtful.size === 0);
    this.#total = new Pan(this.#weights);
    for (const topology of loads.topologies) {
      const { counts } = this.pan(topology);
      for (const [number, count] of counts.entries()) this.#total.add(number, count);
    }
  }

  number(member: string): number | undefined {
    return this.#numbers.get(member);
  }

  pan(topology: string): Pan {
    let pan = this.#pans.get(topology);
    if (pan === undefined) {
      pan = new Pan(this.#weights);
      for (const [number, member] of this.members.entries()) pan.add(number, this.loads.within(member, topology));
      this.#pans.set(topology, pan);
    }
    return pan;
  }

  add(member: number, topology: string, by: number): void {
    this.pan(topology).add(member, by);
    this.#total.add(member, by);
  }

  /** Nobody, and who is not on the scales, has no load. */
  move(topology: string, from: string | null, to: string | null): void {
    if (from === to) return;
    const [giver, taker] = [this.#numbers.get(from ?? ""), this.#numbers.get(to ?? "")];
    if (giver !== undefined) this.add(giver, topology, -1);
    if (taker !== undefined) this.add(taker, topology, 1);
  }

  /** Is the member one of the candidates? */
  holds(candidates: Int32Array, member: string): boolean {
    const number = this.#numbers.get(member);
    return number !== undefined && candidates.includes(number);
  }

  /** Numbers of the members that may be given a unit, apart from those that could not plumb it. */
  candidates(unit: Unit, refusedBy: ReadonlySet<string>): Int32Array {
    const { electorate, followers, lead } = unit;
    if (refusedBy.size > 0 || (followers.length > 0 && !this.#allUp)) return this.#choose(unit, refusedBy);
    let byTopology = this.#candidates.get(electorate);
    if (byTopology === undefined) this.#candidates.set(electorate, (byTopology = new Map()));
    let candidates = byTopology.get(lead.topology);
    if (candidates === undefined) byTopology.set(lead.topology, (candidates = this.#choose(unit, refusedBy)));
    return candidates;
  }

  /** Those of the candidates that may be given what they have not, for they have not failed too often, and are not
   * doubtful; all where none is so. */
  calm(unit: Unit, candidates: Int32Array): Int32Array {
    return this.#trusted(candidates, (standing) => !standing.damped && mayTry(standing, unit));
  }

  /** The same of what prefers them. */
  preferable(unit: Unit, candidates: Int32Array): Int32Array {
    return this.#trusted(candidates, (standing) => (!standing.damped || standing.regains) && mayTry(standing, unit));
  }

  /** The same for balance, where whoever has said TRY may have one. */
  calmOrTrying(unit: Unit, candidates: Int32Array): Int32Array {
    return this.#trusted(candidates, ({ damped, doubtful }) => {
      const doubt = doubtful.get(unit.lead.topology);
      return !damped && (doubt === undefined || (doubt.credit && !doubt.refused.has(unit.lead.address)));
    });
  }

  isDoubtful(member: number, topology: string): boolean {
    return this.able.get(this.members[member] ?? "")?.doubtful.has(topology) === true;
  }

  #trusted(candidates: Int32Array, isTrusted: (standing: Standing) => boolean): Int32Array {
    if (this.#allTrusted) return candidates;
    const trusted = candidates.filter((number) => {
      const standing = this.able.get(this.members[number] ?? "");
      return standing !== undefined && isTrusted(standing);
    });
    return trusted.length > 0 ? trusted : candidates;
  }

  /** Does the member keep such a unit for now, though it drains? */
  keeps(unit: Unit, refusedBy: ReadonlySet<string>, member: string): boolean {
    const standing = this.able.get(member);
    if (standing?.draining !== true || !standing.paced || refusedBy.has(member)) return false;
    const { electorate, lead, followers } = unit;
    return electorate.includes(member) && ![lead, ...followers].some(({ topology }) => standing.down.has(topology));
  }

  #choose({ electorate, lead, followers }: Unit, refusedBy: ReadonlySet<string>): Int32Array {
    const fit = electorate.filter((member) => {
      const down = this.able.get(member)?.down;
      if (down === undefined || refusedBy.has(member)) return false;
      return down.size === 0 || ![lead, ...followers].some(({ topology }) => down.has(topology));
    });
    const staying = fit.filter((member) => this.able.get(member)?.draining !== true);
    return Int32Array.from(staying.length > 0 ? staying : fit, (member) => this.#numbers.get(member) ?? -1);
  }

  /** @returns the number of the candidate that would bear least with the unit; ties by rendezvous hash. -1 for none. */
  lightest({ lead }: Unit, candidates: Int32Array): number {
    const within = this.pan(lead.topology).costs;
    const total = this.#total.costs;
    let best = -1;
    let bestWithin = Number.POSITIVE_INFINITY;
    let bestTotal = Number.POSITIVE_INFINITY;
    let bestLiking = -1;
    for (const candidate of candidates) {
      const costWithin = within[candidate] ?? 0;
      if (costWithin > bestWithin) continue;
      const costTotal = total[candidate] ?? 0;
      let liking = -1;
      if (costWithin === bestWithin) {
        if (costTotal > bestTotal) continue;
        if (costTotal === bestTotal) {
          if (bestLiking < 0) bestLiking = this.liking(lead, best);
          liking = this.liking(lead, candidate);
          if (liking <= bestLiking) continue;
        }
      }
      best = candidate;
      bestWithin = costWithin;
      bestTotal = costTotal;
      bestLiking = liking;
    }
    return best;
  }

  /** 0 to 2^32-1: the rendezvous hash. */
  liking({ hash }: Vip, member: number): number {
    return rendezvous(hash, this.#hashes[member] ?? 0);
  }
}

/** Is the member not doubtful where the unit is, or is this the unit that it is tried with? */
function mayTry({ doubtful }: Standing, { lead }: Unit): boolean {
  const doubt = doubtful.get(lead.topology);
  return doubt === undefined || doubt.trial === lead.address;
}

/** One Topology, or all of them together. */
export class Pan {
  readonly counts: Int32Array;
  /** What a member would bear with one unit more: (units + 1) / weight. Equal fractions are equal numbers. */
  readonly costs: Float64Array;

  constructor(private readonly weights: Float64Array) {
    this.counts = new Int32Array(weights.length);
    this.costs = weights.map((weight) => 1 / weight);
  }

  add(member: number, by: number): void {
    const count = (this.counts[member] ?? 0) + by;
    this.counts[member] = count;
    this.costs[member] = (count + 1) / (this.weights[member] ?? 1);
  }

  /** What a member bears: units / weight. */
  burden(member: number): number {
    return (this.counts[member] ?? 0) / (this.weights[member] ?? 1);
  }
}

/** The finalizer of MurmurHash3 over both, so that near addresses and near names give far hashes. */
function rendezvous(address: number, nameHash: number): number {
  let hash = Math.imul(address ^ nameHash, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
