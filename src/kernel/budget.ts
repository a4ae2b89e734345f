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

  spend(frames: number): void {
    this.#frames -= frames;
  }
}
