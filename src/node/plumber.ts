/**
 * From addresses to the kernel: which interface carries each, in which mode, and who is told on the LAN. Knows the
 * Topology stanzas; decides nothing about ownership.
 */
import type { Config, Topology } from "../config/types.js";
import { topologyOf } from "../core/catalogue/catalogue.js";
import { HoldfastError } from "../errors.js";
import type { AnnounceSource, Kernel, Lifeline, Link, PlumbResult, PlumbTarget } from "../kernel/types.js";

export interface PlumbFailure {
  readonly address: string;
  readonly reason: string;
}

interface Place {
  readonly topology: Topology;
  readonly target: PlumbTarget;
  readonly source: AnnounceSource;
}

export class Plumber {
  private constructor(
    private readonly kernel: Kernel,
    private readonly config: Config,
    /** By block of the Topology. */
    private readonly places: ReadonlyMap<string, Place>,
    private readonly lifeline: Lifeline | null,
  ) {}

  /**
   * Looks up the interfaces and opens the lifeline where a Topology asks for one.
   * @throws ERR_LINK_UNKNOWN with the interfaces that there are; ERR_LIFELINE.
   */
  static async open(kernel: Kernel, config: Config, lifelineName: string): Promise<Plumber> {
    const links = await kernel.links();
    const wanted = config.topologies.map((topology) => ({ topology, link: linkOf(links, topology) }));
    const lifeline = config.topologies.some((topology) => topology.lifeline)
      ? await kernel.openLifeline(lifelineName)
      : null;
    const places = new Map(
      wanted.map(({ topology, link }) => {
        const ifindex = topology.lifeline && lifeline !== null ? lifeline.ifindex : link.index;
        const target = { ifindex, plumbing: topology.plumbing, prefix: topology.cidrmask };
        return [topology.block, { topology, target, source: { link, rounds: config.cluster.arpRepeat } }];
      }),
    );
    return new Plumber(kernel, config, places, lifeline);
  }

  /** @returns those that the kernel did not take, with its words; the others are plumbed. */
  async plumb(addresses: readonly string[]): Promise<PlumbFailure[]> {
    return this.#inPlaces(addresses, (some, { target }) => this.kernel.add(some, target));
  }

  /** @returns those that are still there, with the kernel's words. */
  async unplumb(addresses: readonly string[]): Promise<PlumbFailure[]> {
    this.kernel.cancelAnnounce(addresses);
    return this.#inPlaces(addresses, (some, { target }) => this.kernel.remove(some, target));
  }

  announce(addresses: readonly string[]): void {
    for (const [place, some] of this.#byPlace(addresses)) this.kernel.announce(some, place.source);
  }

  /** Takes away everything that sits on the lifeline. */
  close(): void {
    this.lifeline?.close();
  }

  async #inPlaces(
    addresses: readonly string[],
    change: (some: readonly string[], place: Place) => Promise<PlumbResult>,
  ): Promise<PlumbFailure[]> {
    const batches = [...this.#byPlace(addresses)].map(async ([place, some]) => {
      const { statuses, texts } = await change(some, place);
      return some.flatMap((address, i) => {
        const status = statuses[i] ?? 0;
        return status === 0 ? [] : [{ address, reason: texts.get(status) ?? `errno ${-status}` }];
      });
    });
    return (await Promise.all(batches)).flat();
  }

  #byPlace(addresses: readonly string[]): Map<Place, string[]> {
    const groups = new Map<Place, string[]>();
    for (const address of addresses) {
      const place = this.places.get(topologyOf(this.config.topologies, address)?.block ?? "");
      if (place === undefined) continue; // The configuration refuses a VIP outside every Topology.
      const group = groups.get(place);
      if (group === undefined) groups.set(place, [address]);
      else group.push(address);
    }
    return groups;
  }
}

function linkOf(links: readonly Link[], { interface: name, at }: Topology): Link {
  const link = links.find((candidate) => candidate.name === name || candidate.altnames.includes(name));
  if (link !== undefined) return link;
  const there = links.map((candidate) => candidate.name).join(", ");
  throw new HoldfastError(
    "ERR_LINK_UNKNOWN",
    `${at.file}:${at.line}:${at.column}: this host has no interface "${name}"; it has ${there}`,
    { interface: name },
  );
}
