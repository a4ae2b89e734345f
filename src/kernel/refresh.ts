/** Which address is to be announced again when: each once a period, spread evenly over it. No clock of its own. */

/** Less often than this the ring is not worth a look: what falls due within it goes out together. */
const TICK_MS = 50;

/**
 * Walks round and round over the addresses. What could not go out in time, because more urgent announcements had the
 * budget or the process was stopped, is not made up for: the round takes longer.
 */
export class RefreshRing<Source> {
  readonly #sources = new Map<string, Source>();
  /** Lives on while addresses come and go; a fresh one for each look would pass over all that were deleted. */
  #cursor = this.#sources.entries();
  /** Addresses that may go out, with the fraction that is left from the last time. */
  #credit = 0;
  #creditAt = 0;

  /** @param periodMs 0: nothing is ever due. */
  constructor(private readonly periodMs: number) {}

  /** From now on, until it is deleted. `now` is in milliseconds, on one clock with `take`. */
  put(address: string, source: Source, now: number): void {
    if (this.periodMs === 0) return;
    if (this.#sources.size === 0) {
      this.#credit = 0;
      this.#creditAt = now;
    }
    this.#sources.set(address, source);
  }

  delete(address: string): void {
    this.#sources.delete(address);
  }

  clear(): void {
    this.#sources.clear();
  }

  /** Milliseconds until `take` is worth calling; Infinity when nothing will be due. */
  wait(now: number): number {
    if (this.#sources.size === 0) return Number.POSITIVE_INFINITY;
    return Math.max(TICK_MS, (1 - this.#credit) / this.#perMs) - (now - this.#creditAt);
  }

  /** What is due, by source. Each is due again a period later. */
  take(now: number): Map<Source, string[]> {
    const due = new Map<Source, string[]>();
    if (this.wait(now) > 0) return due;
    const most = 1 + 2 * TICK_MS * this.#perMs;
    this.#credit = Math.min(most, this.#credit + (now - this.#creditAt) * this.#perMs);
    this.#creditAt = now;
    for (; this.#credit >= 1; this.#credit--) {
      const [address, source] = this.#next();
      const group = due.get(source);
      if (group === undefined) due.set(source, [address]);
      else group.push(address);
    }
    return due;
  }

  get #perMs(): number {
    return this.#sources.size / this.periodMs;
  }

  #next(): [string, Source] {
    for (;;) {
      const { value, done } = this.#cursor.next();
      if (done !== true) return value;
      this.#cursor = this.#sources.entries();
    }
  }
}
