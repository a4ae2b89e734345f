/** Who can reach whom, and how long it takes. Both group engines run over it. */
import type { Random } from "./random.js";

export interface NetworkOptions {
  readonly delayMs: number;
  /** Up to this much on top, drawn anew for each packet. */
  readonly jitterMs: number;
  /** Probability that a datagram is lost. Connections repeat what is lost, and so only take longer. */
  readonly loss: number;
}

export class Network {
  readonly #cuts = new Set<string>();
  readonly #watchers: (() => void)[] = [];

  constructor(
    readonly options: NetworkOptions,
    private readonly random: Random,
  ) {}

  reaches(from: string, to: string): boolean {
    return !this.#cuts.has(`${from} ${to}`);
  }

  get whole(): boolean {
    return this.#cuts.size === 0;
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

  heal(): void {
    this.#cuts.clear();
    this.#tell();
  }

  watch(changed: () => void): void {
    this.#watchers.push(changed);
  }

  delay(): number {
    return this.options.delayMs + this.random.unit() * this.options.jitterMs;
  }

  loses(): boolean {
    return this.options.loss > 0 && this.random.chance(this.options.loss);
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }
}
