/**
 * What to do about others who use addresses of ours. A host outside of the view (RFC 5227 section 2.4, RFC 4862
 * section 5.4): each address is defended at most every DEFEND_INTERVAL, and after a number of defences in vain the
 * configuration decides. A member of the view: its frame was under way when it let go, or it lets go now, since the
 * table says whose the address is; so the owner announces it again, and waits for nothing but the end of its last
 * first rounds; whoever goes on for longer is dealt with as slowly as a host outside. No clock of its own.
 *
 * Who forges frames gets no more by that than noise (docs/adr/0027): only one and the same rival, in all defences, has
 * an address given up, and no more than a few addresses are given up in an interval.
 */

/** Frames of one host about one address. */
export interface Rival {
  /** Who asked whether it is free was told that it is not. */
  readonly kind: "rival" | "prober";
  readonly address: string;
  /** Its hardware address. */
  readonly mac: string;
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
/** Against a member: so many in that interval, without a quiet time between, more than its rounds and ours take. */
export const REPEATS = 20;
/** Addresses given up in one DEFEND_INTERVAL: more than a host has by mistake. */
export const MOST_GIVEN = 64;
/** Without a rival for so long, an address counts as at peace. */
const QUIET_MS = 60_000;

interface Conflict {
  /** Of the last frame, as `mac`. */
  member: boolean;
  mac: string;
  /** Against others than members. */
  defences: number;
  /** Those of them that followed each other against this hardware address. */
  inVain: number;
  against: string;
  /** Against members. */
  repeats: number;
  defendedAt: number;
  seenAt: number;
  /** A rival was seen after the last defence. */
  open: boolean;
}

export class ConflictWatch {
  readonly #conflicts = new Map<string, Conflict>();
  /** Since `#givingSince`. */
  #given = 0;
  #givingSince = Number.NEGATIVE_INFINITY;

  constructor(private readonly policy: ConflictPolicy) {}

  /** @param now milliseconds, on one clock with the other calls. */
  hear(rivals: readonly Rival[], now: number): Verdict {
    for (const { kind, address, mac, member = false } of rivals) {
      if (kind !== "rival") continue;
      const known = this.#conflicts.get(address);
      const conflict = known !== undefined && now - known.seenAt < QUIET_MS ? known : newConflict();
      if (!member && conflict.against !== "" && conflict.against !== mac) conflict.inVain = 0;
      Object.assign(conflict, { member, mac, seenAt: now, open: true });
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
      if (this.#isLost(conflict) && this.#mayGive(now)) {
        this.#conflicts.delete(address);
        verdict.give.push(address);
      } else {
        defend(conflict, now);
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

  #isLost({ member, inVain }: Conflict): boolean {
    return !member && this.policy.action === "yield" && inVain >= this.policy.limit;
  }

  #mayGive(now: number): boolean {
    if (now - this.#givingSince >= DEFEND_INTERVAL_MS) {
      this.#givingSince = now;
      this.#given = 0;
    }
    if (this.#given >= MOST_GIVEN) return false;
    this.#given++;
    return true;
  }

  /** Defended so far. */
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

function newConflict(): Conflict {
  return {
    member: false,
    mac: "",
    defences: 0,
    inVain: 0,
    against: "",
    repeats: 0,
    defendedAt: Number.NEGATIVE_INFINITY,
    seenAt: Number.NEGATIVE_INFINITY,
    open: true,
  };
}

function defend(conflict: Conflict, now: number): void {
  if (conflict.member) conflict.repeats++;
  else {
    conflict.defences++;
    conflict.inVain++;
    conflict.against = conflict.mac;
  }
  conflict.defendedAt = now;
  conflict.open = false;
}

function mayActAt({ member, repeats, defendedAt }: Conflict): number {
  return defendedAt + (member && repeats < REPEATS ? REPEAT_INTERVAL_MS : DEFEND_INTERVAL_MS);
}
