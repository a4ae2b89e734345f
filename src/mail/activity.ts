/** Which addresses the mail goes by: connections to each and messages from each, the last minutes counting most. */
import type { BusyAddresses } from "./types.js";

export class Activity {
  readonly #uses = new Map<string, number>();

  /** A connection came to the address, or a message left from it. */
  used(address: string): void {
    this.#uses.set(address, (this.#uses.get(address) ?? 0) + 1);
  }

  /** It is served here no more. */
  forget(address: string): void {
    this.#uses.delete(address);
  }

  /**
   * All earlier uses count half from here on. @returns those that were used most, at most `most` of them, the busiest level first.
   */
  take(most: number): BusyAddresses[] {
    const levels: string[][] = [];
    for (const [address, uses] of this.#uses) {
      (levels[Math.floor(Math.log2(uses))] ??= []).push(address);
      if (uses === 1) this.#uses.delete(address);
      else this.#uses.set(address, Math.floor(uses / 2));
    }
    const busy: BusyAddresses[] = [];
    let left = most;
    for (let level = levels.length - 1; level >= 0 && left > 0; level--) {
      const addresses = (levels[level] ?? []).slice(0, left);
      if (addresses.length > 0) busy.push({ level, addresses });
      left -= addresses.length;
    }
    return busy;
  }
}
