/**
 * Where the addresses of one Topology go: the interface of its name, under whatever index and hardware address that is found.
 * Names and altnames are what the configuration has, so an interface that is deleted and made again, or renamed, is followed.
 */
import type { ClusterOptions, Topology } from "../config/types.js";
import { LargeSet } from "../core/large-map.js";
import type { AnnounceSource, Host, Link, PlumbTarget } from "../kernel/types.js";

/** How a place differs from what it was. `moved`: another interface, or one with another hardware address. */
export type PlaceChange = "same" | "came" | "went" | "moved";

export class Place {
  /** Of these this node has told the kernel to have them, or is telling it. */
  readonly plumbed = new LargeSet();
  /** Null while there is no interface of that name. */
  link: Link | null = null;
  /** Who is told besides, where announcements do not go to everybody. */
  hosts: readonly Host[] | undefined;
  /** Of the interface where it is, or was last; 0 for none yet. */
  #index = 0;

  constructor(
    readonly topology: Topology,
    private readonly options: Pick<ClusterOptions, "arpRepeat" | "arpAllHosts">,
  ) {}

  /** @param links of this host. */
  follow(links: readonly Link[]): PlaceChange {
    const before = this.link;
    const after = linkNamed(links, this.topology.interface);
    this.link = after;
    if (after !== null) this.#index = after.index;
    if (after === null) return before === null ? "same" : "went";
    if (before === null) return "came";
    return before.index === after.index && before.mac === after.mac ? "same" : "moved";
  }

  /** Where the addresses are aliases or local routes; null while nothing was there yet. */
  get target(): PlumbTarget | null {
    if (this.#index === 0) return null;
    const { plumbing, cidrmask: prefix, dad, sourceHygiene } = this.topology;
    return { ifindex: this.#index, plumbing, prefix, dad, sourceHygiene };
  }

  /** By which interface the LAN is told; null while there is none. */
  get source(): AnnounceSource | null {
    const { link, hosts, options } = this;
    if (link === null) return null;
    const source = { link, rounds: options.arpRepeat, allHosts: options.arpAllHosts };
    return hosts === undefined ? source : { ...source, hosts };
  }

  /** Can hosts on the LAN reach what is plumbed here? */
  get serves(): boolean {
    return this.link !== null && this.link.up && this.link.carrier;
  }
}

/** A name goes before an altname. */
function linkNamed(links: readonly Link[], name: string): Link | null {
  return links.find((link) => link.name === name) ?? links.find(({ altnames }) => altnames.includes(name)) ?? null;
}
