/**
 * What this node may hold and take besides what the table says: nothing without a quorum where the policy asks for one,
 * and under `strict` nothing without a lease. The table says who *should* have an address, and is the same everywhere;
 * this is about time, and each node's own.
 *
 *   no lease ---- a beacon is answered by a quorum ----> lease until `end` ---- and so on, five times in a lease
 *      ^                                                      | the clock reaches `end`
 *      |                                                      v
 *      +---- LAPSED comes back in the order of messages ---- lapsed: all is dropped, LAPSED is said
 *
 * Source: docs/PROTOCOL.md, "Partitions", "Leases".
 */
import type { MonoMs } from "../io.js";
import type { View } from "../view.js";
import type { Unit } from "./definitions.js";
import { Fence, Lease, type Beacon, type LeaseTerms } from "./lease.js";
import { isWithheld, policyOf } from "./policy.js";
import type { Row } from "./table.js";

export class Tenure {
  readonly #lease: Lease;
  readonly #fence: Fence;
  /** Units that this node is to have, and may not take yet. */
  readonly #waiting = new Set<string>();
  #view: View | null = null;
  /** What is delivered now, members that part from us may not get: each part may give one address to somebody else. */
  #parting = false;
  #now: MonoMs = Number.NEGATIVE_INFINITY;
  #leased = false;
  /** LAPSED is said, and not delivered so far: what others know of this node is not true. */
  #unsaid = 0;
  /** It may take more than at the last look. */
  #more = false;
  #beaconAt = Number.POSITIVE_INFINITY;

  /** Somebody has addresses under `strict`, for all that this node knows. */
  #needed = false;

  constructor(
    readonly self: string,
    terms: LeaseTerms,
  ) {
    this.#lease = new Lease(self, terms);
    this.#fence = new Fence(terms);
  }

  get deadline(): MonoMs {
    const end = this.#leased ? this.#lease.end : Number.POSITIVE_INFINITY;
    const fence =
      this.#waiting.size > 0 && this.#fence.until > this.#now ? this.#fence.until : Number.POSITIVE_INFINITY;
    return Math.min(end, fence, this.#beaconAt);
  }

  /** For an announcement. */
  get fenceMs(): number {
    return this.#fence.leftMs(this.#now);
  }

  /** Before anything else is done with an input. @returns true when the lease is over, and nothing may be here. */
  pass(at: MonoMs): boolean {
    this.#now = Math.max(this.#now, at);
    const lapsed = this.isLapsing(this.#now);
    if (lapsed) {
      this.#leased = false;
      this.#unsaid++;
    }
    return lapsed;
  }

  /** The lease is over, and that has not been seen so far. */
  isLapsing(at: MonoMs): boolean {
    return this.#leased && at >= this.#lease.end;
  }

  need(needed: boolean): void {
    if (needed && !this.#needed && this.#view?.quorate === true) this.#beaconAt = Math.min(this.#beaconAt, this.#now);
    this.#needed = needed;
  }

  enter(view: View): void {
    const before = this.#view;
    this.#view = view;
    this.#parting = false;
    this.#more = true;
    this.#lease.enter(view.seq);
    if (before === null || before.members.some((member) => !view.stayed.includes(member)))
      this.#fence.parted(this.#now);
    this.#beaconAt = this.#needed && view.quorate ? this.#now : Number.POSITIVE_INFINITY;
  }

  transition(): void {
    this.#parting = true;
  }

  met({ leaseMs, fenceMs }: { readonly leaseMs: number; readonly fenceMs: number }): void {
    this.#fence.met(leaseMs, fenceMs, this.#now);
  }

  /** @returns the beacon that is due, or null. */
  beacon(): Beacon | null {
    if (this.#now < this.#beaconAt) return null;
    this.#beaconAt = this.#now + this.#lease.intervalMs;
    return this.#lease.beacon(this.#now);
  }

  /** @returns true when what is under the lease may be here for longer now. */
  heard(from: string, beacon: Beacon): boolean {
    // Somebody needs answers: whoever has nothing under a lease gives them too.
    if (this.#view?.quorate === true) this.#beaconAt = Math.min(this.#beaconAt, this.#now + this.#lease.intervalMs);
    if (!this.#lease.hear(from, beacon) || this.#lease.end <= this.#now) return false;
    this.#more ||= !this.#leased;
    this.#leased = true;
    return true;
  }

  /** LAPSED of this node is delivered. */
  said(): void {
    this.#unsaid--;
    this.#more = true;
  }

  /** Until when this node may have it; past where it may not. */
  until(unit: Unit): MonoMs {
    return policyOf(unit) === "strict" ? this.#lease.end : Number.POSITIVE_INFINITY;
  }

  /** How long the lease is over. */
  get lateMs(): number {
    return this.#now - this.#lease.end;
  }

  hold(unit: Unit): boolean {
    if (this.barred(unit)) return false;
    return policyOf(unit) !== "strict" || (this.#leased && this.#unsaid === 0);
  }

  barred(unit: Unit): boolean {
    return isWithheld(unit, this.#view?.quorate === true);
  }

  take(unit: Unit, row: Row): boolean {
    const free = policyOf(unit) !== "strict" || (!this.#parting && (!row.fenced || this.#now >= this.#fence.until));
    if (free && this.hold(unit)) return true;
    this.#waiting.add(unit.lead.address);
    return false;
  }

  /** @returns units that have waited, and should be looked at again. */
  due(): string[] {
    const may = this.#leased && this.#unsaid === 0 && !this.#parting;
    if (!may || (!this.#more && this.#now < this.#fence.until)) return [];
    this.#more = false;
    const due = [...this.#waiting];
    this.#waiting.clear();
    return due;
  }
}
