/** How often each of some named things happened; those that never did stand there with 0. */
export class Counts<T extends string> {
  readonly #counts: Map<T, number>;

  constructor(names: readonly T[]) {
    this.#counts = new Map(names.map((name) => [name, 0]));
  }

  add(name: T, times = 1): void {
    this.#counts.set(name, this.of(name) + times);
  }

  addAll(other: Counts<T>): void {
    for (const [name, times] of other.#counts) this.add(name, times);
  }

  of(name: T): number {
    return this.#counts.get(name) ?? 0;
  }

  /** In the order of the names. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
