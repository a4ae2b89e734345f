/**
 * What time brings about in the table, said by the member that leads: who is mature, what moves for balance or goes back to a
 * preferred member, which pins and which dampings are over, and that tables are to be compared. The table itself knows of no
 * time. Every node keeps the times by its own clock, so that whoever leads next goes on from there.
 *
 * Source: docs/PROTOCOL.md, "Views", "Placement", "Divergence".
 */
import type { MonoMs } from "./io.js";
import { unitOf } from "./ownership/definitions.js";
import { isDue } from "./ownership/failback.js";
import { FlapCounter, type Flaps } from "./ownership/flaps.js";
import { HealthySince } from "./ownership/healthy-since.js";
import type { Ownership } from "./ownership/ownership.js";
import { PinEnds } from "./ownership/pin-ends.js";
import { Regaining } from "./ownership/regaining.js";
import type { Slices } from "./slices.js";
import type { View } from "./view.js";
import type { WireMessage } from "./wire/messages.js";

export interface LeaderTerms {
  readonly self: string;
  readonly viewMatureTimeMs: number;
  readonly viewBalanceIntervalMs: number;
  /** In which the penalty for a departure halves; 0: departures do not count. */
  readonly flapHalfLifeMs: number;
}

/** Of a damped member; 0 where the leader is about to say it, Infinity where it is not to come. */
export interface Damping {
  readonly calmMs: number;
  readonly regainsMs: number;
}

/** A member that joins over and over again cannot keep the others from maturing for longer than this many waits. */
const MATURE_WAITS_MAX = 3;
const DAY_MS = 24 * 3_600_000;

export class Leader {
  readonly #pinEnds = new PinEnds();
  readonly #flaps: FlapCounter;
  readonly #healthySince = new HealthySince();
  readonly #regaining: Regaining;
  /** When a day began; null while nobody has said. */
  #midnight: MonoMs | null = null;
  #matureAt = Number.POSITIVE_INFINITY;
  #immatureSince = Number.POSITIVE_INFINITY;
  #balanceAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly ownership: Ownership,
    private readonly terms: LeaderTerms,
  ) {
    this.#flaps = new FlapCounter(terms.flapHalfLifeMs);
    this.#regaining = new Regaining(ownership, terms.flapHalfLifeMs);
  }

  get deadline(): MonoMs {
    const said = this.#leads
      ? Math.min(this.#pinEnds.deadline, this.#calmAt, this.#regaining.deadline)
      : Number.POSITIVE_INFINITY;
    return Math.min(this.#matureAt, this.#balanceAt, said);
  }

  clock(at: MonoMs, msOfDay: number): void {
    this.#midnight = at - msOfDay;
  }

  /** To be told before the ownership is: it knows who is about to leave. */
  enters({ stayed }: View, at: MonoMs): void {
    const { view: before, members } = this.ownership;
    for (const member of before?.members ?? [])
      if (!stayed.includes(member) && members.get(member)?.leaving !== true) this.#flaps.departed(member, at);
  }

  /** The table was made of announcements. */
  *settled(at: MonoMs): Slices<void> {
    const { members, definitions } = this.ownership;
    const announcements = [...members.values()].map(({ announcement }) => announcement);
    this.#flaps.settle(
      announcements.map(({ flaps }) => flaps),
      at,
    );
    yield* this.#pinEnds.settle(
      announcements.map(({ claims }) => claims),
      (address) => unitOf(definitions, address)?.lead.address,
      at,
    );
    this.arm(at, true);
  }

  /** After the ownership has heard it. */
  heard(message: WireMessage, at: MonoMs): void {
    switch (message.kind) {
      case "mature":
        return this.arm(at, false);
      case "calm":
        this.#flaps.forget(message.members);
        return this.#look(at);
      case "health":
        return this.#look(at);
      case "move":
        if (this.ownership.rows.get(message.lead)?.pin === message.to)
          this.#pinEnds.pinned(message.lead, message.forMs, at);
        return;
      case "unpin":
        return this.#pinEnds.unpinned(message.leads);
    }
  }

  /** For an announcement: who has departed lately, as far as this node has seen it. */
  flaps(at: MonoMs): Flaps[] {
    return this.#flaps.told(at);
  }

  /** For a claim: how much longer the unit is pinned; 0 where that has no end. */
  pinnedMs(lead: string, at: MonoMs): number {
    return this.#pinEnds.leftMs(lead, at);
  }

  /** Members may have come, gone, or matured. */
  arm(at: MonoMs, joined: boolean): void {
    const { settled, members } = this.ownership;
    this.#look(at);
    const immature = [...members.values()].some(({ mature }) => !mature);
    if (!this.#leads || !immature) {
      this.#matureAt = Number.POSITIVE_INFINITY;
      if (settled) this.#immatureSince = Number.POSITIVE_INFINITY;
    } else {
      this.#immatureSince = Math.min(this.#immatureSince, at);
      const latest = this.#immatureSince + MATURE_WAITS_MAX * this.terms.viewMatureTimeMs;
      if (joined || this.#matureAt === Number.POSITIVE_INFINITY)
        this.#matureAt = Math.min(latest, at + this.terms.viewMatureTimeMs);
    }
    this.#balanceAt = this.#leads && !immature ? at + this.terms.viewBalanceIntervalMs : Number.POSITIVE_INFINITY;
  }

  /** @returns what is to be said now. */
  *waking(at: MonoMs): Slices<WireMessage[]> {
    const said: WireMessage[] = [];
    if (at >= this.#matureAt) {
      this.#matureAt = Number.POSITIVE_INFINITY;
      const members = [...this.ownership.members].filter(([, { mature }]) => !mature).map(([name]) => name);
      said.push({ kind: "mature", members });
    }
    if (at >= this.#balanceAt) {
      this.#balanceAt = at + this.terms.viewBalanceIntervalMs;
      const moves = yield* this.#balanceRound(at);
      if (moves.length > 0) said.push({ kind: "balance", moves });
      said.push({ kind: "check" });
    }
    if (!this.#leads) return said;
    const leads = this.#pinEnds.due(at);
    if (leads.length > 0) said.push({ kind: "unpin", leads });
    const members = this.#flaps.dueCalm(this.#damped(), at);
    const regaining = this.#regaining.due(at);
    if (members.length + regaining.length > 0) said.push({ kind: "calm", members, regaining });
    return said;
  }

  /** How long, in milliseconds, until a damped member is calm, and until it is given again what prefers it. */
  damping(member: string, at: MonoMs): Damping {
    const until = (then: MonoMs) => Math.max(0, then - at);
    return { calmMs: until(this.#flaps.calmAt(member)), regainsMs: until(this.#regaining.regainsAt(member)) };
  }

  #look(at: MonoMs): void {
    this.#healthySince.look(this.ownership, at);
    this.#regaining.look(at);
  }

  #balanceRound(at: MonoMs): Slices<{ to: string; leads: string[] }[]> {
    const msOfDay = this.#midnight === null ? null : (at - this.#midnight) % DAY_MS;
    return this.ownership.balancing((failback, member) =>
      isDue(failback, { healthyMs: this.#healthySince.ms(member, at), msOfDay }),
    );
  }

  get #leads(): boolean {
    return this.ownership.settled && this.ownership.view?.leader === this.terms.self;
  }

  #damped(): string[] {
    return [...this.ownership.members].filter(([, { damped }]) => damped).map(([name]) => name);
  }

  get #calmAt(): MonoMs {
    return Math.min(...this.#damped().map((member) => this.#flaps.calmAt(member)));
  }
}
