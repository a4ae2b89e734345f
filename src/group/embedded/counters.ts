/** What happened, for the console and the metrics. Every counter starts at 0 and only rises. */
const ZEROS = {
  bytesIn: 0,
  bytesOut: 0,
  dialsFailed: 0,
  framesIn: 0,
  framesOut: 0,
  heartbeatsIn: 0,
  heartbeatsOut: 0,
  heartbeatsRefused: 0,
  messagesDelivered: 0,
  messagesMulticast: 0,
  peersLost: 0,
  /** Connections refused, by reason: one source had too many, no TLS with our key, no hello in time, a wrong hello. */
  refusedCrowd: 0,
  refusedHandshake: 0,
  refusedHello: 0,
  refusedTimeout: 0,
  stalls: 0,
  views: 0,
};

export type Counter = keyof typeof ZEROS;

export class Counters {
  readonly #counts: Record<Counter, number> = { ...ZEROS };

  add(counter: Counter, by = 1): void {
    this.#counts[counter] += by;
  }

  all(): Readonly<Record<Counter, number>> {
    return { ...this.#counts };
  }
}
