/**
 * The arithmetic of `partition_policy = strict`: until when this node may have addresses, and from when on it may take
 * those that somebody outside of its view may have yet. No agreement, no message of its own: times go in and come out.
 *
 * Source: docs/PROTOCOL.md, "Leases"; C. Gray and D. Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for
 * Distributed File Cache Consistency", SOSP 1989.
 */
import type { MonoMs } from "../io.js";
import { isQuorate } from "../quorum.js";

/** Beacons in the time of a lease: after two of them without an answer there is yet more than half of it. */
const BEACONS_A_LEASE = 5;
/** Share of the lease that its holder has, beyond its end, for the kernel to take the addresses away. */
const MARGIN = 0.25;

export interface LeaseTerms {
  /** Names of all configured nodes, this one included. */
  readonly peers: readonly string[];
  readonly leaseMs: number;
  /** How far a clock may run fast or slow, as a share: 0.01 for 1 %. */
  readonly clockDriftMax: number;
}

/** What a node says in each beacon; numbers count within one view. */
export interface Beacon {
  /** Number of the view that it was made in. */
  readonly view: number;
  readonly number: number;
  /** The last beacon of each member that the sender had delivered. */
  readonly heard: readonly { readonly member: string; readonly number: number }[];
}

/**
 * What this node may hold. A beacon that a quorum has answered proves that at the time it was *made* no other part of the
 * cluster had a quorum yet: so long after that time the lease lasts.
 */
export class Lease {
  /** Nothing under a lease may be here from then on. */
  end: MonoMs = Number.NEGATIVE_INFINITY;
  #view = 0;
  #sent: { readonly number: number; readonly at: MonoMs }[] = [];
  #last = 0;
  readonly #heard = new Map<string, number>();
  /** The last beacon of ours that each member has answered. */
  readonly #answered = new Map<string, number>();

  constructor(
    private readonly self: string,
    private readonly terms: LeaseTerms,
  ) {}

  get intervalMs(): number {
    return this.terms.leaseMs / BEACONS_A_LEASE;
  }

  /** What was said in an earlier view proves nothing in this one. */
  enter(view: number): void {
    this.#view = view;
    this.#sent = [];
    this.#last = 0;
    this.#heard.clear();
    this.#answered.clear();
  }

  beacon(at: MonoMs): Beacon {
    // One that nobody answered in the time of a lease proves nothing any more.
    this.#sent = this.#sent.filter((sent) => sent.at > at - this.terms.leaseMs);
    this.#sent.push({ number: ++this.#last, at });
    return {
      view: this.#view,
      number: this.#last,
      heard: [...this.#heard].map(([member, number]) => ({ member, number })),
    };
  }

  /** @returns true when the lease ends later now. */
  hear(from: string, { view, number, heard }: Beacon): boolean {
    if (view !== this.#view) return false; // It waited for a change of view, and is about the one before.
    this.#heard.set(from, number);
    const answered = from === this.self ? number : heard.find(({ member }) => member === this.self)?.number;
    if (answered === undefined || answered > this.#last) return false;
    this.#answered.set(from, answered);
    return this.#renew();
  }

  #renew(): boolean {
    const proven = this.#sent.findLastIndex(({ number }) => {
      const witnesses = [...this.#answered].filter(([, answered]) => answered >= number).map(([member]) => member);
      return isQuorate(witnesses, this.terms.peers);
    });
    const proof = this.#sent[proven];
    if (proof === undefined) return false;
    this.#sent = this.#sent.slice(proven + 1);
    this.end = Math.max(this.end, proof.at + this.terms.leaseMs);
    return true;
  }
}

/**
 * What this node may take. Whoever is outside of its view, and had a lease, had it from a quorum, and of that at least one
 * is in this view and has answered nobody outside since it parted from them. So all such leases are over one lease,
 * stretched by what two clocks can differ, after the last such parting, of this node or of any that it has met since.
 */
export class Fence {
  /** Until then somebody outside may have a lease. */
  until: MonoMs = Number.NEGATIVE_INFINITY;
  #longestMs: number;

  constructor(private readonly terms: LeaseTerms) {
    this.#longestMs = terms.leaseMs;
  }

  /** A view without some that were with this node before, or its first, when it does not know whom it was with. */
  parted(at: MonoMs): void {
    this.until = Math.max(this.until, at + this.#stretch(this.#longestMs) + MARGIN * this.#longestMs);
  }

  /** A member of this view has leases of that length, and this long, by its clock, until those it parted from are over. */
  met(leaseMs: number, leftMs: number, at: MonoMs): void {
    this.#longestMs = Math.max(this.#longestMs, leaseMs);
    this.until = Math.max(this.until, at + this.#stretch(leftMs));
  }

  leftMs(at: MonoMs): number {
    return Math.max(0, this.until - at);
  }

  /** Their clock may be slow by the whole drift, and ours fast: (1 + d) / (1 - d), a little over 1 + 2 d. */
  #stretch(ms: number): number {
    const { clockDriftMax } = this.terms;
    return (ms * (1 + clockDriftMax)) / (1 - clockDriftMax);
  }
}
