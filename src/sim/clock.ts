/** The clock of one host: monotonic, since an origin of its own, and never quite as fast as the time of the run. */
export class Clock {
  /** @param rate milliseconds of this clock in one of the run. */
  constructor(
    readonly rate = 1,
    readonly origin = 0,
  ) {}

  /** What it says at a time of the run. */
  at(time: number): number {
    return this.origin + time * this.rate;
  }

  /** When it will say so. */
  time(at: number): number {
    return (at - this.origin) / this.rate;
  }
}
