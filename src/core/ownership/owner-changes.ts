/**
 * Who had which address when: what is told of changes of owner, and why they came about. Made of what is delivered, and
 * it changes nothing. Each member tells all of it, as it sees it.
 *
 * A change is told when it is complete: when the new owner has the addresses, or when nobody is to have them. What goes
 * from one owner to another for one reason is told at once, and then, as long as more of the kind comes, once a second:
 * a planned move of 100,000 addresses comes in chunks of some dozens.
 *
 * Source: docs/EVENTS.md, "Owners".
 */
import { pointOf, type AddressRange } from "../address.js";
import type { MonoMs, OwnerChange } from "../io.js";
import { LargeMap } from "../large-map.js";
import { SLICE, type Slices } from "../slices.js";
import type { WireMessage } from "../wire/messages.js";
import { preferencesOf, unitOf, type Unit } from "./definitions.js";
import type { HomeChange } from "./homes.js";
import type { Change, Ownership } from "./ownership.js";
import { isWithheld } from "./policy.js";
import { heirOf, type Row } from "./table.js";

export type Reason =
  | "takeover"
  | "move"
  | "unpin"
  | "balance"
  | "failback"
  | "preference"
  | "release"
  | "drain"
  | "health"
  | "refused"
  | "quorum"
  | "merge"
  | "unowned"
  | "configuration";

/** What was delivered: a view, or a message. */
export type Cause = "view" | WireMessage["kind"];

/** Where a unit is going, and why. */
interface Course {
  heir: string | null;
  reason: Reason;
}

/** An address that has no owner now. */
interface Freed {
  readonly from: string | null;
  readonly at: MonoMs;
}

/** More of the same kind is told after so long. */
const TOGETHER_MS = 1_000;

export class OwnerChanges {
  /** Of units that are on their way, or that nobody has. */
  readonly #courses = new LargeMap<Course>();
  readonly #freed = new LargeMap<Freed>();
  /** What waits to be told together with more of its kind. */
  readonly #groups = new Map<string, Group>();
  /** Where each address that waits is; others may be in it yet, with a group that has been told. */
  readonly #waiting = new LargeMap<Group>();
  /** To be told now, and before what waits. */
  #ready: Group[] = [];
  /** When a change of such owners and reason was last told. */
  readonly #toldAt = new Map<string, MonoMs>();

  constructor(private readonly ownership: Ownership) {}

  /** When `due` has something to tell. */
  get deadline(): MonoMs {
    let deadline = this.#ready.length > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    for (const key of this.#groups.keys()) deadline = Math.min(deadline, this.#dueAt(key));
    return deadline;
  }

  /** @param homes of the touched units, as far as they changed. */
  *look(cause: Cause, { touched, redefined }: Change, homes: readonly HomeChange[], at: MonoMs): Slices<void> {
    let seen = 0;
    if (redefined) yield* this.#prune();
    for (const home of homes) {
      if (++seen % SLICE === 0) yield;
      this.#see(home, at);
    }
    for (const lead of touched) {
      if (++seen % SLICE === 0) yield;
      const [unit, row] = [this.ownership.definitions.units.get(lead), this.ownership.rows.get(lead)];
      if (unit !== undefined && row !== undefined) this.#follow(cause, unit, row);
    }
  }

  /** @returns what is to be told by now; all of it where this node is about to end. */
  due(at: MonoMs, all = false): OwnerChange[] {
    for (const key of this.#groups.keys()) if (all || this.#dueAt(key) <= at) this.#close(key);
    const due = this.#ready;
    this.#ready = [];
    for (const { key } of due) this.#toldAt.set(key, at);
    if (this.#groups.size === 0 && this.#waiting.size > 0) this.#waiting.clear();
    for (const [key, toldAt] of this.#toldAt) if (toldAt + TOGETHER_MS <= at) this.#toldAt.delete(key);
    return due.map(({ change }) => change);
  }

  #close(key: string): void {
    const group = this.#groups.get(key);
    if (group === undefined) return;
    this.#groups.delete(key);
    group.isClosed = true;
    this.#ready.push(group);
  }

  #dueAt(key: string): MonoMs {
    return (this.#toldAt.get(key) ?? Number.NEGATIVE_INFINITY) + TOGETHER_MS;
  }

  /** Units come and go with what the members configure. */
  *#prune(): Slices<void> {
    const { definitions } = this.ownership;
    let seen = 0;
    for (const lead of this.#courses.keys()) {
      if (++seen % SLICE === 0) yield;
      if (!definitions.units.has(lead)) this.#courses.delete(lead);
    }
    for (const [address, { from }] of this.#freed) {
      if (++seen % SLICE === 0) yield;
      if (unitOf(definitions, address) !== undefined) continue;
      this.#freed.delete(address);
      if (from !== null) this.#tell(address, from, null, "configuration", 0, null);
    }
  }

  #see({ address, before, owner, epoch }: HomeChange, at: MonoMs): void {
    if (before === undefined || before === owner) return; // New here, or only of another epoch.
    const unit = unitOf(this.ownership.definitions, address);
    if (unit === undefined) return this.#tell(address, before, null, "configuration", epoch, null);
    if (owner === null) return void this.#freed.set(address, { from: before, at });
    const freed = this.#freed.get(address);
    this.#freed.delete(address);
    const [from, gapMs] = before === null ? [freed?.from ?? null, freed && at - freed.at] : [before, null];
    const reason = before === null ? this.#courses.get(unit.lead.address)?.reason : "merge";
    this.#tell(address, from, owner, reason ?? "merge", epoch, gapMs ?? null);
  }

