/**
 * How often members have gone without leaving, lately: each such departure adds to a penalty that halves over and over. Who has
 * too much of it is *damped*: it keeps what it has, and is given more only where nobody else can have it.
 *
 * Each node counts what it sees, by its own clock, and tells when it announces itself; the highest of what is told counts, so
 * that neither a new leader nor the node itself has to remember.
 *
 * Source: docs/PROTOCOL.md, "Placement"; the figures are of route flap damping, RFC 2439 section 4.2.
 */
import type { MonoMs } from "../io.js";

export interface Flaps {
  readonly member: string;
  /** A whole number. */
  readonly penalty: number;
}

const DEPARTURE = 1_000;
/** The third departure in a short time makes a member damped. */
export const DAMPED_FROM = 2_500;
const CALM_BELOW = 1_000;
/** However often it went, it is calm after two half-lives without. */
const PENALTY_MAX = 4 * CALM_BELOW;
/** The leader's word may be lost to a change of view. */
const AGAIN_MS = 1_000;

export class FlapCounter {
  readonly #penalties = new Map<string, { readonly value: number; readonly at: MonoMs }>();

  /** @param halfLifeMs 0: departures do not count. */
  constructor(private readonly halfLifeMs: number) {}

  departed(member: string, at: MonoMs): void {
    if (this.halfLifeMs === 0) return;
    this.#penalties.set(member, { value: Math.min(PENALTY_MAX, this.#now(member, at) + DEPARTURE), at });
  }

  /** For an announcement. */
  told(at: MonoMs): Flaps[] {
    const all = [...this.#penalties.keys()].map((member) => ({ member, penalty: Math.round(this.#now(member, at)) }));
    const told = all.filter(({ penalty }) => penalty > 0);
    this.#penalties.clear();
    for (const { member, penalty } of told) this.#penalties.set(member, { value: penalty, at });
    return told;
  }

  /** What all members of a view have told is what each knows from then on. */
  settle(announced: Iterable<readonly Flaps[]>, at: MonoMs): void {
    this.#penalties.clear();
    for (const [member, value] of highest(announced)) this.#penalties.set(member, { value, at });
  }

  /** They are calm: their departures up to now count no longer. */
  forget(members: readonly string[]): void {
    for (const member of members) this.#penalties.delete(member);
  }

  /** When a damped member is calm again; in the past where nothing is known of it. */
  calmAt(member: string): MonoMs {
    const { value, at } = this.#penalties.get(member) ?? { value: 0, at: Number.NEGATIVE_INFINITY };
    return value < CALM_BELOW ? at : at + this.halfLifeMs * Math.log2(value / CALM_BELOW);
  }

  /** @returns those of the damped members that are calm: to be said, and said again after a while if that was lost. */
  dueCalm(damped: readonly string[], at: MonoMs): string[] {
    const calm = damped.filter((member) => this.calmAt(member) <= at);
    for (const member of calm) this.#penalties.set(member, { value: 0, at: at + AGAIN_MS });
    return calm;
  }

  #now(member: string, at: MonoMs): number {
    const penalty = this.#penalties.get(member);
    if (penalty === undefined || this.halfLifeMs === 0) return 0;
    return penalty.value * 2 ** ((penalty.at - at) / this.halfLifeMs);
  }
}

/** The same on every member, of what all of them announced. */
export function dampedMembers(announced: Iterable<readonly Flaps[]>): ReadonlySet<string> {
  return new Set([...highest(announced)].filter(([, penalty]) => penalty >= DAMPED_FROM).map(([member]) => member));
}

function highest(announced: Iterable<readonly Flaps[]>): Map<string, number> {
  const highest = new Map<string, number>();
  for (const flaps of announced)
    for (const { member, penalty } of flaps)
      highest.set(member, Math.min(PENALTY_MAX, Math.max(penalty, highest.get(member) ?? 0)));
  return highest;
}
