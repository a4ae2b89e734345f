/**
 * When pins end that were made for a time. Each node keeps that by its own clock, so that whoever leads then can say it:
 * the table itself knows of no time.
 */
import type { MonoMs } from "../io.js";
import { SLICE, type Slices } from "../slices.js";
import type { Claim } from "../wire/claims.js";

/** The leader's word may have been lost to a change of view: it is said again. */
const AGAIN_MS = 1_000;

export class PinEnds {
  readonly #ends = new Map<string, MonoMs>();
  /** The first of all. */
  #next = Number.POSITIVE_INFINITY;

  get deadline(): MonoMs {
    return this.#next;
  }

  /** @param forMs 0: without an end. */
  pinned(lead: string, forMs: number, at: MonoMs): void {
    if (forMs > 0) this.#ends.set(lead, at + forMs);
    else this.#ends.delete(lead);
    this.#findNext();
  }

  unpinned(leads: readonly string[]): void {
    for (const lead of leads) this.#ends.delete(lead);
    this.#findNext();
  }

  /** The table was made of these claims, and so were its pins. @param leadOf which unit an address is in. */
  *settle(
    claims: Iterable<readonly Claim[]>,
    leadOf: (address: string) => string | undefined,
    at: MonoMs,
  ): Slices<void> {
    let seen = 0;
    this.#ends.clear();
    for (const all of claims) {
      for (const { address, pinnedMs } of all) {
        if (++seen % SLICE === 0) yield;
        const lead = pinnedMs > 0 ? leadOf(address) : undefined;
        if (lead !== undefined) this.#ends.set(lead, at + pinnedMs);
      }
    }
    this.#findNext();
  }

  /** Milliseconds, at least one; 0 for a pin without an end, and for none. */
  leftMs(lead: string, at: MonoMs): number {
    const end = this.#ends.get(lead);
    return end === undefined ? 0 : Math.max(1, Math.ceil(end - at));
  }

  /** @returns units whose pin is over. */
  due(at: MonoMs): string[] {
    if (at < this.#next) return [];
    const due = [...this.#ends].filter(([, end]) => end <= at).map(([lead]) => lead);
    for (const lead of due) this.#ends.set(lead, at + AGAIN_MS);
    this.#findNext();
    return due;
  }

  #findNext(): void {
    this.#next = Number.POSITIVE_INFINITY;
    for (const end of this.#ends.values()) this.#next = Math.min(this.#next, end);
  }
}
