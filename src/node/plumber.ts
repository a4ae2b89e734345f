/**
 * From addresses to the kernel: which interface carries each, in which mode, and who is told on the LAN. Knows the
 * Topology stanzas; decides nothing about ownership.
 */
import { constants } from "node:os";
import type { Config, Topology } from "../config/types.js";
import { topologyFinder } from "../core/catalogue/catalogue.js";
import { HoldfastError } from "../errors.js";
import type { VipPlace } from "../kernel/index.js";
import type {
  AnnounceSource,
  Host,
  Kernel,
  Lan,
  Lifeline,
  Link,
  PlumbResult,
  PlumbTarget,
  Sighting,
} from "../kernel/types.js";

export interface PlumbFailure {
  readonly address: string;
  readonly reason: string;
  /** An address that stands there and is not ours: it was not touched, and never will be. */
  readonly foreign: boolean;
}

/** What `Kernel.add` and `Kernel.remove` answer for the host's own addresses and other programs'. */
const FOREIGN = new Set<number>([constants.errno.EEXIST, constants.errno.EPERM]);

/** A Linux neighbour that has just taken the rival's word takes none of ours within a second (arp_process() in net/ipv4/arp.c). */
const DEFENCE_ROUNDS = 2;

interface Place {
  readonly topology: Topology;
  readonly target: PlumbTarget & VipPlace;
  source: AnnounceSource;
}

export class Plumber {
  #lifeline: Lifeline | null = null;
  /** By interface. */
  readonly #lans = new Map<number, Lan>();
  readonly #topologyOf: (address: string) => Topology | undefined;

  private constructor(
    private readonly kernel: Kernel,
    private readonly config: Config,
    /** By block of the Topology. */
    private readonly places: ReadonlyMap<string, Place>,
  ) {
    this.#topologyOf = topologyFinder(config.topologies);
  }

  /** Looks up the interfaces, and touches none. @throws ERR_LINK_UNKNOWN with the interfaces that there are. */
  static async open(kernel: Kernel, config: Config): Promise<Plumber> {
    const links = await kernel.links();
    const places = config.topologies.map((topology): [string, Place] => {
      const link = linkOf(links, topology);
      const { plumbing, cidrmask: prefix, dad, sourceHygiene } = topology;
      const target = { ifindex: link.index, plumbing, prefix, dad, sourceHygiene };
      const source = { link, rounds: config.cluster.arpRepeat, allHosts: config.cluster.arpAllHosts };
      return [topology.block, { topology, target, source }];
    });
    return new Plumber(kernel, config, new Map(places));
  }

  /** From here on, what Topologies with a lifeline plumb goes away with this process. @throws ERR_LIFELINE. */
  async openLifeline(name: string): Promise<void> {
    if (!this.config.topologies.some(({ lifeline }) => lifeline)) return;
    this.#lifeline = await this.kernel.openLifeline(name);
  }

  /** Blocks of the Topologies whose interface is gone, is down or has no carrier. */
  async down(): Promise<string[]> {
    const links = new Map((await this.kernel.links()).map((link) => [link.index, link]));
    const serves = ({ target }: Place) => {
      const link = links.get(target.ifindex);
      return link !== undefined && link.up && link.carrier;
    };
    return [...this.places].filter(([, place]) => !serves(place)).map(([block]) => block);
  }

