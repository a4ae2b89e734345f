/**
 * The clocks of one host. Contract: the monotonic one goes on at the host's own rate, which is within `drift` of true time
 * and can change; it never goes back, and says nothing of other hosts' clocks. The wall clock may jump by any amount;
 * only the number of a daemon's run (its incarnation) is taken from it. A timer goes off at the true time at which the
 * clock was to show its deadline when it was set: early or late if the rate changed since, as a core has to bear.
 */
import type { Schedule } from "./schedule.js";

const LATE_MS = 0.001;

export interface ClockStart {
  /** Milliseconds of this clock in one of true time. */
  readonly rate: number;
  /** What the monotonic clock shows at the beginning: time since some boot. */
  readonly originMs: number;
}

export class Clock {
  #since = 0;
  #base: number;
  #rate: number;
  /** Added to true time. */
  #wallMs: number;
  /** The furthest from true time that it ever ran. */
  worstDrift: number;

  constructor(
    private readonly schedule: Schedule,
    { rate, originMs }: ClockStart,
    wallMs: number,
  ) {
    this.#base = originMs;
    this.#rate = rate;
    this.worstDrift = Math.abs(rate - 1);
    this.#wallMs = wallMs;
  }

  /** Monotonic. */
  get now(): number {
    return this.#base + (this.schedule.now - this.#since) * this.#rate;
  }

  get wall(): number {
    return this.#wallMs + this.schedule.now;
  }

  /** True time at which a timer for `local` goes off: a little later, as timers do. */
  trueTimeOf(local: number): number {
    return this.#since + (local - this.#base) / this.#rate + LATE_MS;
  }

  runAt(rate: number): void {
    this.#base = this.now;
    this.#since = this.schedule.now;
    this.#rate = rate;
    this.worstDrift = Math.max(this.worstDrift, Math.abs(rate - 1));
  }

  jump(ms: number): void {
    this.#wallMs += ms;
  }
}