  #follow(cause: Cause, unit: Unit, row: Row): void {
    const lead = unit.lead.address;
    const heir = heirOf(row);
    if (row.phase === "idle" && row.owner !== null) return void this.#courses.delete(lead);
    const from = row.owner ?? this.#freed.get(lead)?.from ?? null;
    const known = this.#courses.get(lead);
    const isLost = cause === "view" && from !== null && !this.ownership.members.has(from);
    const reason = known?.heir === heir && !isLost ? known.reason : this.#reasonFor(cause, unit, row, from);
    if (known === undefined) this.#courses.set(lead, { heir, reason });
    else Object.assign(known, { heir, reason });
    if (row.phase === "idle") this.#rest(unit, reason, row.epoch);
  }

  /** Nobody is to have it now. */
  #rest(unit: Unit, reason: Reason, epoch: number): void {
    for (const { address } of [unit.lead, ...unit.followers]) {
      const freed = this.#freed.get(address);
      if (freed === undefined || freed.from === null) continue;
      this.#tell(address, freed.from, null, reason, epoch, null);
      this.#freed.set(address, { from: null, at: freed.at });
    }
  }

  #reasonFor(cause: Cause, unit: Unit, row: Row, from: string | null): Reason {
    const { members, view } = this.ownership;
    const to = heirOf(row);
    const owner = from === null ? undefined : members.get(from);
    if (to === null && isWithheld(unit, view?.quorate === true)) return "quorum";
    if (from !== null && owner === undefined) return "takeover";
    if (to !== null && row.pin === to) return "move";
    if (cause === "unpin") return "unpin";
    const isPreferred = to !== null && preferencesOf(unit).includes(to);
    if (cause === "balance") return isPreferred ? "failback" : "balance";
    if (owner?.leaving === true) return "release";
    if (from !== null && row.refusedBy.has(from)) return "refused";
    if (owner?.health.draining === true) return "drain";
    if (owner?.health.down.includes(unit.lead.topology) === true) return "health";
    if (isPreferred) return "preference";
    return from === null ? "unowned" : "configuration";
  }

  #tell(
    address: string,
    from: string | null,
    to: string | null,
    reason: Reason,
    epoch: number,
    gapMs: number | null,
  ): void {
    // What waits has each address once: told in whatever order, each change goes on where the one before ended.
    if (this.#waiting.get(address)?.isClosed === false) for (const key of this.#groups.keys()) this.#close(key);
    const key = `${from ?? ""} ${to ?? ""} ${reason}`;
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = new Group(key, from ?? "", to ?? "", reason)));
    group.add(address, epoch, gapMs);
    this.#waiting.set(address, group);
  }
}

/** Addresses come mostly in their order, so that ranges grow as they come, and nothing has to be sorted. */
class Group {
  readonly #ranges: { block: string; start: number; count: number }[] = [];
  #count = 0;
  #epoch = 0;
  #gapMs: number | null = null;

  isClosed = false;

  constructor(
    readonly key: string,
    private readonly from: string,
    private readonly to: string,
    private readonly reason: Reason,
  ) {}

  add(address: string, epoch: number, gapMs: number | null): void {
    const { block, offset } = pointOf(address);
    const last = this.#ranges.at(-1);
    if (last?.block === block && last.start + last.count === offset) last.count++;
    else this.#ranges.push({ block, start: offset, count: 1 });
    this.#count++;
    this.#epoch = Math.max(this.#epoch, epoch);
    if (gapMs !== null) this.#gapMs = Math.max(this.#gapMs ?? 0, gapMs);
  }

  get change(): OwnerChange {
    const ranges: readonly AddressRange[] = this.#ranges;
    const [from, to, reason] = [this.from, this.to, this.reason];
    return { ranges, count: this.#count, from, to, reason, epoch: this.#epoch, gapMs: this.#gapMs };
  }
}
