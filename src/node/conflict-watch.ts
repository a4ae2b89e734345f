/**
 * What to do about others who use addresses of ours (RFC 5227 section 2.4, RFC 4862 section 5.4): each is defended by one
 * announcement, at most every DEFEND_INTERVAL; after a number of defences in vain the configuration decides. No clock of its own.
 */
import type { Sighting } from "../kernel/types.js";

export interface ConflictPolicy {
  /** Defences of one address, without a quiet time between, before `action` counts. */
  readonly limit: number;
  readonly action: "defend" | "yield";
}

export interface Verdict {
  /** To be announced now. */
  readonly defend: string[];
  /** To be given up. They are forgotten. */
  readonly give: string[];
}

/** RFC 5227 section 1.1: DEFEND_INTERVAL. */
export const DEFEND_INTERVAL_MS = 10_000;
/** Without a rival for so long, an address counts as at peace. */
const QUIET_MS = 60_000;

interface Conflict {
  defences: number;
  defendedAt: number;
  seenAt: number;
  /** A rival was seen after the last defence. */
  open: boolean;
}

export class ConflictWatch {
  readonly #conflicts = new Map<string, Conflict>();

  constructor(private readonly policy: ConflictPolicy) {}

  /** @param now milliseconds, on one clock with the other calls. */
  hear(sightings: readonly Sighting[], now: number): Verdict {
    for (const { kind, address } of sightings) {
      if (kind !== "rival") continue; // Who asked whether it is free was told that it is not.
      const known = this.#conflicts.get(address);
      const conflict =
        known !== undefined && now - known.seenAt < QUIET_MS
          ? known
          : { defences: 0, defendedAt: Number.NEGATIVE_INFINITY, seenAt: now, open: true };
      conflict.seenAt = now;
      conflict.open = true;
      this.#conflicts.set(address, conflict);
    }
    return this.due(now);
  }

  /** What has waited for the end of an interval, and what is at peace. */
  due(now: number): Verdict {
    const verdict: Verdict = { defend: [], give: [] };
    for (const [address, conflict] of this.#conflicts) {
      if (now - conflict.seenAt >= QUIET_MS) this.#conflicts.delete(address);
      if (!conflict.open || now - conflict.defendedAt < DEFEND_INTERVAL_MS) continue;
      if (this.policy.action === "yield" && conflict.defences >= this.policy.limit) {
        this.#conflicts.delete(address);
        verdict.give.push(address);
      } else {
        conflict.defences++;
        conflict.defendedAt = now;
        conflict.open = false;
        verdict.defend.push(address);
      }
    }
    return verdict;
  }

  /** Milliseconds until `due` has something to say; Infinity where it never will. */
  wait(now: number): number {
    let wait = Number.POSITIVE_INFINITY;
    for (const { open, defendedAt } of this.#conflicts.values()) {
      if (open) wait = Math.min(wait, defendedAt + DEFEND_INTERVAL_MS - now);
    }
    return Math.max(0, wait);
  }

  /** Defended in vain so far. */
  defences(address: string): number {
    return this.#conflicts.get(address)?.defences ?? 0;
  }

  /** They are not here any more. */
  forget(addresses: readonly string[]): void {
    for (const address of addresses) this.#conflicts.delete(address);
  }
}
