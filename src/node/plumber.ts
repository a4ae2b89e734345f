/**
 * From addresses to the kernel: which interface carries each, in which mode, and who is told on the LAN. Knows the
 * Topology stanzas, and follows their interfaces by name; decides nothing about ownership.
 */
import { constants } from "node:os";
import type { Config, Topology } from "../config/types.js";
import { describeAddresses } from "../core/address.js";
import { topologyFinder } from "../core/catalogue/catalogue.js";
import { type FoundAddress, findOrphans, type VipPlace } from "../kernel/index.js";
import type { AddOptions, Host, Kernel, Link, PlumbResult, PlumbTarget, Sighting } from "../kernel/types.js";
import { LanPorts } from "./lan-ports.js";
import { LifelineKeeper } from "./lifeline-keeper.js";
import type { NodeEventSink } from "./node.js";
import { Place, type PlaceChange } from "./place.js";
import { aloneAmong, closeSockets } from "./sockets.js";

export interface PlumbFailure {
  readonly address: string;
  readonly reason: string;
  /** An address that stands there and is not ours: it was not touched, and never will be. */
  readonly foreign: boolean;
}

/** For how long what is plumbed may be there; times on the clock of `performance.now()`. */
export interface Term {
  /** By a lease: a lifeline, which goes with the process, is not enough, since a stopped process is there. */
  readonly leased: boolean;
  /** Nothing is plumbed from then on. */
  readonly notAfter: number;
  /** Then the kernel takes it away by itself, if it is an alias, and has no lifeline or a lease. */
  readonly validUntil: number;
}

/** What is not there, or not yet, and what may not be there any longer has no lifetime: no failure of an extension. */
const NOT_EXTENDED = new Set<number>([constants.errno.EADDRNOTAVAIL, constants.errno.ETIME]);

/** Of aliases: the lifetimes of others are renewed in between. Where duplicates are asked for, each batch would wait
 * anew. */
const MOST_AT_ONCE = 1024;

/** What `Kernel.add` and `Kernel.remove` answer for the host's own addresses and other programs'. */
const FOREIGN = new Set<number>([constants.errno.EEXIST, constants.errno.EPERM]);

/** What `Kernel.add` answers where the interface has gone, or is down, since it was last looked at. */
const GONE = new Set<number>([constants.errno.ENODEV, constants.errno.ENXIO, constants.errno.ENETDOWN]);

/** A Linux neighbour that has just taken the rival's word takes none of ours within a second (arp_process() in net/ipv4/arp.c). */
const DEFENCE_ROUNDS = 2;

type Plumbing = Topology["plumbing"];
const PLUMBINGS: readonly Plumbing[] = ["route", "address"];
/** hf1104 beside hf104: no tag, and beyond what `holdfast kernel plumb --lifeline` begins with. */
const SECOND_LIFELINE = 1_000;

