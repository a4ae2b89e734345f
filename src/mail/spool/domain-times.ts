/**
 * When each domain of a binding has to be looked at next: a heap by time for each binding, with one entry a domain, so
 * that asking costs nothing for the domains that rest, however many they are and however much mail each has.
 *
 * An entry is a lower bound: mail may have left meanwhile, and whoever takes the domain finds that out. No domain has
 * mail that is due earlier than its entry, unless it was taken and has not been noted since.
 */
interface Entry {
  readonly domain: string;
  atMs: number;
  place: number;
}

export class DomainTimes {
  readonly #bindings = new Map<string, Heap>();

  /** The domain has mail with an attempt at this time. */
  note(binding: string, domain: string, atMs: number): void {
    const heap = this.#bindings.get(binding) ?? new Heap();
    this.#bindings.set(binding, heap);
    heap.lower(domain, atMs);
  }

  /** Takes up to `limit` domains whose time has come, earliest first: they have no entry until they are noted. */
  take(binding: string, atMs: number, limit: number): string[] {
    const heap = this.#bindings.get(binding);
    if (heap === undefined) return [];
    const taken: string[] = [];
    for (; taken.length < limit && heap.first <= atMs; taken.push(heap.pop()));
    if (heap.first === Infinity) this.#bindings.delete(binding);
    return taken;
  }

  /** The earliest time of any domain, or null. */
  next(binding: string): number | null {
    return this.#bindings.get(binding)?.first ?? null;
  }
}

/** A binary heap that knows the place of each domain, so that an earlier time replaces a later one. */
class Heap {
  readonly #entries: Entry[] = [];
  readonly #byDomain = new Map<string, Entry>();

  /** Infinity when there is none. */
  get first(): number {
    return this.#entries[0]?.atMs ?? Infinity;
  }

  lower(domain: string, atMs: number): void {
    const known = this.#byDomain.get(domain);
    if (known !== undefined) {
      if (atMs >= known.atMs) return;
      known.atMs = atMs;
      this.#rise(known);
      return;
    }
    const entry = { domain, atMs, place: this.#entries.length };
    this.#entries.push(entry);
    this.#byDomain.set(domain, entry);
    this.#rise(entry);
  }

  pop(): string {
    const [top] = this.#entries;
    const last = this.#entries.pop();
    if (top === undefined || last === undefined) return "";
    this.#byDomain.delete(top.domain);
    if (last !== top) {
      this.#put(last, 0);
      this.#sink(last);
    }
    return top.domain;
  }

  #rise(entry: Entry): void {
    for (;;) {
      const parent = this.#entries[(entry.place - 1) >> 1];
      if (entry.place === 0 || parent === undefined || parent.atMs <= entry.atMs) return;
      this.#swap(parent, entry);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#entries[2 * entry.place + 1];
      const right = this.#entries[2 * entry.place + 2];
      const child = right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (child === undefined || child.atMs >= entry.atMs) return;
      this.#swap(entry, child);
    }
  }

  #swap(upper: Entry, lower: Entry): void {
    const place = upper.place;
    this.#put(upper, lower.place);
    this.#put(lower, place);
  }

  #put(entry: Entry, place: number): void {
    entry.place = place;
    this.#entries[place] = entry;
  }
}
