/** The host's own addresses on the interfaces of Topologies: all that the cluster does not manage. */
import { isIPv6 } from "node:net";
import type { Kernel } from "../../kernel/types.js";

/** Where an interface has more addresses than this, it is looked at less often: a dump takes time. */
const MANY = 2_048;
const MANY_EVERY_MS = 10_000;
const LINK_LOCAL = /^fe[89ab]/;

interface Known {
  readonly addresses: readonly string[];
  readonly goodUntil: number;
}

export class OwnAddresses {
  readonly #known = new Map<number, Known>();

  /** @param isManaged whether an address is one of the cluster's. */
  constructor(
    private readonly kernel: Pick<Kernel, "addresses" | "protocol">,
    private readonly isManaged: (address: string) => boolean,
  ) {}

  /** Those of one family on an interface; global ones before those of the link. @throws what `Kernel.addresses` throws. */
  async on(ifindex: number, family: 4 | 6, now: number): Promise<readonly string[]> {
    const known = this.#known.get(ifindex);
    const { addresses } = known !== undefined && now < known.goodUntil ? known : await this.#look(ifindex, now);
    return addresses.filter((address) => isIPv6(address) === (family === 6));
  }

  async #look(ifindex: number, now: number): Promise<Known> {
    const found = await this.kernel.addresses({ ifindex, plumbing: "address" });
    const own = new Set<string>();
    for await (const some of found.slices())
      for (const { address, protocol } of some)
        if (protocol !== this.kernel.protocol && !this.isManaged(address)) own.add(address);
    const isGlobal = (address: string) => !LINK_LOCAL.test(address);
    const addresses = [...[...own].filter(isGlobal), ...[...own].filter((address) => !isGlobal(address))];
    const known = { addresses, goodUntil: found.length > MANY ? now + MANY_EVERY_MS : now };
    this.#known.set(ifindex, known);
    return known;
  }
}

/** What the routes of a host are looked up for: those of the link need no route, and lead nowhere. */
export function withoutLinkLocal(addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => !LINK_LOCAL.test(address));
}