  /**
   * Answers on every Topology interface for what is plumbed where the kernel does not, and tells who else uses it. An interface
   * without a hardware address has no such LAN. @throws what `Kernel.openLan` throws.
   */
  async listen(handler: (sightings: readonly Sighting[]) => void): Promise<void> {
    for (const { source } of this.places.values()) {
      const { link } = source;
      if (link.mac === null || this.#lans.has(link.index)) continue;
      this.#lans.set(link.index, await this.kernel.openLan(link, handler));
    }
  }

  /** @returns those that somebody on the LAN answers for. */
  async probe(addresses: readonly string[], waitMs: number): Promise<readonly Host[]> {
    const asked = [...this.#byPlace(addresses)]
      .filter(([{ source }]) => source.link.mac !== null)
      .map(([{ source }, some]) => this.kernel.probe(some, source.link, { waitMs }));
    return (await Promise.all(asked)).flat();
  }

  /** Of the Topology interface; null where there is none, or no such Topology. */
  hardwareAddressFor(address: string): string | null {
    return this.places.get(this.#topologyOf(address)?.block ?? "")?.source.link.mac ?? null;
  }

  /** Where each address would be an alias of the Topology interface. */
  vipPlaces(addresses: readonly string[]): Map<string, VipPlace> {
    const vips = new Map<string, VipPlace>();
    for (const [{ target }, some] of this.#byPlace(addresses)) for (const address of some) vips.set(address, target);
    return vips;
  }

  /** @returns those that the kernel did not take, with its words; the others are plumbed. */
  async plumb(addresses: readonly string[]): Promise<PlumbFailure[]> {
    return this.#inPlaces(addresses, async (some, place) => {
      const target = this.#target(place);
      const result = await this.kernel.add(some, target);
      const { index } = place.source.link;
      const onLink = target.plumbing === "address" && target.ifindex === index;
      await this.#lans.get(index)?.own(
        some.filter((_, i) => result.statuses[i] === 0),
        onLink,
      );
      return result;
    });
  }

  /** @returns those that are still there, with the kernel's words. */
  async unplumb(addresses: readonly string[]): Promise<PlumbFailure[]> {
    this.kernel.cancelAnnounce(addresses);
    return this.#inPlaces(addresses, async (some, place) => {
      await this.#lans.get(place.source.link.index)?.disown(some);
      return this.kernel.remove(some, this.#target(place));
    });
  }

  /** Who is known behind the interface of each Topology, by its block. */
  async neighbours(): Promise<Map<string, readonly Host[]>> {
    const all = await this.kernel.neighbours();
    return new Map(
      [...this.places].map(([block, { source }]) => [
        block,
        all.filter(({ ifindex }) => ifindex === source.link.index),
      ]),
    );
  }

  /** Where announcements do not go to everybody, these are told besides, in the Topology of this block. */
  tellBesides(block: string, hosts: readonly Host[]): void {
    const place = this.places.get(block);
    if (place !== undefined) place.source = { ...place.source, hosts };
  }

  announce(addresses: readonly string[]): void {
    for (const [place, some] of this.#byPlace(addresses)) this.kernel.announce(some, place.source);
  }

  /** Against somebody else who uses them (RFC 5227 section 2.4). */
  defend(addresses: readonly string[]): void {
    for (const [place, some] of this.#byPlace(addresses)) {
      this.kernel.announce(some, { ...place.source, rounds: DEFENCE_ROUNDS });
    }
  }

  /** Takes away everything that sits on the lifeline. */
  async close(): Promise<void> {
    await Promise.all([...this.#lans.values()].map((lan) => lan.close()));
    await this.#lifeline?.close();
  }

  #target({ topology, target }: Place): PlumbTarget {
    return topology.lifeline && this.#lifeline !== null ? { ...target, ifindex: this.#lifeline.ifindex } : target;
  }

  async #inPlaces(
    addresses: readonly string[],
    change: (some: readonly string[], place: Place) => Promise<PlumbResult>,
  ): Promise<PlumbFailure[]> {
    const batches = [...this.#byPlace(addresses)].map(async ([place, some]) => {
      const { statuses, texts } = await change(some, place);
      return some.flatMap((address, i) => {
        const status = statuses[i] ?? 0;
        const reason = texts.get(status) ?? `errno ${-status}`;
        return status === 0 ? [] : [{ address, reason, foreign: FOREIGN.has(-status) }];
      });
    });
    return (await Promise.all(batches)).flat();
  }

  #byPlace(addresses: readonly string[]): Map<Place, string[]> {
    const groups = new Map<Place, string[]>();
    for (const address of addresses) {
      const place = this.places.get(this.#topologyOf(address)?.block ?? "");
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
