/**
 * Whose an address is that stands in the kernel and does not carry our tag: the rule that keeps a host its own. Pure;
 * what it judges by comes from one dump of addresses and one of their uses.
 */
import type { VipPlace } from "./orphans.js";
import type { AddressUse, FoundAddress } from "./types.js";

/** Protocols of routes that a person makes (linux/rtnetlink.h): `ip route add`, and with "proto static". */
const BY_HAND = new Set([3, 4]);

/** What counts of a host beside the address in question. */
export class Surroundings {
  /** By interface and family: addresses that are not in doubt themselves. */
  readonly #own = new Map<string, number>();
  readonly #uses = new Map<string, AddressUse>();

  constructor(
    private readonly places: ReadonlyMap<string, VipPlace>,
    uses: readonly AddressUse[],
  ) {
    for (const use of uses) {
      // A route says more than a socket: it goes with the address.
      if (use.kind === "route" || !this.#uses.has(use.address)) this.#uses.set(use.address, use);
    }
  }

  /**
   * @param some of every address of the host.
   * @param isInDoubt ours, or an address that the cluster manages: an interface that has only such ones has none of its
   * own.
   */
  count(some: Iterable<FoundAddress>, isInDoubt: (one: FoundAddress) => boolean): void {
    for (const one of some) {
      if (one.plumbing !== "address" || isLinkLocal(one.address) || isInDoubt(one)) continue;
      const key = keyOf(one);
      this.#own.set(key, (this.#own.get(key) ?? 0) + 1);
    }
  }

  /** What stands on an address: routes of any table that have it as their source, sockets of other programs. */
  useOf(address: string): string | null {
    const use = this.#uses.get(address);
    if (use === undefined) return null;
    if (use.kind === "route") return `the source of ${use.isDefault ? "the default route" : "a route"}`;
    return `in use by another program (${use.protocol} port ${use.port})`;
  }

  isSole(one: FoundAddress): boolean {
    return one.plumbing === "address" && !this.#own.has(keyOf(one));
  }

  /**
   * Why an address without our tag must stay, in words that go on from "it is"; null where it may be removed: put by
   * hand where an alias of ours would stand, on an interface that has an address of its own, and of use to nobody else.
   */
  whyItStays(one: FoundAddress): string | null {
    const place = this.places.get(one.address);
    if (place === undefined) return "not configured here, so it is left alone";
    const use = this.useOf(one.address);
    if (use !== null) return use;
    if (one.plumbing === "route") {
      if (!BY_HAND.has(one.protocol)) return `another program's local route (protocol ${one.protocol})`;
      return one.ifindex === place.ifindex ? null : "a local route by another interface than its Topology's";
    }
    if (one.protocol !== 0) return `another program's (protocol ${one.protocol})`;
    if (one.ifindex !== place.ifindex) return "on another interface than its Topology's";
    if (this.isSole(one)) return "the only address of that interface";
    return one.alias ? null : "an address of the interface, and no alias (it has a lifetime, a peer or a network)";
  }
}

function keyOf({ ifindex, address }: FoundAddress): string {
  return `${ifindex} ${address.includes(":") ? 6 : 4}`;
}

/** Every interface with IPv6 has one. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/.test(address) && address.includes(":");
}
