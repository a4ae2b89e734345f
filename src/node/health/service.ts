/** Whether the mail service greets on this node's own VIPs of a Topology: a few of them are tried, time after time. */
import { Greetings, type Place, SERVICE_LEAST_MS } from "../../core/health/greetings.js";
import type { Sense } from "../../core/health/condition.js";
import { greet } from "./greet.js";

/** A thread that is busy with mail greets late. */
const GREETED_WITHIN_MS = 8_000;

export class ServiceWatch {
  readonly #greetings: Greetings;

  constructor(
    private readonly topology: string,
    places: readonly Place[],
    private readonly serves: (address: string) => boolean,
  ) {
    this.#greetings = new Greetings(places);
  }

  /** Ends when all that is tried has answered, or has had its time. */
  async look(): Promise<void> {
    const places = this.#greetings.turn(this.serves);
    await Promise.all(
      places.map(async (place) => {
        const failure = await greet(place, GREETED_WITHIN_MS);
        // It may have been given away meanwhile.
        if (failure === undefined || !this.serves(place.address)) return;
        this.#greetings.tell({ place, failure }, performance.now());
      }),
    );
  }

  get troubles(): Sense["troubles"] {
    const reason = this.#greetings.trouble;
    return reason === null ? [] : [{ topology: this.topology, reason, leastMs: SERVICE_LEAST_MS }];
  }
}
