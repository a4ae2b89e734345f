/** Which address is to be announced again when: each once a period, spread evenly over it. No clock of its own. */

import { SlotTable } from "./slot-table.js";

/** Less often than this the ring is not worth a look: what falls due within it goes out together. */
const TICK_MS = 50;

/**
 * Walks round and round over the slots of addresses (address-slots.ts). What could not go out in time, because more urgent
 * announcements had the budget or the process was stopped, is not made up for: the round takes longer.
 */
export class RefreshRing<Source> {
  readonly #sources = new SlotTable<Source>();
  #size = 0;
  #cursor = 0;
  /** Addresses that may go out, with the fraction that is left from the last time. */
  #credit = 0;
  #creditAt = 0;

  /** @param periodMs 0: nothing is ever due. */
  constructor(private readonly periodMs: number) {}

  /** From now on, until it is deleted. `now` is in milliseconds, on one clock with `take`. */
  put(slot: number, source: Source, now: number): void {
    if (this.periodMs === 0) return;
    if (this.#size === 0) {
      this.#credit = 0;
      this.#creditAt = now;
    }
    if (this.#sources.get(slot) === null) this.#size++;
    this.#sources.set(slot, source);
  }

  delete(slot: number): void {
    if (this.#sources.get(slot) === null) return;
    this.#sources.set(slot, null);
    this.#size--;
  }

  clear(): void {
    this.#sources.clear();
    this.#size = 0;
  }

  /** Milliseconds until `take` is worth calling; Infinity when nothing will be due. */
  wait(now: number): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return Math.max(TICK_MS, (1 - this.#credit) / this.#perMs) - (now - this.#creditAt);
  }

  /** Slots that are due, by source. Each is due again a period later. */
  take(now: number): Map<Source, number[]> {
    const due = new Map<Source, number[]>();
    if (this.wait(now) > 0) return due;
    const most = 1 + 2 * TICK_MS * this.#perMs;
    this.#credit = Math.min(most, this.#credit + (now - this.#creditAt) * this.#perMs);
    this.#creditAt = now;
    for (; this.#credit >= 1; this.#credit--) {
      const [slot, source] = this.#next();
      const group = due.get(source);
      if (group === undefined) due.set(source, [slot]);
      else group.push(slot);
    }
    return due;
  }

  get #perMs(): number {
    return this.#size / this.periodMs;
  }

  /** While there is one. */
  #next(): [number, Source] {
    for (;;) {
      if (this.#cursor >= this.#sources.length) this.#cursor = 0;
      const slot = this.#cursor++;
      const source = this.#sources.get(slot);
      if (source !== null) return [slot, source];
    }
  }
}
