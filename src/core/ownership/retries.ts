/** When a node that could not plumb units offers itself again: after a second, then twice as long each time. */
import type { MonoMs } from "../io.js";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

interface Retry {
  failures: number;
  /** Infinity while it is being tried. */
  at: MonoMs;
}

export class Retries {
  readonly #retries = new Map<string, Retry>();

  constructor(private readonly longestWaitMs = LONGEST_WAIT_MS) {}

  get deadline(): MonoMs {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#retries.values()) earliest = Math.min(earliest, at);
    return earliest;
  }

  has(lead: string): boolean {
    return this.#retries.has(lead);
  }

  refused(leads: readonly string[], at: MonoMs): void {
    for (const lead of leads) {
      const failures = (this.#retries.get(lead)?.failures ?? 0) + 1;
      const wait = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), this.longestWaitMs);
      this.#retries.set(lead, { failures, at: at + wait });
    }
  }

  /** What was in the way may be gone: all that waits is due. */
  hurry(at: MonoMs): void {
    for (const retry of this.#retries.values())
      if (retry.at !== Number.POSITIVE_INFINITY) retry.at = Math.min(retry.at, at);
  }

  /**
   * @param isObstructed what would fail again for a reason that this node knows: looked at again a second later.
   * @returns units whose wait is over. Their failures are remembered until they are had.
   */
  due(at: MonoMs, isObstructed: (lead: string) => boolean = () => false): string[] {
    const due: string[] = [];
    for (const [lead, retry] of this.#retries) {
      if (retry.at > at) continue;
      if (isObstructed(lead)) {
        retry.at = at + FIRST_WAIT_MS;
        continue;
      }
      retry.at = Number.POSITIVE_INFINITY;
      due.push(lead);
    }
    return due;
  }

  succeeded(leads: readonly string[]): void {
    for (const lead of leads) this.#retries.delete(lead);
  }
}
