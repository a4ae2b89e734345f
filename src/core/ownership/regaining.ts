/**
 * Which damped members are given what prefers them again: those that have been up, mature and not leaving, for a whole
 * half-life of their penalty. Each node keeps that time by its own clock, and the member that leads says it.
 *
 * Source: docs/PROTOCOL.md, "Placement", Damping.
 */
import type { MonoMs } from "../io.js";
import type { Ownership } from "./ownership.js";

/** The leader's word may be lost to a change of view. */
const AGAIN_MS = 1_000;

export class Regaining {
  readonly #upSince = new Map<string, MonoMs>();
  readonly #saidAt = new Map<string, MonoMs>();

  constructor(
    private readonly ownership: Pick<Ownership, "members" | "settled">,
    private readonly halfLifeMs: number,
  ) {}

  /** To be called after whatever may have changed members. Between views nothing is known of anybody. */
  look(at: MonoMs): void {
    const { members, settled } = this.ownership;
    if (!settled) return;
    for (const member of this.#upSince.keys()) if (!members.has(member)) this.#upSince.delete(member);
    for (const [member, { mature, leaving }] of members) {
      if (!mature || leaving) this.#upSince.delete(member);
      else if (!this.#upSince.has(member)) this.#upSince.set(member, at);
    }
    for (const member of this.#saidAt.keys()) if (!this.#waits(member)) this.#saidAt.delete(member);
  }

  /** When the member is given again what prefers it; Infinity where it is already, or has to mature first. */
  regainsAt(member: string): MonoMs {
    const since = this.#upSince.get(member);
    return since === undefined || !this.#waits(member) ? Number.POSITIVE_INFINITY : since + this.halfLifeMs;
  }

  /** When `due` has something to say. */
  get deadline(): MonoMs {
    return Math.min(...[...this.#upSince.keys()].map((member) => this.#dueAt(member)));
  }

  /** @returns members that are to be told of. */
  due(at: MonoMs): string[] {
    const due = [...this.#upSince.keys()].filter((member) => this.#dueAt(member) <= at);
    for (const member of due) this.#saidAt.set(member, at);
    return due;
  }

  #dueAt(member: string): MonoMs {
    const saidAt = this.#saidAt.get(member);
    return Math.max(this.regainsAt(member), saidAt === undefined ? Number.NEGATIVE_INFINITY : saidAt + AGAIN_MS);
  }

  #waits(name: string): boolean {
    const member = this.ownership.members.get(name);
    return member !== undefined && member.damped && !member.regains;
  }
}
