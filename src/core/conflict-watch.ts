/**
 * What to do about others who use addresses of ours. A host outside of the view (RFC 5227 section 2.4, RFC 4862
 * section 5.4): each address is defended at most every DEFEND_INTERVAL, and after a number of defences in vain the
 * configuration decides. A member of the view: its frame was under way when it let go, or it lets go now, since the
 * table says whose the address is; so the owner announces it again, and waits for nothing but the end of its last
 * first rounds. No clock of its own.
 */

/** Frames of one host about one address. */
export interface Rival {
  /** Who asked whether it is free was told that it is not. */
  readonly kind: "rival" | "prober";
  readonly address: string;
  /** It is a member of the view that this node is in. */
  readonly member?: boolean;
}

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
/**
 * Against a member: as long as a Linux neighbour takes no second change of an entry (locktime, arp(7)), and a little.
 */
export const REPEAT_INTERVAL_MS = 1_100;
/** Without a rival for so long, an address counts as at peace. */
const QUIET_MS = 60_000;

interface Conflict {
  /** Of the last frame. */
  member: boolean;
  /** Against others than members. */
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
  hear(rivals: readonly Rival[], now: number): Verdict {
    for (const { kind, address, member = false } of rivals) {
      if (kind !== "rival") continue;
      const known = this.#conflicts.get(address);
      const conflict =
        known !== undefined && now - known.seenAt < QUIET_MS
          ? known
          : { member, defences: 0, defendedAt: Number.NEGATIVE_INFINITY, seenAt: now, open: true };
      Object.assign(conflict, { member, seenAt: now, open: true });
      this.#conflicts.set(address, conflict);
    }
    return this.due(now);
  }

  /** What has waited for the end of an interval, and what is at peace. */
  due(now: number): Verdict {
    const verdict: Verdict = { defend: [], give: [] };
    for (const [address, conflict] of this.#conflicts) {
      if (now - conflict.seenAt >= QUIET_MS) this.#conflicts.delete(address);
      if (!conflict.open || now < mayActAt(conflict)) continue;
      if (!conflict.member && this.policy.action === "yield" && conflict.defences >= this.policy.limit) {
        this.#conflicts.delete(address);
        verdict.give.push(address);
      } else {
        if (!conflict.member) conflict.defences++;
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
    for (const conflict of this.#conflicts.values()) {
      if (conflict.open) wait = Math.min(wait, mayActAt(conflict) - now);
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

  /** Whose the addresses are is decided anew: what was heard before says nothing of it. */
  clear(): void {
    this.#conflicts.clear();
  }
}

function mayActAt({ member, defendedAt }: Conflict): number {
  return defendedAt + (member ? REPEAT_INTERVAL_MS : DEFEND_INTERVAL_MS);
}
