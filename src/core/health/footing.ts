/**
 * What a host stands on in the network of a Topology: an address of its own on the interface, and routes for its replies. Hosts
 * differ in which of these they have, and rightly so (a /32 with a default route on the link, VIPs of another subnet, no address
 * at all). So only what this daemon has seen there before can be missing.
 */

/** What is there now. */
export interface Ground {
  /** The host's own on the interface, of the family of the Topology. */
  readonly addresses: readonly string[];
  /** Whether each way that was looked for is there: by its name, "to other nodes". What could not be looked for is not in it. */
  readonly ways: ReadonlyMap<string, boolean>;
}

/** Looks in a row in which something is missing: one may fall into the middle of a change. */
const MISSES = 2;

export class Footing {
  #last: readonly string[] = [];
  readonly #misses = new Map<string, number>();

  /** @returns what is wrong, in words that go behind the name of the node; null for nothing. */
  look({ addresses, ways }: Ground): string | null {
    const lost = this.#isMissing("address", addresses.length > 0);
    if (addresses.length > 0) this.#last = addresses;
    const cut = [...ways].filter(([way, there]) => this.#isMissing(way, there)).map(([way]) => way);
    if (lost) return `has lost its own address ${this.#last.join(" ")}`;
    return cut.length > 0 ? `has no route ${cut.join(" and ")} any more` : null;
  }

  #isMissing(what: string, there: boolean): boolean {
    const misses = this.#misses.get(what);
    if (there) this.#misses.set(what, 0);
    else if (misses !== undefined) this.#misses.set(what, misses + 1);
    return !there && misses !== undefined && misses + 1 >= MISSES;
  }
}
