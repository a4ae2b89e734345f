/**
 * What is in hand in memory: things of a queue that somebody began to work on and whose first commit is still to come,
 * so that nobody begins twice. Kept by binding, because whoever asks the spool for due messages has to look past them.
 */
export class Claims {
  readonly #byBinding = new Map<string, Set<string>>();

  /** @returns false when it is in another hand; then nothing changed. */
  take(binding: string, item: string): boolean {
    const taken = this.#byBinding.get(binding);
    if (taken === undefined) {
      this.#byBinding.set(binding, new Set([item]));
      return true;
    }
    if (taken.has(item)) return false;
    taken.add(item);
    return true;
  }

  drop(binding: string, item: string): void {
    const taken = this.#byBinding.get(binding);
    if (taken?.delete(item) === true && taken.size === 0) this.#byBinding.delete(binding);
  }

  has(binding: string, item: string): boolean {
    return this.#byBinding.get(binding)?.has(item) === true;
  }

  count(binding: string): number {
    return this.#byBinding.get(binding)?.size ?? 0;
  }
}
