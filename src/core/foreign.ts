/** What members have said of managed addresses that stand in their kernels, and not from the cluster. Told once, by
 * change. */
import type { ForeignGroup, ForeignPlace } from "./wire/foreign.js";

export interface ForeignCopy extends ForeignPlace {
  readonly node: string;
}

/** What one message of a member changed. */
export interface ForeignChange {
  /** Stand there now and did not, or not so. */
  readonly came: readonly ForeignGroup[];
  readonly gone: readonly string[];
}

type Places = ReadonlyMap<string, ForeignPlace>;

const NONE: Places = new Map();

export class ForeignAddresses {
  readonly #of = new Map<string, Places>();

  /** @param groups all that the member has, each address once. */
  hear(member: string, groups: readonly ForeignGroup[]): ForeignChange {
    const before = this.#of.get(member) ?? NONE;
    const now = new Map<string, ForeignPlace>();
    const came: ForeignGroup[] = [];
    for (const { where, stays, addresses } of groups) {
      const place = { where, stays };
      const isNew = (address: string) => {
        const known = before.get(address);
        return known === undefined || known.where !== where || known.stays !== stays;
      };
      for (const address of addresses) now.set(address, place);
      const some = addresses.filter(isNew);
      if (some.length > 0) came.push({ ...place, addresses: some });
    }
    const gone = [...before.keys()].filter((address) => !now.has(address));
    if (now.size === 0) this.#of.delete(member);
    else this.#of.set(member, now);
    return { came, gone };
  }

  /** A new view: who did not come along says it again. */
  keep(stayed: readonly string[]): void {
    for (const member of this.#of.keys()) if (!stayed.includes(member)) this.#of.delete(member);
  }

  of(member: string, address: string): ForeignPlace | undefined {
    return this.#of.get(member)?.get(address);
  }

  /** What stands in a member's kernel of these addresses, and stays there, in words; null where nothing does. */
  obstacleAt(member: string, addresses: readonly string[]): string | null {
    for (const address of addresses) {
      const place = this.of(member, address);
      if (place !== undefined && place.stays !== "")
        return `${address} already, not from the cluster: ${inWords(place)}`;
    }
    return null;
  }

  /** How many addresses a member has so. */
  count(member: string): number {
    return this.#of.get(member)?.size ?? 0;
  }

  /** Every member that has the address so. */
  copiesOf(address: string): ForeignCopy[] {
    return [...this.#of].flatMap(([node, places]) => {
      const place = places.get(address);
      return place === undefined ? [] : [{ node, ...place }];
    });
  }
}

/** "on eth1, and is removed", "on eth1, where it is the source of a route". */
export function inWords({ where, stays }: ForeignPlace): string {
  return stays === "" ? `on ${where}, and is removed` : `on ${where}, where it is ${stays}`;
}
