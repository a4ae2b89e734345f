/** One input at a time: what comes while one is carried out waits its turn, as in the shells of the daemon. */
export class Inbox<T> {
  #waiting: T[] = [];
  #busy = false;
  #stopped = false;

  constructor(private readonly handle: (item: T) => void) {}

  put(item: T): void {
    this.#waiting.push(item);
    this.#work();
  }

  /** From now on what comes waits. */
  stop(): void {
    this.#stopped = true;
  }

  /** @param late what becomes of the inputs that had to wait. */
  go(late: (item: T) => T): void {
    this.#stopped = false;
    this.#waiting = this.#waiting.map(late);
    this.#work();
  }

  #work(): void {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#stopped) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.handle(next);
    }
    this.#busy = false;
  }
}
