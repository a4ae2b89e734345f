/**
 * Who can reach whom, and how long it takes. Both group engines run over it. Contract: a cut is of one direction of one
 * pair, all others go on; a datagram may be lost, and overtake others; a connection loses and confuses nothing, what is
 * lost on its way is sent again by the kernel and comes later, with all that was behind it. A clogged direction delivers
 * everything, much later. (Datagrams that come twice are dropped by the shell, which counts them: no machine sees one.)
 */
import type { Random } from "./random.js";

export interface NetworkOptions {
  readonly delayMs: number;
  /** Up to this much on top, drawn anew for each packet. */
  readonly jitterMs: number;
  /** Probability that a datagram is lost. Connections repeat what is lost, and so only take longer. */
  readonly loss: number;
}

/** Linux's TCP_RTO_MIN. */
const RETRANSMIT_MS = 200;

export class Network {
  readonly #cuts = new Set<string>();
  readonly #clogs = new Map<string, number>();
  readonly #watchers: (() => void)[] = [];

  constructor(
    readonly options: NetworkOptions,
    private readonly random: Random,
  ) {}

  reaches(from: string, to: string): boolean {
    return !this.#cuts.has(`${from} ${to}`);
  }

  get whole(): boolean {
    return this.#cuts.size === 0 && this.#clogs.size === 0;
  }

  /** Nothing goes from any of the one to any of the others any more; `oneWay`: but still the other way round. */
  cut(from: readonly string[], to: readonly string[], oneWay: boolean): void {
    for (const a of from) {
      for (const b of to) {
        this.#cuts.add(`${a} ${b}`);
        if (!oneWay) this.#cuts.add(`${b} ${a}`);
      }
    }
    this.#tell();
  }

  /** What goes from the one to the other takes so much longer. */
  clog(from: string, to: string, ms: number): void {
    this.#clogs.set(`${from} ${to}`, ms);
  }

  heal(): void {
    this.#cuts.clear();
    this.#clogs.clear();
    this.#tell();
  }

  watch(changed: () => void): void {
    this.#watchers.push(changed);
  }

  delay(from = "", to = ""): number {
    const clog = this.#clogs.size === 0 ? 0 : (this.#clogs.get(`${from} ${to}`) ?? 0);
    return this.options.delayMs + this.random.unit() * (this.options.jitterMs + clog);
  }

  /** How much longer a segment takes that has to be sent again. */
  retransmission(): number {
    return this.loses() ? RETRANSMIT_MS : 0;
  }

  loses(): boolean {
    return this.options.loss > 0 && this.random.chance(this.options.loss);
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }
}
