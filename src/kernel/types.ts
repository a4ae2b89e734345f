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
  /** Looks like an alias, not like the interface's own address: permanent (not from DHCP), without a peer, and with a
   * host prefix or secondary in its network. Never true of a route. */
  readonly alias: boolean;
}

/** What a dump found, in no order. It is kept packed: an object is made for each that is looked at, each time. */
export interface FoundAddresses extends Iterable<FoundAddress> {
  readonly length: number;
  /** All of them, in parts that leave the event loop its turns: for those who look at a hundred thousand. */
  slices(): AsyncIterable<readonly FoundAddress[]>;
}

/** Which of them a dump is to find: those that fit all that is given. The kernel sends no others, but for the protocol of
 * addresses, which is looked at here. */
export interface AddressFilter {
  /** IFA_PROTO or rtm_protocol, 0 to 255. */
  readonly protocol?: number;
  /** An interface that has gone has none. */
  readonly ifindex?: number;
  /** "address" alone takes half the time: the kernel has a local route of its own for each address, which are read to be
   * left out. */
  readonly plumbing?: "address" | "route";
}

/** What to plumb: the same for a whole batch. */
export interface PlumbTarget {
  /** Interface that carries the address or route: the Topology interface, or the lifeline. */
  readonly ifindex: number;
  readonly plumbing: "address" | "route";
  /** Prefix length of an alias; default: the host's, 32 or 128. Routes are always host routes, and aliases on a lifeline of this kernel are always host
   * aliases: a shorter prefix there would lead its whole network into the TUN device. With a prefix shorter than the host's, the
   * kernel makes one alias of a network its primary, and takes the others along when that one goes, unless
   * net.ipv4.conf.IF.promote_secondaries is 1 (devinet.c, __inet_del_ifa): hence the default. */
  readonly prefix?: number;
  /** Of IPv6 aliases: first ask whether another host on the link has the address (duplicate address detection, RFC 4862). That
   * takes a second or two, for all of a batch at once; one that is taken gets -EADDRINUSE, and does not stay. Default false. On a
   * lifeline, which has no link, there is nobody to ask. */
  readonly dad?: boolean;
  /** Of aliases: the kernel never chooses the address by itself as the source of a connection or datagram; those that are bound to it
   * go out from it as ever. IPv6: deprecated, by a preferred lifetime of 0. IPv4, whose kernel chooses by scope: scope host, which
   * needs the host's prefix; any other has no effect. Local routes are never chosen. Default false. */
  readonly sourceHygiene?: boolean;
}

export interface PlumbResult {
  /**
   * One a given address, in its order: 0, or -errno.
   *
   * Adding what is there already at this very place is 0 when it is ours. When it is the host's own, another program's, or
   * ours on another interface, it is -EEXIST, and it stays as it is. Removing what is not there, or went with its
   * interface, is 0; removing what is not ours is -EPERM, and it stays as it is. What was not done when the batch was
   * cancelled is -ECANCELED, and was not begun.
   */
  readonly statuses: Int32Array;
  /** The kernel's own words for the first failure of each errno ("Cannot assign requested address: ..."). */
  readonly texts: ReadonlyMap<number, string>;
}

/** What else of the host stands on an address. */
export type AddressUse =
  /** A route of any table has it as its source (RTA_PREFSRC), and goes with it. Not those that the kernel makes for it
   * in the local table. `ifindex` is where it leads to, 0 where it names no interface. */
  | { readonly kind: "route"; readonly address: string; readonly isDefault: boolean; readonly ifindex: number }
  /** A socket of another program is bound to just this address: it listens (TCP), or is not connected (UDP). */
  | { readonly kind: "socket"; readonly address: string; readonly protocol: "tcp" | "udp"; readonly port: number };

/** How to follow a batch, and to end it. */
export interface BatchOptions {
  /** Told while the batch is under way, at most ten times a second, how many addresses have their status; and once at the end. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Cancels the batch, under way or waiting for its turn: within some 20 ms of the kernel's work, between two windows of
   * requests. The result comes as ever, and says what was done. */
  readonly signal?: AbortSignal;
  /** Does not wait for its turn: batches of other calls may be under way, and may be about the same addresses. */
  readonly ahead?: boolean;
}

