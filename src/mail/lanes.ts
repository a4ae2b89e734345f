/**
 * The domains of one binding that have mail to start, in two rings: those of which nothing is being delivered, and
 * those of which something is. Each turn starts one message of one domain, which then goes to the end of its ring, so
 * no domain waits for another one's queue.
 */
import type { MessageId } from "./spool/types.js";

export class Lane {
  /** Messages in delivery. */
  readonly claims = new Set<MessageId>();
  /** Due messages that were read ahead, next one first; some may have gone meanwhile. */
  found: MessageId[] = [];

  constructor(
    readonly binding: string,
    readonly domain: string,
  ) {}
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #idle = new Set<Lane>();
  readonly #busy = new Set<Lane>();

  constructor(readonly binding: string) {}

  get size(): number {
    return this.#lanes.size;
  }

  /** Mail of the domain may be due. */
  ready(domain: string): void {
    const lane = this.#lanes.get(domain) ?? new Lane(this.binding, domain);
    this.#lanes.set(domain, lane);
    this.line(lane);
  }

  /** To the end of the ring that the lane belongs to now, unless it is in it. */
  line(lane: Lane): void {
    const [own, other] = lane.claims.size === 0 ? [this.#idle, this.#busy] : [this.#busy, this.#idle];
    other.delete(lane);
    own.add(lane);
  }

  hasIdle(): boolean {
    return this.#idle.size > 0;
  }

  hasBusy(): boolean {
    return this.#busy.size > 0;
  }

  takeIdle(): Lane | null {
    return first(this.#idle);
  }

  takeBusy(): Lane | null {
    return first(this.#busy);
  }

  /** Nothing of the lane is due; it is kept while something of it is being delivered. */
  rest(lane: Lane): void {
    if (lane.claims.size === 0) this.#lanes.delete(lane.domain);
  }
}

function first(ring: Set<Lane>): Lane | null {
  for (const lane of ring) {
    ring.delete(lane);
    return lane;
  }
  return null;
}
