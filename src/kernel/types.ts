/** TypeScript face of the kernel layer: rtnetlink, AF_PACKET and TUN. Linux only. */

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly altnames: readonly string[];
  /** "02:00:00:00:00:01", or null for links without a 6-byte hardware address. */
  readonly mac: string | null;
  readonly mtu: number;
  readonly up: boolean;
  readonly carrier: boolean;
  /** "veth", "bridge", "vlan", "tun", ... as the kernel names it, or null for plain devices. */
  readonly kind: string | null;
  /** Index of the bridge or bond above, or 0. */
  readonly master: number;
}

/** An address, or (`plumbing` "route") a local host route, found in the kernel. */
export interface FoundAddress {
  readonly address: string;
  readonly prefix: number;
  readonly ifindex: number;
  readonly plumbing: "address" | "route";
  /** IFA_PROTO or rtm_protocol; 0 where the kernel has none. */
  readonly protocol: number;
}

/** What to plumb: the same for a whole batch. */
export interface PlumbTarget {
  /** Interface that carries the address or route: the Topology interface, or the lifeline. */
  readonly ifindex: number;
  readonly plumbing: "address" | "route";
  /** Prefix length of an alias; routes are always host routes. */
  readonly prefix: number;
}

export interface PlumbResult {
  /** One a given address, in its order: 0, or -errno. EEXIST on add and EADDRNOTAVAIL or ESRCH on remove are 0. */
  readonly statuses: Int32Array;
  /** The kernel's own words for the first failure of each errno ("Cannot assign requested address: ..."). */
  readonly texts: ReadonlyMap<number, string>;
}

export interface Kernel {
  links(): Promise<readonly Link[]>;
  /** Every address and local host route of the given protocol, or of all. */
  addresses(filter?: { readonly protocol?: number }): Promise<readonly FoundAddress[]>;
  add(addresses: readonly string[], target: PlumbTarget): Promise<PlumbResult>;
  remove(addresses: readonly string[], target: PlumbTarget): Promise<PlumbResult>;
  /** A TUN device that is up and holds nothing yet. The kernel removes it, and all that sits on it, when this process
   * ends, however it ends. Throws ERR_LIFELINE with the remedy where /dev/net/tun is not to be had. */
  openLifeline(name: string): Promise<Lifeline>;
  /** Starts announcing by gratuitous ARP, and keeps at it for `rounds`. Later calls go into the same budget. */
  announce(addresses: readonly string[], from: AnnounceSource): void;
  /** Stops announcing addresses that leave. */
  cancelAnnounce(addresses: readonly string[]): void;
  /** Permitted capabilities of this process that holdfast needs and lacks: "CAP_NET_ADMIN", ... */
  missingCapabilities(): readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  /** Ends timers and closes sockets. Does not unplumb. */
  close(): Promise<void>;
}

export interface AnnounceSource {
  /** Topology interface, for its index and hardware address. */
  readonly link: Link;
  readonly rounds: number;
}

export interface Lifeline {
  readonly name: string;
  readonly ifindex: number;
  close(): void;
}
