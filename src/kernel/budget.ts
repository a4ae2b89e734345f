/** Frames that this host may send to the LAN, so many a second (a token bucket). No clock of its own. */

/** Budget that may gather while there is nothing to send, so that a small failover is announced at once. */
const BURST_MS = 50;
/** Of one address: a request and a reply. */
const LEAST_BURST = 2;

export class Budget {
  /** As much as it ever holds. */
  readonly burst: number;
  #frames: number;
  #at: number;
  #reserved = 0;

  /** @param rate frames a second, at least 1. @param now in milliseconds, on one clock with the other calls. */
  constructor(
    private readonly rate: number,
    now: number,
  ) {
    this.burst = Math.max(LEAST_BURST, (rate * BURST_MS) / 1000);
    this.#frames = this.burst;
    this.#at = now;
  }

  /** Frames that may be sent; less than 0 after something that took more than there was. */
  left(now: number): number {
    this.#frames = Math.min(this.burst, this.#frames + ((now - this.#at) * this.rate) / 1000);
    this.#at = now;
    return this.#frames;
  }

  /** As `left`, for what can wait: nothing while something more urgent is short of budget. */
  spare(now: number): number {
    const left = this.left(now);
    return this.#reserved > 0 ? Math.min(0, left) : left;
  }

  spend(frames: number): void {
    this.#frames -= frames;
  }

  /** From now on until `free`, `spare` gives nothing away. */
  reserve(): void {
    this.#reserved++;
  }

  free(): void {
    this.#reserved--;
  }
}
