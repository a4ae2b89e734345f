/**
 * What this node can serve, Topology by Topology, and why it cannot: what its links and its own looks say, and whether it is the
 * one that hears nobody where others hear each other. Nodes tell each other whom they hear (HEARING); each decides for
 * itself alone, and says so to all (HEALTH), so that all place alike.
 *
 * Source: docs/PROTOCOL.md, "Health".
 */
import type { Facts, MonoMs, NodeEventCode } from "../io.js";
import type { Hearing } from "../wire/hearing.js";
import type { Reason } from "../wire/messages.js";
import { companyWithout, type Heard, isApart, isIsolated } from "./isolation.js";
import { NO_CARRIER } from "./reasons.js";
import { Recovery } from "./recovery.js";

/** What the shell has found out, all of it, whenever it changes. */
export interface Sense {
  /** Time between its looks, in milliseconds. */
  readonly everyMs: number;
  /** What is wrong besides carriers: a Topology once. `leastMs`: how long it has to be well before it counts as well. */
  readonly troubles: readonly (Reason & { readonly leastMs?: number })[];
  /** Where it asks others. `asked`: those whom it can ask. */
  readonly hearing: readonly (Hearing & { readonly asked: readonly string[] })[];
}

/** What is new, for others and for the log. */
export interface News {
  readonly down: readonly string[];
  readonly reasons: readonly Reason[];
  readonly events: readonly (readonly [NodeEventCode, Facts])[];
}

/** What is wrong, if anything, and how long it has to be well then. */
type Finding = readonly [reason: string | null, leastMs?: number | undefined];

/** Of two that part, one may find out later by so many looks. */
const SKEW_LOOKS = 3;
const SKEW_MS = 1_000;

interface Doubt {
  /** It hears nobody of those that hear each other, since then. */
  apartSince: MonoMs | null;
  isolated: boolean;
  /** It hears nobody at all, since then. */
  silentSince: MonoMs | null;
  silenceTold: boolean;
}

export class Condition {
  readonly #recovery = new Recovery();
  readonly #doubts = new Map<string, Doubt>();
  /** By member, without this one. */
  readonly #hearings = new Map<string, readonly Hearing[]>();
  #sense: Sense = { everyMs: 0, troubles: [], hearing: [] };
  #noCarrier: readonly string[] = [];
  #dirty = false;

  constructor(private readonly self: string) {}

  /** What this node says of itself. */
  get hearing(): readonly Hearing[] {
    return this.#sense.hearing.map(({ topology, addresses, heard }) => ({ topology, addresses, heard }));
  }

  /** Addresses of their own that other members have on the interface of a Topology, by member. */
  addressesOf(topology: string): Map<string, readonly string[]> {
    const found = new Map<string, readonly string[]>();
    for (const [member, hearings] of this.#hearings) {
      const addresses = hearings.find((one) => one.topology === topology)?.addresses ?? [];
      if (addresses.length > 0) found.set(member, addresses);
    }
    return found;
  }

  /** @param down blocks of the Topologies whose interface has no carrier, or is gone. */
  links(down: readonly string[]): void {
    this.#noCarrier = down;
    this.#dirty = true;
  }

  /** @returns whether others do not know it yet. */
  feels(sense: Sense): boolean {
    const before = JSON.stringify(this.hearing);
    this.#sense = sense;
    this.#dirty = true;
    return JSON.stringify(this.hearing) !== before;
  }

  /** A member of the view says whom it hears. */
  told(member: string, hearing: readonly Hearing[]): void {
    if (member === this.self) return;
    this.#hearings.set(member, hearing);
    this.#dirty = true;
  }

