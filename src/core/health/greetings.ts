/** Whether the service of a node answers on its own VIPs of a Topology, from a few of them that it tries itself now and then. */
import type { MonoMs } from "../io.js";

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Outcome {
  readonly place: Place;
  /** What went wrong; null where it greeted, or said that it is too busy to. */
  readonly failure: string | null;
}

/** Tries in a row without any greeting, over so long at the least: a service that is busy greets late. */
const FAILURES = 4;
const FAILURES_MS = 5_000;
/** Places that are tried in one look: one that failed last time, and one whose turn it is. */
const TRIED_AT_ONCE = 2;
/** Places that are looked at for that. */
const SCANNED_AT_ONCE = 4096;
/** Where nothing is left to be tried, it is believed to be well after so long, and then for longer each time. */
export const SERVICE_LEAST_MS = 10_000;

export class Greetings {
  readonly #failed = new Map<string, Place>();
  #next = 0;
  /** Places in a row that this node does not serve now. */
  #passed = 0;
  #failures = 0;
  #since: MonoMs = 0;
  #lastAt: MonoMs = 0;
  #last: Outcome | null = null;

  /** @param places all that this node may serve in the Topology. */
  constructor(private readonly places: readonly Place[]) {}

  /** @param serves whether the address is with this node now. @returns what is to be tried. */
  turn(serves: (address: string) => boolean): Place[] {
    for (const [key, { address }] of this.#failed) if (!serves(address)) this.#failed.delete(key);
    const some = [...this.#failed.values()].slice(0, 1);
    const again = some[0];
    const most = Math.min(this.places.length, SCANNED_AT_ONCE);
    for (let seen = 0; seen < most && some.length < TRIED_AT_ONCE; seen++) {
      const place = this.places[this.#next];
      this.#next = (this.#next + 1) % this.places.length;
      if (place !== undefined && place !== again && serves(place.address)) some.push(place);
      this.#passed++;
    }
    if (some.length > 0) this.#passed = 0;
    else if (this.#passed >= this.places.length) this.#failures = 0;
    return some;
  }

  /** What came of one try. */
  tell(outcome: Outcome, at: MonoMs): void {
    const key = keyOf(outcome.place);
    this.#failed.delete(key);
    if (outcome.failure === null) {
      this.#failures = 0;
      return;
    }
    this.#failed.set(key, outcome.place); // Behind the others that failed: each has its turn.
    if (this.#failures === 0) this.#since = at;
    this.#failures++;
    this.#last = outcome;
    this.#lastAt = at;
  }

  /** In words that go behind the name of the node; null for nothing. */
  get trouble(): string | null {
    if (this.#last === null || this.#failures < FAILURES || this.#lastAt - this.#since < FAILURES_MS) return null;
    const { place, failure } = this.#last;
    return `does not greet on ${place.address} port ${place.port} (${failure})`;
  }
}

function keyOf({ address, port }: Place): string {
  return `${address} ${port}`;
}