/** Times on the clock of `performance.now()`. That goes on while this process is stopped, and not while its host is
 * suspended. */
export interface AddOptions extends BatchOptions {
  /** What the kernel has not been asked by then is -ETIME, and was not begun: looked at every 20 ms of its work. */
  readonly notAfter?: number;
  /**
   * Aliases get a lifetime (`valid_lft`): the kernel takes them away by itself at that time, rounded up to a whole
   * second after it is asked, and up to 1.25 s later (docs/KERNELS.md). Default: they stay. Routes have none. Ignored
   * by a kernel that keeps no tags.
   */
  readonly validUntil?: number;
}

export interface Kernel {
  /** The tag of all that it plumbs: IFA_PROTO of addresses, rtm_protocol of routes. */
  readonly protocol: number;
  links(): Promise<readonly Link[]>;
  /** Every address and local host route that passes the filter, in one consistent dump each. */
  addresses(filter?: AddressFilter): Promise<FoundAddresses>;
  /** Who is known on a link, or on all: neighbours with an Ethernet address, however long ago they were heard of. */
  neighbours(filter?: { readonly ifindex?: number }): Promise<readonly Neighbour[]>;
  /** Batches of one kernel, up to 1,048,576 addresses each, run one at a time, in the order of the calls. One that is under way
   * when the process exits is cancelled. */
  add(addresses: readonly string[], target: PlumbTarget, options?: AddOptions): Promise<PlumbResult>;
  /** Aliases of ours are valid until `validUntil` from now on (default: for ever). What is not there, or is not ours,
   * is
   * -EADDRNOTAVAIL and stays as it is. */
  extend(addresses: readonly string[], target: PlumbTarget, options?: AddOptions): Promise<PlumbResult>;
  remove(addresses: readonly string[], target: PlumbTarget, options?: BatchOptions): Promise<PlumbResult>;
  /** Removes what `addresses` found, each where it was found (see `findOrphans`). What is not ours stays: -EPERM. */
  removeFound(found: readonly FoundAddress[], options?: BatchOptions): Promise<PlumbResult>;
  /** Removes what others have put there, each where it was found and only as long as it carries the tag that was found:
   * -EPERM where that is another by now. Whether it may be removed is for `Surroundings` to say. */
  removeOthers(found: readonly FoundAddress[]): Promise<PlumbResult>;
  /** Whether this kernel keeps our tag on addresses (IFA_PROTO, 5.18). Where that is not known, it is taken to: then
   * nothing without a tag is taken for ours. Throws ERR_NETLINK. */
  keepsTags(): Promise<boolean>;
  /** What stands on the addresses besides what this process has bound. Walks all routes of the host, and all its
   * sockets that listen: for when there is a doubt. Throws ERR_NETLINK. */
  uses(addresses: readonly string[]): Promise<readonly AddressUse[]>;
  /** A TUN device that is up and holds nothing yet. The kernel removes it, and all that sits on it, when this process
   * ends, however it ends. `name` is `hf0`, `hf1`, ... Throws ERR_LIFELINE with the remedy where /dev/net/tun is not to
   * be had, or where another process holds that device. */
  openLifeline(name: string): Promise<Lifeline>;
  /**
   * Starts announcing, IPv4 addresses by gratuitous ARP (a request and a reply), IPv6 addresses by unsolicited neighbour
   * advertisements, and keeps at it for `rounds`, 1.1 s apart, then once a refresh period, until `cancelAnnounce` or `remove`.
   * All calls share one budget of frames: first rounds before repeated ones, then the latest call, refreshes last. Within a
   * call the order is that of `addresses`: put first what is used most. Takes a great many in over several turns of the
   * event loop, so do not change `addresses` afterwards.
   */
  announce(addresses: readonly string[], from: AnnounceSource): void;
  /** Stops announcing addresses that leave: no frame about them is begun any more. */
  cancelAnnounce(addresses: readonly string[]): void;
  /**
   * On: nothing that was announced is announced again, in a later round or as a refresh, until it is off; first
   * rounds go.
   */
  hushAnnouncements(on: boolean): void;
  /**
   * Hears ARP and neighbour discovery on a link: answers for addresses of ours there where the kernel does not, and tells who else
   * uses them. On a thread of its own; the event loop is needed for what is told, not for answers. Throws
   * ERR_CAPABILITY_MISSING, ERR_NETLINK, and TypeError for a link without a hardware address.
   */
  openLan(link: Link, handler: (sightings: readonly Sighting[]) => void): Promise<Lan>;
  /**
   * Asks on a link who has each of the addresses (RFC 5227 section 2.1.1, RFC 4862 section 5.4.2), all at once within the budget of
   * frames and before any announcement, and again half-way through the wait for those that nobody has answered for.
   *
   * @returns those that somebody answers for, each with the hardware address of who does. Throws as `openLan`.
   */
  probe(addresses: readonly string[], link: Link, options: ProbeOptions): Promise<readonly Host[]>;
  /**
   * Keeps a table of this host's addresses true by what the kernel tells, never by polling, and tells what changes in it.
   * What is there at the start is in the table and is not told. Needs no privileges. Throws ERR_NETLINK.
   */
  watch(handler: (changes: KernelChanges) => void, options?: WatchOptions): Promise<Monitor>;
  /**
   * Closes at once what is on addresses that leave: every TCP socket whose local end is one of them, except TIME_WAITs, and
   * every connected UDP socket, whatever process or family it is of; where `listening` is true, listening TCP sockets too. Their
   * processes get ECONNABORTED. Peers get a reset, so call this before `remove`: without the address none leaves
   * (docs/KERNELS.md). One dump of the kernel's sockets, however many addresses.
   *
   * Throws ERR_CAPABILITY_MISSING without CAP_NET_ADMIN, ERR_NETLINK where sockets cannot be listed. A kernel that closes none
   * says so in `failures`.
   */
  killSockets(addresses: readonly string[], options?: { readonly listening?: boolean }): Promise<KillResult>;
  /** Established TCP connections whose local end is one of the addresses, of whatever process. Throws ERR_NETLINK. */
  connections(addresses: readonly string[]): Promise<readonly Connection[]>;
  /**
   * Makes the remote ends of a dead owner's connections notice, from the host that has their local addresses now: a bare ACK
   * out of every window, from the local end to the remote one, is answered with an ACK by who still believes in the
   * connection, and that one with a reset by this host's kernel. Call it once the network knows where the address is
   * (`announce`).
   *
   * @param options.rate connections a second, two packets each. Default 10,000.
   *
   * Throws ERR_CAPABILITY_MISSING without CAP_NET_RAW.
   */
  tickle(connections: readonly Connection[], options?: { readonly rate?: number }): Promise<TickleResult>;
  /**
   * TCP sockets that are bound and do not listen yet, whether this host has their addresses or not, so that what can fail has
   * failed before the address comes. A bound socket answers nobody; the kernel refuses connections as if it were not there.
   *
   * They are closed with this thread. To listen, give it away and hand it on at once, and Node closes it with the server:
   * `kernel.releaseSocket(fd); server.listen({ fd }, backlog)`.
   */
  bindSockets(endpoints: readonly BindEndpoint[]): Promise<BindResult>;
  /** What `bindSockets` opened is the caller's to close from here on. Throws TypeError for anything else. */
  releaseSocket(fd: number): void;
  /** Sockets that were not given away. Throws TypeError for anything else. */
  closeSockets(fds: readonly number[]): Promise<void>;
  /** Effective capabilities of this process that holdfast needs and lacks: "CAP_NET_ADMIN", ... */
  missingCapabilities(): readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  /** Ends timers and monitors and closes sockets, once calls under way are done. Does not unplumb, and leaves lifelines open. */
  close(): Promise<void>;
}

