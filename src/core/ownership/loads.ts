/**
 * How many units each member has or will have, and which rows concern whom: kept along with every change of a row, so that
 * a departure costs what it orphans, and nothing walks the table to count.
 */
import type { Unit } from "./definitions.js";
import { digestOfRow } from "./row-digest.js";
import { run, SLICE, type Slices } from "../slices.js";
import { heirOf, names, type Row } from "./table.js";

export class Loads {
  /** By Topology, and there by member. */
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #concerns = new Map<string, Concerns>();
  readonly #moving = new Set<string>();
  #digest = 0;

  constructor(
    private readonly units: ReadonlyMap<string, Unit>,
    private readonly rows: ReadonlyMap<string, Row>,
    counted = true,
  ) {
    if (counted) run(this.#enterAll());
  }

  static *counting(units: ReadonlyMap<string, Unit>, rows: ReadonlyMap<string, Row>): Slices<Loads> {
    const loads = new Loads(units, rows, false);
    yield* loads.#enterAll();
    return loads;
  }

  *#enterAll(): Slices<void> {
    let seen = 0;
    for (const [lead, row] of this.rows) {
      this.#enter(lead, row);
      if (++seen % SLICE === 0) yield;
    }
    for (const concerns of this.#concerns.values()) concerns.allAreCurrent();
  }

  within(member: string, topology: string): number {
    return this.#counts.get(topology)?.get(member) ?? 0;
  }

  get topologies(): Iterable<string> {
    return this.#counts.keys();
  }

  /** Units whose row is not idle. */
  get moving(): ReadonlySet<string> {
    return this.#moving;
  }

  /** Units whose row names the member. */
  concerning(member: string): string[] {
    return this.#concerns.get(member)?.current((lead) => this.#names(lead, member)) ?? [];
  }

  /** The same, and some more of which this was so once, and some more than once: at no cost. */
  maybeConcerning(member: string): readonly string[] {
    return this.#concerns.get(member)?.all ?? [];
  }

  /** Exclusive or of the digests of all rows. */
  get digest(): number {
    return this.#digest >>> 0;
  }

  /** Changes a row. @returns what `change` does. */
  change(lead: string, change: (row: Row) => boolean): boolean {
    const row = this.rows.get(lead);
    if (row === undefined) return false;
    const before = digestOfRow(this.#hash(lead), row);
    const { owner, target, phase, pin } = row;
    const heir = heirOf(row);
    if (!change(row)) return false;
    this.#digest ^= before ^ digestOfRow(this.#hash(lead), row);
    if (row.phase === "idle") this.#moving.delete(lead);
    else if (phase === "idle") this.#moving.add(lead);
    const now = heirOf(row);
    if (now !== heir) {
      this.#count(lead, heir, -1);
      this.#count(lead, now, 1);
    }
    // Nobody comes to hold or to refuse what was not to be his.
    if (row.target !== target) this.#concern(lead, row.target);
    if (row.owner !== owner && row.owner !== target) this.#concern(lead, row.owner);
    if (row.pin !== pin) this.#concern(lead, row.pin);
    return true;
  }

  #hash(lead: string): number {
    return this.units.get(lead)?.lead.hash ?? 0;
  }

  #enter(lead: string, row: Row): void {
    this.#digest ^= digestOfRow(this.#hash(lead), row);
    if (row.phase !== "idle") this.#moving.add(lead);
    this.#count(lead, heirOf(row), 1);
    for (const member of [row.owner, row.target, row.pin, ...row.holders, ...row.refusedBy])
      if (member !== null) this.#concernsOf(member).push(lead);
  }

  #count(lead: string, heir: string | null, by: number): void {
    if (heir === null) return;
    const topology = this.units.get(lead)?.lead.topology ?? "";
    let counts = this.#counts.get(topology);
    if (counts === undefined) this.#counts.set(topology, (counts = new Map()));
    counts.set(heir, (counts.get(heir) ?? 0) + by);
  }

  #concern(lead: string, member: string | null): void {
    if (member !== null) this.#concernsOf(member).add(lead, (known) => this.#names(known, member));
  }

  #concernsOf(member: string): Concerns {
    let concerns = this.#concerns.get(member);
    if (concerns === undefined) this.#concerns.set(member, (concerns = new Concerns()));
    return concerns;
  }

  #names(lead: string, member: string): boolean {
    const row = this.rows.get(lead);
    return row !== undefined && names(row, member);
  }
}

/** Units that concern a member, and some that did so once: cleared of those whenever they may be as many. */
class Concerns {
  #leads: string[] = [];
  #clearAt = 64;

  get all(): readonly string[] {
    return this.#leads;
  }

  /** While a table is entered, which names nobody that it does not concern. */
  push(lead: string): void {
    this.#leads.push(lead);
  }

  allAreCurrent(): void {
    this.#clearAt = 2 * this.#leads.length + 64;
  }

  add(lead: string, concerns: (lead: string) => boolean): void {
    this.#leads.push(lead);
    if (this.#leads.length >= this.#clearAt) this.current(concerns);
  }

  current(concerns: (lead: string) => boolean): string[] {
    this.#leads = [...new Set(this.#leads)].filter(concerns);
    this.allAreCurrent();
    return this.#leads;
  }
}
