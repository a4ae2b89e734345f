/**
 * Since when each member could have been given anything, by this node's clock, from what it was told of that member. Each node
 * keeps it, so that a new leader goes on where the old one was.
 */
import type { MonoMs } from "../io.js";
import type { Ownership } from "./ownership.js";

export class HealthySince {
  readonly #since = new Map<string, MonoMs>();

  /** To be called after whatever may have changed members or their health. Between views nothing is known of anybody. */
  look({ members, settled }: Pick<Ownership, "members" | "settled">, at: MonoMs): void {
    if (!settled) return;
    for (const member of this.#since.keys()) if (!members.has(member)) this.#since.delete(member);
    for (const [member, { mature, leaving, damped, regains, health }] of members) {
      const healthy = mature && !leaving && (!damped || regains) && !health.draining && health.down.length === 0;
      if (!healthy) this.#since.delete(member);
      else if (!this.#since.has(member)) this.#since.set(member, at);
    }
  }

  /** How long that is by now. */
  ms(member: string, at: MonoMs): number {
    return at - (this.#since.get(member) ?? at);
  }
}
