/** Virtual time: what is to happen, in the order of its time, and what is due at once in the order in which it was set. */
export interface Timer {
  readonly at: number;
  cancel(): void;
}

interface Due {
  readonly at: number;
  readonly number: number;
  run: (() => void) | null;
}

export class Schedule {
  #now = 0;
  #numbers = 0;
  /** A binary heap: no entry is due before its parent, which stands at half its index. */
  readonly #heap: Due[] = [];

  /** Milliseconds since the beginning of the run. */
  get now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): Timer {
    const due: Due = { at: Math.max(time, this.#now), number: this.#numbers++, run };
    this.#push(due);
    return { at: due.at, cancel: () => (due.run = null) };
  }

  after(ms: number, run: () => void): Timer {
    return this.at(this.#now + ms, run);
  }

  /** Runs what is due next. @returns false when nothing is due up to `end`, where the clock then stands. */
  step(end: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) {
        this.#now = Math.max(this.#now, end);
        return false;
      }
      this.#pop();
      if (next.run === null) continue;
      this.#now = next.at;
      next.run();
      return true;
    }
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.push(due) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || earlier(above, due)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      const [left, right] = [heap[2 * i + 1], heap[2 * i + 2]];
      const least = left !== undefined && right !== undefined && earlier(right, left) ? 2 * i + 2 : 2 * i + 1;
      const child = heap[least];
      if (child === undefined || earlier(last, child)) break;
      heap[i] = child;
      i = least;
    }
    heap[i] = last;
  }
}

function earlier(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.number < b.number);
}
