/**
 * What this node really has, address by address, against what the table wants of it. Level-triggered: whenever the
 * table or the outcome of a job changes, the difference is looked at again, so that no lost message and no view change
 * in the middle of a job leaves an address behind.
 *
 *   (absent) --acquire--> acquiring --done--> present --release--> releasing --done--> (absent)
 *                          |     | failed                              ^
 *                     drop |     +----> (absent), and the unit is      | done
 *                          v            refused once all of it is     |
 *                        doomed ---------------------------------------+
 */
import { addressesFor, unitOf, type Definitions, type Unit } from "./definitions.js";
import { LargeMap } from "../large-map.js";
import { run, SLICE, type Slices } from "../slices.js";
import type { Row } from "./table.js";

/** `doomed`: being plumbed, and to go again as soon as that has ended. */
export type HandState = "acquiring" | "doomed" | "present" | "releasing";

/** What the table wants done, and what the cluster has to be told. */
export interface Demands {
  readonly acquire: string[];
  readonly release: string[];
  /** Units (by the address that leads) whose state this node has to report. */
  readonly owned: string[];
  readonly released: string[];
  readonly refused: { readonly lead: string; readonly reason: string }[];
}

interface Table {
  readonly self: string;
  readonly definitions: Definitions;
  readonly rows: ReadonlyMap<string, Row>;
  /** What this node may do besides what the table says: partitions and leases. */
  readonly may: {
    hold(unit: Unit): boolean;
    take(unit: Unit, row: Row): boolean;
    /** Nobody may have it, in this view. */
    barred(unit: Unit): boolean;
  };
}

export class Hands {
  readonly #states = new LargeMap<HandState>();
  /** Why an address could not be had, until the cluster has taken the refusal. */
  readonly #failures = new Map<string, string>();
  /**
   * Reports under way, by lead: said once an epoch, and by a holder once for each table. A view never loses a message; what
   * a table made anew may have missed is forgotten in `begin`.
   */
  readonly #told = new LargeMap<string>();

  state(address: string): HandState | undefined {
    return this.#states.get(address);
  }

  /** Every address that is plumbed and served. */
  present(): string[] {
    return [...this.#states].filter(([, state]) => state === "present").map(([address]) => address);
  }

  /** Every address that is present, or on its way in or out. */
  held(): IterableIterator<[string, HandState]> {
    return this.#states.entries();
  }

  /** Every address that is held, or could not be had. */
  *known(): Generator<string, undefined> {
    yield* this.#states.keys();
    yield* this.#failures.keys();
  }

  /** @returns false where it is to go again at once, which is taken as begun. */
  acquired(address: string): boolean {
    const stays = this.#states.get(address) !== "doomed";
    this.#states.set(address, stays ? "present" : "releasing");
    return stays;
  }

  failed(address: string, reason: string): void {
    const mattered = this.#states.get(address) !== "doomed";
    this.#states.delete(address);
    if (mattered) this.#failures.set(address, reason);
  }

  released(address: string): void {
    this.#states.delete(address);
  }

  /** Nothing that matches may stay, whatever the table says. @returns those that are present. Taken as begun. */
  drop(matches: (address: string) => boolean): string[] {
    const dropped: string[] = [];
    for (const [address, state] of this.#states) {
      if ((state !== "present" && state !== "acquiring") || !matches(address)) continue;
      this.#states.set(address, state === "present" ? "releasing" : "doomed");
      if (state === "present") dropped.push(address);
    }
    return dropped;
  }

  /** The table was made anew: what was said of the one before may not have counted. */
  begin(): void {
    this.#told.clear();
  }

  /** @param leads units to look at. The jobs that it names are taken as begun. */
  look(table: Table, leads: Iterable<string>): Demands {
    return run(this.looking(table, leads));
  }

  *looking(table: Table, leads: Iterable<string>): Slices<Demands> {
    const demands: Demands = { acquire: [], release: [], owned: [], released: [], refused: [] };
    let seen = 0;
    for (const lead of leads) {
      this.#lookAt(table, lead, demands);
      if (++seen % SLICE === 0) yield;
    }
    return demands;
  }

  /**
   * Those of the given addresses that no unit has for this node: it lets go of them, and has failed at none of them. Taken as
   * begun.
   */
  *strays({ self, definitions }: Table, addresses: Iterable<string>): Slices<string[]> {
    const strays: string[] = [];
    let seen = 0;
    for (const address of addresses) {
      if (++seen % SLICE === 0) yield;
      const unit = unitOf(definitions, address);
      const vip = definitions.vips.get(address);
      if (vip?.participants.has(self) === true && (!vip.broken || unit?.lead === vip)) continue;
      this.#failures.delete(address);
      if (this.#states.get(address) !== "present") continue;
      strays.push(address);
      this.#states.set(address, "releasing");
    }
    return strays;
  }

  #lookAt({ self, definitions, rows, may }: Table, lead: string, demands: Demands): void {
    const unit = definitions.units.get(lead);
    const row = rows.get(lead);
    if (unit === undefined || row === undefined) return;
    const mine = addressesFor(unit, self);
    const failure = mine.map((address) => this.#failures.get(address)).find((reason) => reason !== undefined);
    if (!isWanted(row, self)) for (const address of mine) this.#failures.delete(address);
    const want = isWanted(row, self) && failure === undefined;
    const keep = want && may.hold(unit);
    const begin = want && row.holders.size === 0 && may.take(unit, row);
    for (const address of mine) this.#pull(address, keep, begin, demands);
    this.#report(unit, row, { self, mine, failure, barred: may.barred(unit) }, demands);
  }

  #pull(address: string, keep: boolean, begin: boolean, demands: Demands): void {
    const state = this.#states.get(address);
    if (begin && state === undefined) {
      this.#states.set(address, "acquiring");
      demands.acquire.push(address);
    } else if (!keep && state === "present") {
      this.#states.set(address, "releasing");
      demands.release.push(address);
    }
  }

  #report(
    unit: Unit,
    row: Row,
    here: { self: string; mine: readonly string[]; failure: string | undefined; barred: boolean },
    demands: Demands,
  ): void {
    const { self, mine, failure, barred } = here;
    const lead = unit.lead.address;
    const gone = mine.every((address) => !this.#states.has(address));
    const report = (kind: string, add: () => void, key = `${kind} ${row.epoch}`) => {
      if (this.#told.get(lead) === key) return;
      this.#told.set(lead, key);
      add();
    };
    if (row.holders.has(self)) {
      // Once for each table, whatever becomes of the row: the second would be taken for that of a target that gives back.
      if (gone) report("released", () => demands.released.push(lead), "holder");
    } else if (row.owner === self && row.phase === "releasing") {
      if (gone) report("released", () => demands.released.push(lead));
    } else if (isWanted(row, self) && failure !== undefined) {
      if (gone) report("refused", () => demands.refused.push({ lead, reason: failure }));
    } else if (row.target === self && row.phase === "acquiring" && barred) {
      if (gone) report("released", () => demands.released.push(lead));
    } else if (row.target === self && row.phase === "acquiring") {
      if (mine.every((address) => this.#states.get(address) === "present"))
        report("owned", () => demands.owned.push(lead));
    }
  }
}

/** Has this member to have the unit, plumbed and served? */
function isWanted(row: Row, self: string): boolean {
  if (row.holders.has(self)) return false; // It has begun to let go, and ends that first.
  return row.phase === "acquiring" ? row.target === self : row.phase === "idle" && row.owner === self;
}
