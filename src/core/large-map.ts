type Beginning = string | number;

const [DOT, COLON, ZERO] = [46, 58, 48];

/**
 * A map of as many texts as there may be addresses that never takes long to grow. A full Map is made anew at twice its size in
 * one go, which at a million entries blocks for some hundred milliseconds. This one, once it is large, has a small Map for each
 * beginning that its texts share: of an address, its network.
 *
 * Walked through in the order of insertion, where texts of one beginning come one after another, as sorted addresses do.
 */
export class LargeMap<V> implements ReadonlyMap<string, V> {
  #all = new Map<string, V>();
  /** Null while all are in one. */
  #parts: Map<Beginning, Map<string, V>> | null = null;
  #size = 0;

  /** @param beginning of a text, or what stands for it: there are neither too few of them nor too many. */
  constructor(private readonly beginning: (key: string) => Beginning = networkOf) {}

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#parts === null ? this.#all.get(key) : this.#mapOf(key)?.get(key);
  }

  has(key: string): boolean {
    return this.#mapOf(key)?.has(key) === true;
  }

  set(key: string, value: V): this {
    if (this.#parts === null && this.#size >= LARGE) this.#divide();
    const map = this.#mapOf(key) ?? this.#addPart(this.beginning(key));
    const before = map.size;
    map.set(key, value);
    this.#size += map.size - before;
    return this;
  }

  delete(key: string): boolean {
    const deleted = this.#mapOf(key)?.delete(key) === true;
    if (deleted) this.#size--;
    return deleted;
  }

  clear(): void {
    this.#all.clear();
    this.#parts = null;
    this.#size = 0;
  }

  entries(): MapIterator<[string, V]> {
    return this.#parts === null ? this.#all.entries() : inAll(this.#parts, (part) => part.entries());
  }

  keys(): MapIterator<string> {
    return this.#parts === null ? this.#all.keys() : inAll(this.#parts, (part) => part.keys());
  }

  values(): MapIterator<V> {
    return this.#parts === null ? this.#all.values() : inAll(this.#parts, (part) => part.values());
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(work: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) work(value, key, this);
  }

  #mapOf(key: string): Map<string, V> | undefined {
    return this.#parts === null ? this.#all : this.#parts.get(this.beginning(key));
  }

  #divide(): void {
    this.#parts = new Map();
    for (const [key, value] of this.#all) {
      const beginning = this.beginning(key);
      (this.#parts.get(beginning) ?? this.#addPart(beginning)).set(key, value);
    }
    this.#all = new Map();
  }

  #addPart(beginning: Beginning): Map<string, V> {
    const part = new Map<string, V>();
    this.#parts?.set(beginning, part);
    return part;
  }
}

function* inAll<P, T>(parts: ReadonlyMap<Beginning, P>, items: (part: P) => Iterable<T>): Generator<T, undefined> {
  for (const part of parts.values()) yield* items(part);
}

/** A Map of so many grows within a millisecond or two. */
const LARGE = 16_384;

/** All but the last number of an address; of IPv4 as a number, which is found sooner than a text. */
function networkOf(address: string): Beginning {
  let [network, octet] = [0, 0];
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === COLON) return address.slice(0, address.lastIndexOf(":"));
    if (code === DOT) [network, octet] = [network * 256 + octet, 0];
    else octet = octet * 10 + code - ZERO;
  }
  return network;
}

/** A set of such texts. */
export class LargeSet {
  readonly #map = new LargeMap<true>();

  get size(): number {
    return this.#map.size;
  }

  add(key: string): this {
    this.#map.set(key, true);
    return this;
  }

  delete(key: string): boolean {
    return this.#map.delete(key);
  }

  has(key: string): boolean {
    return this.#map.has(key);
  }

  [Symbol.iterator](): MapIterator<string> {
    return this.#map.keys();
  }
}