export interface WatchOptions {
  /** Tell of neighbours too: on a busy LAN those come and go all the time. Default false. */
  readonly neighbours?: boolean;
}

/** Both addresses of one family. */
export interface Connection {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
}

export interface KillResult {
  /** Sockets. */
  readonly closed: number;
  /** Sockets that stay, by what the kernel said: `errno` is "ENOTSUP" and the like, `reason` its words and the remedy. */
  readonly failures: readonly { readonly errno: string; readonly count: number; readonly reason: string }[];
}

export interface TickleResult {
  /** Packets. */
  readonly sent: number;
  readonly failed: number;
  /** Why the first that failed did, or null. */
  readonly reason: string | null;
}

/** Port 0: one that is free. "0.0.0.0" and "::" stand for every address of their family. */
export interface BindEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface BindResult {
  /** One for each endpoint, in their order: a descriptor, or -errno. */
  readonly results: Int32Array;
  /** The kernel's words and the remedy for each -errno: EADDRINUSE, EMFILE, EACCES, ... */
  readonly texts: ReadonlyMap<number, string>;
}

/** What has changed since the last call; what came and went meanwhile is not in it. Large changes come in several calls, one a
 * turn of the event loop. */
export interface KernelChanges {
  /** As they were. */
  readonly removed: readonly FoundAddress[];
  /** As they are. One whose tag changed is in both lists. */
  readonly added: readonly FoundAddress[];
  readonly links: readonly LinkChange[];
  /** Empty unless they were asked for. */
  readonly neighbours: readonly NeighbourChange[];
  /** Notifications were lost, or the kernel makes none for what happened, and a dump has made up for it: with the changes of
   * this call or of earlier ones, the table is true again. */
  readonly resynced: boolean;
}

