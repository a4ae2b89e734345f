/** The peers that are alive and refused, each for as long as attempts to connect go on being refused. */
import type { RefusalReason, RefusedPeer } from "./refused-peers.js";

/** A refusal that goes on is told again this often. */
const TELL_EVERY_MS = 60_000;

interface Refusal extends RefusedPeer {
  readonly until: number;
}

export class Refusals {
  readonly #refused = new Map<string, Refusal>();
  /** When each was last told; kept when the refusal has ended, or one that comes and goes would fill the log. */
  readonly #told = new Map<string, { readonly at: number; readonly reason: RefusalReason }>();

  /** @param lastsMs how long one refused attempt shows that a peer is there. */
  constructor(readonly lastsMs: number) {}

  /** When the next one ends; Infinity for never. */
  get deadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { until } of this.#refused.values()) earliest = Math.min(earliest, until);
    return earliest;
  }

  /** By name. */
  peers(): readonly RefusedPeer[] {
    const names = [...this.#refused.keys()].sort();
    return names.map((peer) => ({ peer, reason: this.#refused.get(peer)!.reason }));
  }

  /** @returns whether `peers` says something else now, and whether an operator should be told. */
  refuse(peer: string, reason: RefusalReason, now: number): { readonly changed: boolean; readonly tell: boolean } {
    const changed = this.#refused.get(peer)?.reason !== reason;
    this.#refused.set(peer, { peer, reason, until: now + this.lastsMs });
    const told = this.#told.get(peer);
    const tell = told === undefined || told.reason !== reason || now - told.at >= TELL_EVERY_MS;
    if (tell) this.#told.set(peer, { at: now, reason });
    return { changed, tell };
  }

  /** It is no longer refused. @returns whether it was. */
  end(peer: string): boolean {
    return this.#refused.delete(peer);
  }

  /** @returns whether one has ended by now. */
  pass(now: number): boolean {
    const over = [...this.#refused.values()].filter(({ until }) => now >= until);
    for (const { peer } of over) this.#refused.delete(peer);
    return over.length > 0;
  }
}
