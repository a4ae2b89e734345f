/**
 * The replicated part of a node: members, definitions and table. It changes only by delivered views and messages, and
 * knows not which member it runs on, so equal deliveries give equal state on every node.
 *
 *   view, all stayed ----------------------> orphans are placed at once, no message needed
 *   view, somebody joined --> gathering --> settled: table from the announcements, then placement
 *                              (all announce)
 *
 * Source: docs/PROTOCOL.md, "Views", "Handover".
 */
import { LargeMap, LargeSet } from "../large-map.js";
import { run, SLICE, type Slices } from "../slices.js";
import type { View } from "../view.js";
import type { Announcement, Health, OwnershipMessage } from "../wire/messages.js";
import { balancing, isMovable } from "./balance.js";
import { sameTerms, sameUnits } from "./comparisons.js";
import { defining, NO_DEFINITIONS, type Definitions } from "./definitions.js";
import { Doubts } from "./doubts.js";
import { dampedMembers } from "./flaps.js";
import { Loads } from "./loads.js";
import { placing, preferredHome, type PlacementInput } from "./placement.js";
import { isWithheld, policyOf } from "./policy.js";
import { Scales, type Standing } from "./scales.js";
import { settling } from "./settle.js";
import { choosingTrial } from "./trials.js";
import {
  assign,
  depart,
  emptyRow,
  EpochCounter,
  fence,
  heirOf,
  lapsed,
  owned,
  ready,
  refused,
  released,
  type Row,
  unpin,
} from "./table.js";

export interface Member {
  readonly announcement: Announcement;
  mature: boolean;
  leaving: boolean;
  health: Health;
  /** It has failed so often that it is given only what nobody else can have. */
  damped: boolean;
  /** Though damped, it is given what prefers it: it has been up for long enough. */
  regains: boolean;
}

/** Units by the address that leads, each once. */
export interface Leads extends Iterable<string> {
  readonly size: number;
}

/** What a delivery changed. */
export interface Change {
  /** Units (by the address that leads) whose row changed, or may have. */
  readonly touched: Leads;
  /** Definitions may have changed too. */
  readonly redefined: boolean;
  /** The table was made anew from announcements. */
  readonly settled: boolean;
  /** Units that more than one member has plumbed. */
  readonly contested: readonly string[];
}

/** In so many rounds `duravip_balance_set_size = auto` brings balance about. */
const AUTO_ROUNDS = 10;

type CalmMessage = Extract<OwnershipMessage, { kind: "calm" }>;

export class Ownership {
  members: ReadonlyMap<string, Member> = new Map();
  definitions: Definitions = NO_DEFINITIONS;
  rows: ReadonlyMap<string, Row> = new Map();
  loads = new Loads(new Map(), new Map());
  doubts = new Doubts();
  view: View | null = null;
  /** False while announcements of the present view are missing: owners keep what they have, nobody takes anything. */
  settled = false;
  readonly #announced = new Map<string, Announcement>();
  /** Members whose lease was over for a while in this view, before it was settled. */
  readonly #lapsed = new Set<string>();
  readonly #epochs = new EpochCounter();
  /** As leader: nothing has changed since a round of balance found nothing to move. */
  #balanced = false;
  /** As leader: size of an automatic round, until balance is reached. */
  #autoSize = 0;

  enter(view: View): Change {
    return run(this.entering(view));
  }

