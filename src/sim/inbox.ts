/** One input at a time: what comes while one is carried out waits its turn, as in the shells of the daemon. */
export class Inbox<T> {
  readonly #waiting: T[] = [];
  #busy = false;

  constructor(private readonly handle: (item: T) => void) {}

  put(item: T): void {
    this.#waiting.push(item);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.handle(next);
    this.#busy = false;
  }
}
