/** One thing at a time about one address, in the order of the calls. */
export class Turns {
  /** What is under way; never rejects. */
  readonly #last = new Map<string, Promise<void>>();

  /**
   * @param step returns undefined when it is done already: thousands of addresses of which nothing has to be waited for cost no
   *   promise each. @returns undefined in that case, where nothing else was under way. Throws and rejects as `step` does.
   */
  take(key: string, step: () => Promise<void> | undefined): Promise<void> | undefined {
    const before = this.#last.get(key);
    const turn = before === undefined ? step() : before.then(step);
    if (turn === undefined) return undefined;
    const settled = turn.then(forget, forget);
    this.#last.set(key, settled);
    void settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    return turn;
  }
}

function forget(): void {}