  *entering(view: View): Slices<Change> {
    const gone = [...this.members.keys()].filter((member) => !view.members.includes(member));
    const survived = this.settled && view.members.every((member) => view.stayed.includes(member));
    const hadQuorum = this.view?.quorate === true;
    this.view = view;
    this.#announced.clear();
    this.#lapsed.clear();
    this.#epochs.enter(view.seq);
    if (!survived) {
      this.settled = false;
      return nothing();
    }
    const members = new Map([...this.members].filter(([member]) => view.members.includes(member)));
    const touched = new LargeSet();
    const redefined = !gone.every((member) => this.definitions.strike(member));
    if (redefined) {
      const definitions = yield* definitionsOf(members, this.definitions);
      // An address that changes its unit may be in anybody's hands: only announcements tell in whose.
      this.settled = sameUnits(this.definitions, definitions);
      if (!this.settled) return nothing();
      yield* this.#redefine(definitions, touched);
    }
    for (const member of gone) {
      for (const lead of this.loads.maybeConcerning(member)) {
        if (this.loads.change(lead, (row) => depart(row, member, this.#epochs))) touched.add(lead);
        if (touched.size % SLICE === 0) yield;
      }
    }
    if (gone.length > 0) this.#fenceMoving(touched);
    this.members = members;
    this.doubts.keepOnly(view.members);
    if (view.quorate !== hadQuorum) this.#touchWithheld(touched);
    yield* this.#place(touched);
    return { touched, redefined, settled: false, contested: [] };
  }

  /** @param from a member of the present view. */
  deliver(from: string, message: OwnershipMessage): Change {
    return run(this.delivering(from, message));
  }

  /** @param from a member of the present view. */
  *delivering(from: string, message: OwnershipMessage): Slices<Change> {
    if (message.kind === "announce") return yield* this.#announce(from, message);
    if (message.kind === "beacon") return nothing(); // Of the node, and not of what all agree on.
    if (message.kind === "lapsed") this.#lapsed.add(from);
    if (!this.settled) return nothing(); // Sent for a table that is gone; the sender looks again once this view is settled.
    const touched = new LargeSet();
    switch (message.kind) {
      case "mature":
        if (from === this.view?.leader) yield* this.#mature(message.members, touched);
        break;
      case "balance":
        if (from === this.view?.leader) this.#move(message.moves, touched);
        break;
      case "released":
        this.#forRows(message.leads, touched, (row) => released(row, from, this.#epochs));
        break;
      case "owned":
        yield* this.#take(from, message.leads, touched);
        break;
      case "refused":
        this.#forRows(message.leads, touched, (row, lead) => {
          const counts = refused(row, from);
          if (counts) this.doubts.refused(from, this.#topologyOf(lead), lead);
          return counts;
        });
        break;
      case "try":
        for (const topology of message.topologies) yield* this.#try(from, topology, touched);
        break;
      case "ready":
        this.#forRows(message.leads, touched, (row) => ready(row, from));
        break;
      case "move":
        this.#pin(message.lead, message.to, touched);
        break;
      case "give":
        yield* this.#give(from, message.leads, touched);
        return { touched, redefined: false, settled: false, contested: [] };
      case "calm":
        if (from === this.view?.leader) yield* this.#calm(message, touched);
        break;
      case "unpin":
        if (from === this.view?.leader) this.#forRows(message.leads, touched, unpin);
        break;
      case "drain":
        this.#drain(from, touched);
        break;
      case "lapsed":
        this.#forRows(this.loads.concerning(from), touched, (row, lead) => this.#isStrict(lead) && lapsed(row, from));
        break;
      case "health":
        yield* this.#heal(from, message, touched);
        break;
    }
    yield* this.#place(touched);
    return { touched, redefined: false, settled: false, contested: [] };
  }

  /**
   * The leader's next round: what goes back to a preferred member, else what balance asks for. Empty when nothing has to
   * move or something is still moving.
   *
   * @param isDue whether a unit with this `failback` may go back to that member now.
   */
  balanceRound(isDue: (failback: string, member: string) => boolean): { to: string; leads: string[] }[] {
    return run(this.balancing(isDue));
  }

  *balancing(isDue: (failback: string, member: string) => boolean): Slices<{ to: string; leads: string[] }[]> {
    if (!this.settled || this.loads.moving.size > 0) return [];
    const back = yield* this.#goingBack(isDue);
    if (back.size === 0 && this.#balanced) return [];
    const plan = back.size > 0 ? back : yield* balancing(this.placement());
    this.#balanced = plan.size === 0;
    this.#autoSize = this.#balanced ? 0 : Math.max(this.#autoSize, Math.ceil(plan.size / AUTO_ROUNDS));
    const sizes = [...this.members.values()].map(({ announcement }) => announcement.balanceSetSize);
    const chosen = sizes.filter((size) => size > 0);
    // When members differ the smallest counts, so that they converge all the same.
    const limit = chosen.length > 0 ? Math.min(...chosen) : this.#autoSize;
    const moves = new Map<string, string[]>();
    for (const [lead, to] of [...plan].slice(0, limit)) {
      const leads = moves.get(to);
      if (leads === undefined) moves.set(to, [lead]);
      else leads.push(lead);
    }
    return [...moves].map(([to, leads]) => ({ to, leads }));
  }

  /** The same state once more, to try a change on: whatever is done to the one leaves the other as it is. */
  fork(): Ownership {
    const copy = new Ownership();
    copy.members = new Map([...this.members].map(([name, member]) => [name, { ...member }]));
    copy.definitions = this.definitions.fork();
    copy.rows = new Map([...this.rows].map(([lead, row]) => [lead, { ...row }]));
    copy.loads = new Loads(copy.definitions.units, copy.rows);
    copy.view = this.view;
    copy.settled = this.settled;
    copy.#balanced = this.#balanced;
    copy.#autoSize = this.#autoSize;
    copy.doubts = this.doubts.fork();
    copy.#epochs.enter(this.view?.seq ?? 0);
    return copy;
  }

  /** Of the table, the same on every member after the same deliveries; 0 while there is none. */
  get digest(): number {
    return this.settled ? (this.loads.digest ^ this.doubts.digest) >>> 0 : 0;
  }

  /** The table is to be made anew from announcements, as when somebody joins. */
  forget(): void {
    this.settled = false;
    this.#announced.clear();
    this.#lapsed.clear();
  }

  /** May this member be given addresses? */
  able(name: string): boolean {
    const member = this.members.get(name);
    return member !== undefined && member.mature && !member.leaving;
  }

  weight(name: string): number {
    return this.members.get(name)?.announcement.weight ?? 1;
  }

  *#announce(from: string, announcement: Announcement): Slices<Change> {
    if (this.view === null || this.settled) return nothing();
    this.#announced.set(from, announcement);
    if (this.view.members.some((member) => !this.#announced.has(member))) return nothing();
    const damped = dampedMembers([...this.#announced.values()].map(({ flaps }) => flaps));
    const members = new Map(
      this.view.members.flatMap((name) => {
        const said = this.#announced.get(name);
        return said === undefined ? [] : [[name, memberOf(said, damped.has(name))]];
      }),
    );
    const definitions = yield* definitionsOf(members);
    const claims = new Map([...members].map(([name, member]) => [name, member.announcement.claims]));
    const { rows, contested } = yield* settling(definitions, claims, this.#epochs, this.#lapsed);
    const loads = yield* Loads.counting(definitions.units, rows);
    // All at once: whoever looks in between slices sees the old or the new.
    const doubts = new Doubts([...members].map(([name, { announcement: said }]) => [name, said.doubts]));
    Object.assign(this, { members, definitions, rows, loads, doubts, settled: true });
    const touched = { size: rows.size, [Symbol.iterator]: () => rows.keys() };
    yield* this.#place(touched);
    return { touched, redefined: true, settled: true, contested };
  }

  /** A member that left takes its contradictions along. @param touched gets the units that may have another home now. */
  *#redefine(definitions: Definitions, touched: LargeSet): Slices<void> {
    const rows = new LargeMap<Row>();
    for (const [lead, unit] of definitions.units) {
      rows.set(lead, this.rows.get(lead) ?? emptyRow());
      if (!sameTerms(this.definitions.units.get(lead), unit)) touched.add(lead);
      if (rows.size % SLICE === 0) yield;
    }
    const loads = yield* Loads.counting(definitions.units, rows);
    Object.assign(this, { definitions, rows, loads });
  }

  *#mature(names: readonly string[], touched: LargeSet): Slices<void> {
    for (const name of names) {
      const member = this.members.get(name);
      if (member === undefined || member.mature) continue;
      member.mature = true;
      yield* this.#offer(name, touched);
    }
  }

  *#calm({ members: calm, regaining }: CalmMessage, touched: LargeSet): Slices<void> {
    for (const name of [...calm, ...regaining]) {
      const member = this.members.get(name);
      if (member?.damped !== true) continue;
      member.damped = !calm.includes(name);
      member.regains = member.damped;
      yield* this.#offer(name, touched);
    }
  }

  *#take(name: string, leads: readonly string[], touched: LargeSet): Slices<void> {
    const topologies = new Set<string>();
    this.#forRows(leads, touched, (row, lead) => {
      if (!owned(row, name)) return false;
      topologies.add(this.#topologyOf(lead));
      return true;
    });
    const cleared = [...topologies].filter((topology) => this.doubts.owned(name, topology));
    if (cleared.length > 0) yield* this.#offer(name, touched);
  }

  /** The first unit that prefers the member, and would go to it but for the doubt, goes to it; else balance may name one. */
  *#try(name: string, topology: string, touched: LargeSet): Slices<void> {
    this.doubts.renew(name, topology);
    const doubt = this.doubts.get(name, topology);
    if (doubt === null) return;
    const preferring = this.definitions.found.preferring.get(name) ?? [];
    const leads = [...preferring].filter((lead) => this.#topologyOf(lead) === topology);
    const trial = yield* choosingTrial(this.placement(), name, topology, leads, doubt.refused);
    this.doubts.grant(name, topology, trial);
    if (trial !== null) touched.add(trial);
  }

  #topologyOf(lead: string): string {
    return this.definitions.units.get(lead)?.lead.topology ?? "";
  }

  *#give(name: string, leads: readonly string[], touched: LargeSet): Slices<void> {
    for (const lead of leads) if (this.rows.get(lead)?.owner === name) touched.add(lead);
    yield* this.#place(touched, touched);
  }