/** One that came has no `before`, one that went no `after`; up, down, renamed and the like have both. */
export interface LinkChange {
  readonly before: Link | null;
  readonly after: Link | null;
}

/** One that became known has no `before`; one that does not answer any more, or was forgotten, no `after`; one whose hardware
 * address changed, both. */
export interface NeighbourChange {
  readonly before: Neighbour | null;
  readonly after: Neighbour | null;
}

/** Keeps the process running until it is closed. */
export interface Monitor {
  /** Whether this host has the address, as an alias, local route or its own, on any interface. O(log n). False for what is not
   * an address. Follows the kernel within moments; in the middle of a storm that costs notifications, once that is over. */
  has(address: string): boolean;
  /** No call of the handler follows. Again is the same. */
  close(): Promise<void>;
}

/** Keeps the process running until it is closed. A great many addresses are taken in over several turns of the event loop,
 * calls one after the other. */
export interface Lan {
  /**
   * Ours from now on. What was sent before, and what comes within a second, is a former owner's last and no rival's.
   *
   * @param onLink they are addresses of this very interface. The kernel answers for those, but not always for local routes and
   *   what stands on a lifeline: never neighbour solicitations, and ARP only under arp_ignore 0 (docs/KERNELS.md).
   */
  own(addresses: readonly string[], onLink: boolean): Promise<void>;
  /** Resolves when no answer for them is sent any more. */
  disown(addresses: readonly string[]): Promise<void>;
  /** Frames that were answered. */
  readonly answers: number;
  /** No call of the handler follows. Again is the same. */
  close(): Promise<void>;
}

/** Frames of others about an address of ours, since the last time. */
export interface Sighting extends Host {
  /** `rival`: uses it as its own. `prober`: asks whether it is free; it was told that it is not. */
  readonly kind: "rival" | "prober";
  /** How many. `mac` is of the last one. */
  readonly frames: number;
}

export interface ProbeOptions {
  /** After the last of the first frames is out; 1 or more. */
  readonly waitMs: number;
  /** On whose behalf it is asked, an address of each family at most; default: nobody's. A question on behalf of nobody is a probe,
   * and makes whoever is just taking the address give it up (RFC 5227 section 2.1.1, RFC 4862 section 5.4.3). */
  readonly from?: readonly string[];
}

export interface AnnounceSource {
  /** Topology interface, for its index and hardware address. */
  readonly link: Link;
  readonly rounds: number;
  /** True, the default: broadcast. False: to each host in the neighbour table of this interface. */
  readonly allHosts?: boolean;
  /** Told besides, each by its hardware address: hosts that others know. Compared by identity, so give the same list for the
   * same hosts. */
  readonly hosts?: readonly Host[];
}

export interface Host {
  readonly address: string;
  /** "02:00:00:00:00:01" */
  readonly mac: string;
}

/** An entry of the neighbour table (ip-neighbour(8)). */
export interface Neighbour extends Host {
  readonly ifindex: number;
}

export interface Lifeline {
  readonly name: string;
  readonly ifindex: number;
  /** Resolves when the kernel has taken away the device and all that sat on it. Again is the same. */
  close(): Promise<void>;
}
