/** What many seeds gave together. */
import { BRANCHES } from "../../sim/branches.js";
import { Counts } from "../../sim/counts.js";
import { FAULTS } from "../../sim/faults.js";
import type { SimulationRequest, SimulationResult } from "../../sim/simulate.js";

/** Of one measure over all addresses of all seeds; the worst with the seed that had it. */
export interface Spread {
  readonly median: number;
  readonly worst: number;
  readonly worstSeed: number;
  readonly worstAddress: string;
}

/** Plain data: what `--json` prints. Times are in milliseconds. */
export interface Summary {
  readonly nodes: number;
  readonly vips: number;
  readonly engine: string;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly seedsAMinute: number;
  readonly virtualMs: number;
  readonly elapsedMs: number;
  readonly longestGapMs: Spread;
  readonly overlapMs: Spread;
  readonly moves: Spread;
  readonly healedMs: Spread;
  readonly faults: Readonly<Record<string, number>>;
  readonly branches: Readonly<Record<string, number>>;
}

export class Tally {
  seeds = 0;
  readonly #startedAt = performance.now();
  #virtualMs = 0;
  readonly #gap = new Sample();
  readonly #overlap = new Sample();
  readonly #moves = new Sample();
  readonly #healed = new Sample();
  readonly #faults = new Counts(FAULTS);
  readonly #branches = new Counts(BRANCHES);

  constructor(
    private readonly request: Omit<SimulationRequest, "seed">,
    private readonly firstSeed: number,
  ) {}

  get seedsAMinute(): number {
    return (this.seeds / (performance.now() - this.#startedAt)) * 60_000;
  }

  add({ seed, tookMs, healedMs, addresses, faults, branches }: SimulationResult): void {
    this.seeds++;
    this.#virtualMs += tookMs;
    this.#healed.add(healedMs, seed, "");
    for (const { address, longestGapMs, overlapMs, moves } of addresses) {
      this.#gap.add(longestGapMs, seed, address);
      this.#overlap.add(overlapMs, seed, address);
      this.#moves.add(moves, seed, address);
    }
    this.#faults.addAll(faults);
    this.#branches.addAll(branches);
  }

  summary(): Summary {
    const { nodes, vips, engine = "model" } = this.request;
    return {
      nodes,
      vips,
      engine,
      firstSeed: this.firstSeed,
      seeds: this.seeds,
      seedsAMinute: Math.round(this.seedsAMinute),
      virtualMs: Math.round(this.#virtualMs),
      elapsedMs: Math.round(performance.now() - this.#startedAt),
      longestGapMs: this.#gap.spread(),
      overlapMs: this.#overlap.spread(),
      moves: this.#moves.spread(),
      healedMs: this.#healed.spread(),
      faults: this.#faults.toJSON(),
      branches: this.#branches.toJSON(),
    };
  }
}

/** Two significant digits are enough for a median: values are counted in steps of 5 %, however many there are. */
const STEP = Math.log(1.05);

class Sample {
  readonly #steps = new Map<number, number>();
  #count = 0;
  #worst = { worst: 0, worstSeed: 0, worstAddress: "" };

  add(value: number, seed: number, address: string): void {
    const step = value <= 0 ? Number.NEGATIVE_INFINITY : Math.round(Math.log(value) / STEP);
    this.#steps.set(step, (this.#steps.get(step) ?? 0) + 1);
    this.#count++;
    if (value > this.#worst.worst) this.#worst = { worst: value, worstSeed: seed, worstAddress: address };
  }

  spread(): Spread {
    let left = this.#count / 2;
    let median = 0;
    for (const [step, count] of [...this.#steps].sort(([a], [b]) => a - b)) {
      median = Math.exp(step * STEP);
      left -= count;
      if (left <= 0) break;
    }
    return { median, ...this.#worst };
  }
}