export class Plumber {
  /** By block of the Topology. */
  readonly #places: ReadonlyMap<string, Place>;
  readonly #topologyOf: (address: string) => { readonly block: string } | undefined;
  /**
   * One for each kind of plumbing that has any: the kernel takes every local route of a device away, and says nothing, when the
   * last alias of that device goes (fib_inetaddr_event() in net/ipv4/fib_frontend.c).
   */
  readonly #lifelines: ReadonlyMap<Plumbing, LifelineKeeper>;
  readonly #ports: LanPorts;
  /** Interfaces that are known to be missing. */
  readonly #missing = new Set<string>();
  #looking: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly kernel: Kernel,
    config: Config,
    private readonly vips: readonly string[],
    private readonly sink: NodeEventSink,
  ) {
    const { topologies, cluster } = config;
    this.#places = new Map(topologies.map((topology) => [topology.block, new Place(topology, cluster)]));
    this.#topologyOf = topologyFinder(topologies);
    const kinds = PLUMBINGS.filter((kind) => topologies.some((one) => one.lifeline && one.plumbing === kind));
    this.#lifelines = new Map(kinds.map((kind) => [kind, new LifelineKeeper(kernel, sink)]));
    this.#ports = new LanPorts(kernel, sink);
  }

  /** Looks up the interfaces, and touches none. Those that are missing are told, and waited for. @param vips all of them. */
  static async open(kernel: Kernel, config: Config, vips: readonly string[], sink: NodeEventSink): Promise<Plumber> {
    const plumber = new Plumber(kernel, config, vips, sink);
    plumber.#follow(await kernel.links());
    return plumber;
  }

  /**
   * From here on, what Topologies with a lifeline plumb goes away with this process. The first is named after the tag of this
   * daemon, hf104, so that no second one of that tag gets far. @throws ERR_LIFELINE.
   */
  async openLifelines(): Promise<void> {
    let number = this.kernel.protocol;
    for (const lifeline of this.#lifelines.values()) {
      await lifeline.open(`hf${number}`);
      number += SECOND_LIFELINE;
    }
  }

  /**
   * Follows the interfaces, after each change of one: LAN ports, the lifeline, what is announced. One at a time.
   *
   * @returns blocks of the Topologies whose interface is gone, is down or has no carrier, or whose lifeline cannot be made.
   */
  look(): Promise<string[]> {
    const looking = this.#looking.catch(() => {}).then(() => this.#look());
    this.#looking = looking;
    return looking;
  }

  /** Something could not be opened at the last look: look again soon. */
  get isUnsettled(): boolean {
    return [...this.#lifelines.values()].some(({ isMissing }) => isMissing) || this.#ports.isMissing;
  }

  async #look(): Promise<string[]> {
    const links = await this.kernel.links();
    for (const lifeline of this.#lifelines.values()) await lifeline.look(links);
    const former = new Map([...this.#places.values()].map((place) => [place, place.target?.ifindex]));
    const changes = this.#follow(links);
    for (const [place, change] of changes) {
      const { link, topology } = place;
      if (link === null || change === "same") continue;
      const before = former.get(place);
      if (!topology.lifeline && before !== undefined && before !== link.index) await this.#leave(place, before);
      if (before !== link.index) await this.#clean(link.index);
    }
    const places = [...this.#places.values()];
    await this.#ports.follow(places, (place) => this.#isOnLink(place));
    for (const [place, change] of changes) {
      if (change === "same" || place.source === null) continue;
      if (place.plumbed.size > 0) this.kernel.announce([...place.plumbed], place.source);
    }
    const isDown = (place: Place) => !place.serves || this.#lifelineOf(place)?.isMissing === true;
    return [...this.#places].filter(([, place]) => isDown(place)).map(([block]) => block);
  }

  /** Tells once of each interface that is missing, and when it comes. */
  #follow(links: readonly Link[]): [Place, PlaceChange][] {
    const changes = [...this.#places.values()].map((place): [Place, PlaceChange] => [place, place.follow(links)]);
    for (const name of new Set(changes.map(([{ topology }]) => topology.interface))) {
      const some = changes.filter(([{ topology }]) => topology.interface === name);
      const [first, change] = some[0] ?? [];
      this.#tell(name, some.map(([{ topology }]) => topology.block).join(" "), first?.link ?? null, change === "moved");
    }
    return changes;
  }

  #tell(name: string, topologies: string, link: Link | null, moved: boolean): void {
    const facts = { interface: name, topologies };
    if (link === null) {
      if (!this.#missing.has(name)) this.sink({ level: "warn", code: "interface-missing", facts });
      this.#missing.add(name);
      return;
    }
    const now = { ...facts, index: link.index, mac: link.mac ?? "" };
    if (this.#missing.delete(name)) this.sink({ level: "info", code: "interface-came", facts: now });
    else if (moved) this.sink({ level: "info", code: "interface-changed", facts: now });
  }

  /** What stands on an interface that had the name before is taken away there; who holds it hears that it is lost. */
  async #leave(place: Place, ifindex: number): Promise<void> {
    const found = await this.kernel.addresses({ protocol: this.kernel.protocol, ifindex });
    await this.kernel.removeFound([...found].filter(({ address }) => place.plumbed.has(address)));
  }

  /** What a run before this one left on an interface that has only now come. */
  async #clean(ifindex: number): Promise<void> {
    const found = await this.kernel.addresses({ ifindex });
    const { orphans } = findOrphans(found, this.vipPlaces(this.vips), this.kernel.protocol);
    const leftovers = orphans.filter((one) => !this.#stands(one));
    if (leftovers.length === 0) return;
    await closeSockets(this.kernel, await aloneAmong(leftovers, await this.kernel.addresses()), this.sink);
    await this.kernel.removeFound(leftovers);
    const addresses = describeAddresses(leftovers.map(({ address }) => address));
    this.sink({ level: "warn", code: "leftovers-removed", facts: { count: leftovers.length, addresses } });
  }

  /** Did this run plumb it there? */
  #stands({ address, ifindex }: FoundAddress): boolean {
    const place = this.#places.get(this.#topologyOf(address)?.block ?? "");
    return place?.plumbed.has(address) === true && this.#target(place)?.ifindex === ifindex;
  }

  /**
   * Answers on every Topology interface for what is plumbed where the kernel does not, and tells who else uses it; also on those that
   * come later. @throws what `Kernel.openLan` throws.
   */
  async listen(handler: (sightings: readonly Sighting[]) => void): Promise<void> {
    await this.#ports.listen(this.#places.values(), handler);
  }

  /** @returns those that somebody on the LAN answers for. */
  async probe(addresses: readonly string[], waitMs: number): Promise<readonly Host[]> {
    const asked = [...this.#byPlace(addresses)].flatMap(([{ link }, some]) =>
      link === null || link.mac === null ? [] : [this.kernel.probe(some, link, { waitMs })],
    );
    return (await Promise.all(asked)).flat();
  }

  /** Of the Topology interface; null where there is none, or no such Topology. */
  hardwareAddressFor(address: string): string | null {
    return this.#places.get(this.#topologyOf(address)?.block ?? "")?.link?.mac ?? null;
  }

  /** Where each address would be an alias of the Topology interface; nowhere (0) while that is missing. */
  vipPlaces(addresses: readonly string[]): Map<string, VipPlace> {
    const vips = new Map<string, VipPlace>();
    for (const [{ link, topology }, some] of this.#byPlace(addresses)) {
      const place = { ifindex: link?.index ?? 0, prefix: topology.cidrmask };
      for (const address of some) vips.set(address, place);
    }
    return vips;
  }

  /** Where they have a lifetime. @returns those that are there, and have it no longer, with the kernel's words. */
  async extend(addresses: readonly string[], term: Term): Promise<PlumbFailure[]> {
    return this.#inPlaces(addresses, async (some, place) => {
      const [expiry, target] = [this.#expiry(place, term), this.#target(place)];
      if (expiry.validUntil === undefined || target === null) return [];
      const { statuses, texts } = await this.kernel.extend(some, target, expiry);
      return failuresOf(some, { statuses: statuses.map((one) => (NOT_EXTENDED.has(-one) ? 0 : one)), texts });
    });
  }

  /** Out of the kernel, ahead of all that is under way. What is under way may bring some back: `unplumb` has the last
   * word. */
  async drop(addresses: readonly string[]): Promise<void> {
    await this.#inPlaces(addresses, async (some, place) => {
      const target = this.#target(place);
      if (target === null) return [];
      const removing = this.kernel.remove(some, target, { ahead: true });
      const [removed] = await Promise.all([removing, this.#ports.of(place)?.disown(some)]);
      return failuresOf(some, removed);
    });
  }

  /** @returns those that the kernel did not take, with its words; the others are plumbed. */
  async plumb(addresses: readonly string[], term: Term): Promise<PlumbFailure[]> {
    await this.#looking.catch(() => {}); // It may be making a lifeline that they are to sit on.
    return this.#inPlaces(addresses, async (some, place) => {
      for (const address of some) place.plumbed.add(address);
      const result = await this.#add(some, place, term);
      if (result === null) return forget(some, place);
      for (const [i, address] of some.entries()) if (result.statuses[i] !== 0) place.plumbed.delete(address);
      const taken = some.filter((_, i) => result.statuses[i] === 0);
      await this.#ports.of(place)?.own(taken, this.#isOnLink(place));
      return failuresOf(some, result);
    });
  }

  /** Where the interface has changed and nobody has told yet, they go to where it is now. Null where it is missing. */
  async #add(some: readonly string[], place: Place, term: Term): Promise<PlumbResult | null> {
    const target = place.link === null ? null : this.#target(place);
    if (target === null) return null;
    const result = await this.kernel.add(some, target, this.#expiry(place, term));
    if (!result.statuses.some((status) => GONE.has(-status))) return result;
    await this.look();
    const now = place.link === null ? null : this.#target(place);
    return now === null || now.ifindex === target.ifindex
      ? result
      : this.kernel.add(some, now, this.#expiry(place, term));
  }

  /** @returns those that are still there, with the kernel's words. */
  async unplumb(addresses: readonly string[]): Promise<PlumbFailure[]> {
    this.kernel.cancelAnnounce(addresses);
    return this.#inPlaces(addresses, async (some, place) => {
      await this.#ports.of(place)?.disown(some);
      const target = this.#target(place);
      // What sat on what is gone is gone.
      const failures = target === null ? [] : failuresOf(some, await this.kernel.remove(some, target));
      const left = new Set(failures.map(({ address }) => address));
      for (const address of some) if (!left.has(address)) place.plumbed.delete(address);
      return failures;
    });
  }

  /** Who is known behind the interface of each Topology, by its block. */
  async neighbours(): Promise<Map<string, readonly Host[]>> {
    const all = await this.kernel.neighbours();
    return new Map(
      [...this.#places].map(([block, { link }]) => [block, all.filter(({ ifindex }) => ifindex === link?.index)]),
    );
  }

  /** Where announcements do not go to everybody, these are told besides, in the Topology of this block. */
  tellBesides(block: string, hosts: readonly Host[]): void {
    const place = this.#places.get(block);
    if (place !== undefined) place.hosts = hosts;
  }

  announce(addresses: readonly string[]): void {
    for (const [{ source }, some] of this.#byPlace(addresses)) if (source !== null) this.kernel.announce(some, source);
  }

  /**
   * Against somebody else who uses them (RFC 5227 section 2.4): in no fewer rounds than any announcement that this
   * cuts short.
   */
  defend(addresses: readonly string[]): void {
    for (const [{ source }, some] of this.#byPlace(addresses)) {
      if (source === null) continue;
      this.kernel.announce(some, { ...source, rounds: Math.max(DEFENCE_ROUNDS, source.rounds) });
    }
  }

  /** On: nothing is said on the LANs again. Off: what was to be said meanwhile is. */
  hush(on: boolean): void {
    this.kernel.hushAnnouncements(on);
  }

  /**
   * They are about to be unplumbed: from now on this node says no more of them on the LAN, and answers for none of
   * them itself.
   */
  silence(addresses: readonly string[]): void {
    this.kernel.cancelAnnounce(addresses);
    for (const [place, some] of this.#byPlace(addresses)) {
      for (const address of some) place.plumbed.delete(address);
      void this.#ports.of(place)?.disown(some);
    }
  }

  /** Takes away everything that sits on a lifeline. */
  async close(): Promise<void> {
    await this.#looking.catch(() => {});
    await this.#ports.close();
    for (const lifeline of this.#lifelines.values()) await lifeline.close();
  }

  /** Null while there is nothing to plumb on. */
  #target(place: Place): PlumbTarget | null {
    const { target } = place;
    const lifeline = this.#lifelineOf(place);
    if (lifeline === undefined) return target;
    const { ifindex } = lifeline;
    return target === null || ifindex === null ? null : { ...target, ifindex };
  }

  /** undefined where the Topology has none. */
  #lifelineOf({ topology }: Place): LifelineKeeper | undefined {
    return topology.lifeline ? this.#lifelines.get(topology.plumbing) : undefined;
  }

  #isOnLink({ topology }: Place): boolean {
    return topology.plumbing === "address" && !topology.lifeline;
  }

  #expiry({ topology }: Place, { leased, notAfter, validUntil }: Term): AddOptions {
    const expires = topology.plumbing === "address" && (leased || !topology.lifeline);
    return expires ? { notAfter, validUntil } : { notAfter };
  }

  async #inPlaces(
    addresses: readonly string[],
    change: (some: readonly string[], place: Place) => Promise<PlumbFailure[]>,
  ): Promise<PlumbFailure[]> {
    const batches = [...this.#byPlace(addresses)].map(async ([place, some]) => {
      const failures: PlumbFailure[] = [];
      const most = this.#mostAtOnce(place);
      for (let i = 0; i < some.length; i += most) {
        const chunk = some.slice(i, i + most);
        failures.push(...(await change(chunk, place)));
      }
      return failures;
    });
    return (await Promise.all(batches)).flat();
  }

  #mostAtOnce({ topology }: Place): number {
    return topology.plumbing === "address" && !topology.dad ? MOST_AT_ONCE : Number.POSITIVE_INFINITY;
  }

  #byPlace(addresses: readonly string[]): Map<Place, string[]> {
    const groups = new Map<Place, string[]>();
    for (const address of addresses) {
      const place = this.#places.get(this.#topologyOf(address)?.block ?? "");
      if (place === undefined) continue; // The configuration refuses a VIP outside every Topology.
      const group = groups.get(place);
      if (group === undefined) groups.set(place, [address]);
      else group.push(address);
    }
    return groups;
  }
}

/** There is nothing to plumb on. */
function forget(some: readonly string[], { plumbed, link, topology }: Place): PlumbFailure[] {
  for (const address of some) plumbed.delete(address);
  const reason = link === null ? `this host has no interface "${topology.interface}"` : "the lifeline is missing";
  return some.map((address) => ({ address, reason, foreign: false }));
}

function failuresOf(some: readonly string[], { statuses, texts }: PlumbResult): PlumbFailure[] {
  return some.flatMap((address, i) => {
    const status = statuses[i] ?? 0;
    const reason = texts.get(status) ?? `errno ${-status}`;
    return status === 0 ? [] : [{ address, reason, foreign: FOREIGN.has(-status) }];
  });
}
