/**
 * How many recipients wait for each (binding, domain), kept up to date by addition and subtraction so that asking costs
 * the number of pairs and never the length of the queue.
 *
 * What is due is known to the second: attempts of later seconds lie in `later`, and become active as the clock that
 * `list` is asked with passes them. That clock never goes back: if the wall clock steps back, attempts stay active.
 */
export interface Waiting {
  readonly domain: string;
  /** When the recipients are due; 0 while they are being delivered or moved, which counts as active. */
  readonly atMs: number;
  readonly recipients: number;
}

export interface QueueCount {
  readonly binding: string;
  readonly domain: string;
  readonly active: number;
  readonly delayed: number;
}

interface Pair {
  active: number;
  delayed: number;
}

export class QueueCounts {
  readonly #bindings = new Map<string, Map<string, Pair>>();
  readonly #later = new Map<number, Map<Pair, number>>();
  #second = 0;

  add(binding: string, rows: readonly Waiting[]): void {
    for (const row of rows) this.#change(binding, row, row.recipients);
  }

  subtract(binding: string, rows: readonly Waiting[]): void {
    for (const row of rows) this.#change(binding, row, -row.recipients);
  }

  bindings(): readonly string[] {
    return [...this.#bindings.keys()];
  }

  list(atMs: number): readonly QueueCount[] {
    this.#advance(Math.floor(atMs / 1000));
    const rows: QueueCount[] = [];
    for (const [binding, domains] of this.#bindings) {
      for (const [domain, pair] of domains) rows.push({ binding, domain, active: pair.active, delayed: pair.delayed });
    }
    return rows;
  }

  #change(binding: string, row: Waiting, by: number): void {
    const pair = this.#pair(binding, row.domain);
    const second = Math.floor(row.atMs / 1000);
    if (second <= this.#second) {
      pair.active += by;
    } else {
      pair.delayed += by;
      const pairs = this.#later.get(second) ?? new Map<Pair, number>();
      const left = (pairs.get(pair) ?? 0) + by;
      if (left === 0) pairs.delete(pair);
      else pairs.set(pair, left);
      if (pairs.size === 0) this.#later.delete(second);
      else this.#later.set(second, pairs);
    }
    if (pair.active + pair.delayed === 0) this.#forget(binding, row.domain);
  }

  #pair(binding: string, domain: string): Pair {
    const domains = this.#bindings.get(binding) ?? new Map<string, Pair>();
    this.#bindings.set(binding, domains);
    const pair = domains.get(domain) ?? { active: 0, delayed: 0 };
    domains.set(domain, pair);
    return pair;
  }

  #forget(binding: string, domain: string): void {
    const domains = this.#bindings.get(binding);
    domains?.delete(domain);
    if (domains?.size === 0) this.#bindings.delete(binding);
  }

  #advance(second: number): void {
    if (second <= this.#second) return;
    // Whichever is shorter: the seconds that passed, or the seconds that anything waits for.
    if (second - this.#second < this.#later.size) {
      for (let passed = this.#second + 1; passed <= second; passed++) this.#activate(passed);
    } else {
      for (const waited of this.#later.keys()) if (waited <= second) this.#activate(waited);
    }
    this.#second = second;
  }

  #activate(second: number): void {
    for (const [pair, recipients] of this.#later.get(second) ?? []) {
      pair.active += recipients;
      pair.delayed -= recipients;
    }
    this.#later.delete(second);
  }
}