  /** Up to so many units that a member which drains by and by has yet, and another may have. */
  toGive(name: string, most: number): string[] {
    const scales = new Scales(this.placement().able, this.loads);
    const leads: string[] = [];
    for (const lead of this.loads.concerning(name)) {
      if (leads.length >= most) break;
      const [unit, row] = [this.definitions.units.get(lead), this.rows.get(lead)];
      if (unit === undefined || row?.owner !== name || row.phase !== "idle" || row.pin === name) continue;
      const candidates = scales.candidates(unit, row.refusedBy);
      if (candidates.length > 0 && !scales.holds(candidates, name)) leads.push(lead);
    }
    return leads;
  }

  *#heal(name: string, { draining, paced, down, reasons = [] }: Health, touched: LargeSet): Slices<void> {
    const member = this.members.get(name);
    if (member === undefined) return;
    member.health = { draining, paced, down, reasons };
    for (const lead of this.loads.concerning(name)) touched.add(lead);
    yield* this.#offer(name, touched);
  }

  /** Adds what a member may be given that could not be before: what prefers it, nobody has, or somebody keeps for want of others. */
  *#offer(name: string, touched: LargeSet): Slices<void> {
    for (const lead of this.definitions.found.preferring.get(name) ?? []) touched.add(lead);
    let seen = 0;
    for (const [lead, row] of this.rows) {
      if (heirOf(row) === null) touched.add(lead);
      if (++seen % SLICE === 0) yield;
    }
    for (const [other, { health }] of this.members) {
      if (!health.draining && health.down.length === 0) continue;
      for (const lead of this.loads.concerning(other)) touched.add(lead);
    }
  }

  #drain(name: string, touched: LargeSet): void {
    const member = this.members.get(name);
    if (member === undefined) return;
    member.leaving = true;
    for (const lead of this.loads.concerning(name)) touched.add(lead);
  }

  *#goingBack(isDue: (failback: string, member: string) => boolean): Slices<Map<string, string>> {
    const back = new Map<string, string>();
    const { reluctant } = this.definitions.found;
    if (reluctant.length === 0) return back;
    const scales = new Scales(this.placement().able, this.loads);
    let seen = 0;
    for (const lead of reluctant) {
      if (++seen % SLICE === 0) yield;
      const [unit, row] = [this.definitions.units.get(lead), this.rows.get(lead)];
      const to = unit && row && preferredHome(unit, row, scales);
      if (to != null && isDue(unit?.lead.failback ?? "", to)) back.set(lead, to);
    }
    return back;
  }

  #move(moves: readonly { to: string; leads: readonly string[] }[], touched: LargeSet): void {
    const { able } = this.placement();
    const scales = new Scales(able, this.loads);
    for (const { to, leads } of moves) {
      this.#forRows(leads, touched, (row, lead) => {
        const unit = this.definitions.units.get(lead);
        if (unit === undefined) return false;
        const free = isMovable(unit, row, (member) => able.has(member)) || preferredHome(unit, row, scales) === to;
        const doubt = this.doubts.get(to, unit.lead.topology);
        if (doubt !== null && !doubt.credit) return false;
        if (!free || !this.#mayHave(to, lead, scales) || !assign(row, to, this.#epochs)) return false;
        this.doubts.spend(to, unit.lead.topology);
        return true;
      });
    }
  }

  #pin(lead: string, to: string, touched: LargeSet): void {
    const scales = new Scales(this.placement().able, this.loads);
    this.#forRows([lead], touched, (row) => {
      if (!this.#mayHave(to, lead, scales)) return false;
      row.pin = to;
      return true;
    });
  }

  #isStrict(lead: string): boolean {
    const unit = this.definitions.units.get(lead);
    return unit !== undefined && policyOf(unit) === "strict";
  }

  /** The view has lost its quorum. */
  #touchWithheld(touched: LargeSet): void {
    for (const [lead, unit] of this.definitions.units) if (isWithheld(unit, false)) touched.add(lead);
  }

  /**
   * Who departed may have been told otherwise at the end of the last view, and have begun to plumb what is on its way to
   * somebody else here.
   */
  #fenceMoving(touched: LargeSet): void {
    for (const lead of this.loads.moving) {
      if (this.#isStrict(lead) && this.loads.change(lead, fence)) touched.add(lead);
    }
  }

  #mayHave(name: string, lead: string, scales: Scales): boolean {
    const [unit, row] = [this.definitions.units.get(lead), this.rows.get(lead)];
    return unit !== undefined && row !== undefined && scales.holds(scales.candidates(unit, row.refusedBy), name);
  }

  #forRows(leads: readonly string[], touched: LargeSet, change: (row: Row, lead: string) => boolean): void {
    for (const lead of leads) if (this.loads.change(lead, (row) => change(row, lead))) touched.add(lead);
  }

  *#place(touched: Leads, given?: LargeSet): Slices<void> {
    // Also where no row has changed: who is there decides what balance may move.
    this.#balanced = false;
    if (touched.size === 0) return;
    let placed = 0;
    for (const { lead, home } of yield* placing(this.placement(), touched, given)) {
      const isNew = this.loads.change(lead, (row) => assign(row, home, this.#epochs));
      if (isNew && home !== null) this.doubts.spend(home, this.#topologyOf(lead));
      if (++placed % SLICE === 0) yield;
    }
  }

  /** What placement goes by. */
  placement(): PlacementInput {
    const able = new Map<string, Standing>();
    for (const [name, { health, damped, regains }] of this.members) {
      if (!this.able(name)) continue;
      able.set(name, {
        weight: this.weight(name),
        draining: health.draining,
        paced: health.paced,
        down: new Set(health.down),
        damped,
        regains,
        doubtful: this.doubts.of(name),
      });
    }
    const { units } = this.definitions;
    return { units, rows: this.rows, loads: this.loads, able, quorate: this.view?.quorate === true };
  }
}

function nothing(): Change {
  return { touched: new Set(), redefined: false, settled: false, contested: [] };
}

function memberOf(announcement: Announcement, damped: boolean): Member {
  const { mature, leaving, health } = announcement;
  return { announcement, mature, leaving, health, damped, regains: false };
}

/** @param before a member that departs takes no policy along: it may have the addresses yet, wherever it is. */
function definitionsOf(members: ReadonlyMap<string, Member>, before?: Definitions): Slices<Definitions> {
  return defining(new Map([...members].map(([name, { announcement }]) => [name, announcement.entries])), before);
}