  /** Who has come to a view says it anew. */
  enter(stayed: readonly string[]): void {
    for (const member of this.#hearings.keys()) if (!stayed.includes(member)) this.#hearings.delete(member);
    this.#dirty = true;
  }

  get deadline(): MonoMs {
    const waitMs = this.#skewMs;
    const ends = [...this.#doubts.values()].map(({ apartSince, isolated, silentSince, silenceTold }) => {
      const judged = apartSince === null || isolated ? Number.POSITIVE_INFINITY : apartSince + waitMs;
      const told = silentSince === null || silenceTold ? Number.POSITIVE_INFINITY : silentSince + waitMs;
      return Math.min(judged, told);
    });
    return Math.min(this.#recovery.deadline, ...ends);
  }

  /** @returns null where nothing can have changed. */
  look(at: MonoMs): News | null {
    if (!this.#dirty && at < this.deadline) return null;
    this.#dirty = false;
    const events: (readonly [NodeEventCode, Facts])[] = [];
    const isolated = this.#judge(at, events);
    for (const [topology, [reason, leastMs]] of this.#found(isolated))
      this.#recovery.tell(topology, reason, at, leastMs);
    const reasons = [...this.#recovery.reasons].map(([topology, reason]) => ({ topology, reason }));
    reasons.sort((a, b) => (a.topology < b.topology ? -1 : 1));
    return { down: reasons.map(({ topology }) => topology), reasons, events };
  }

  /** What is wrong with every Topology that was ever looked at; the first thing that is. */
  #found(isolated: ReadonlyMap<string, string>): Map<string, Finding> {
    const found = new Map<string, Finding>();
    for (const topology of this.#recovery.topologies) found.set(topology, [null]);
    for (const [topology, reason] of isolated) found.set(topology, [reason]);
    for (const { topology, reason, leastMs } of this.#sense.troubles) found.set(topology, [reason, leastMs]);
    for (const topology of this.#noCarrier) found.set(topology, [NO_CARRIER]);
    return found;
  }

  /** @returns why, of each Topology in which this node is the one at fault. */
  #judge(at: MonoMs, events: (readonly [NodeEventCode, Facts])[]): Map<string, string> {
    const isolated = new Map<string, string>();
    for (const { topology, asked, heard } of this.#sense.hearing) {
      const doubt = this.#doubts.get(topology) ?? newDoubt();
      this.#doubts.set(topology, doubt);
      const all = this.#heardIn(topology);
      const company = companyWithout(all, this.self);
      this.#weigh(doubt, all, company, new Set(asked), at);
      if (doubt.isolated) isolated.set(topology, `hears none of ${[...company].sort().join(" ") || asked.join(" ")}`);
      const silence = this.#listen(doubt, asked.length > 0 && heard.length === 0 && !doubt.isolated, at);
      if (silence !== null) events.push([silence, { topology, members: asked.join(" ") }]);
    }
    for (const topology of this.#doubts.keys())
      if (!this.#sense.hearing.some((one) => one.topology === topology)) this.#doubts.delete(topology);
    return isolated;
  }

  #weigh(doubt: Doubt, all: Heard, company: ReadonlySet<string>, asked: ReadonlySet<string>, at: MonoMs): void {
    const apart = isIsolated(all, this.self) && [...company].some((member) => asked.has(member));
    doubt.apartSince = apart ? (doubt.apartSince ?? at) : null;
    if (apart && at >= (doubt.apartSince ?? at) + this.#skewMs) doubt.isolated = true;
    // Where those who heard each other are gone, it is at fault until it hears somebody, or there is nobody to ask.
    const hears = company.size > 0 ? !isApart(all, this.self) : (all.get(this.self)?.size ?? 0) > 0;
    if (hears || asked.size === 0) doubt.isolated = false;
  }

  /** @returns what is to be told, if anything. */
  #listen(doubt: Doubt, silent: boolean, at: MonoMs): "peers-unheard" | "peers-heard" | null {
    if (!silent) {
      const ended = doubt.silenceTold;
      Object.assign(doubt, { silentSince: null, silenceTold: false });
      return ended ? "peers-heard" : null;
    }
    doubt.silentSince ??= at;
    if (doubt.silenceTold || at < doubt.silentSince + this.#skewMs) return null;
    doubt.silenceTold = true;
    return "peers-unheard";
  }

  #heardIn(topology: string): Heard {
    const all = new Map<string, ReadonlySet<string>>();
    for (const [member, hearings] of [...this.#hearings, [this.self, this.#sense.hearing] as const]) {
      const hearing = hearings.find((one) => one.topology === topology);
      if (hearing !== undefined) all.set(member, new Set(hearing.heard));
    }
    return all;
  }

  get #skewMs(): number {
    return SKEW_LOOKS * this.#sense.everyMs + SKEW_MS;
  }
}

function newDoubt(): Doubt {
  return { apartSince: null, isolated: false, silentSince: null, silenceTold: false };
}
