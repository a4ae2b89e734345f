/**
 * The typed configuration: what `parseConfig` makes of the ecelerity text, and all that the rest of holdfast knows of
 * it. Plain immutable data, safe to send to a worker thread. Times end in their unit; addresses are canonical text
 * (RFC 5952 for IPv6); ports are 1 to 65535.
 */

/** Where a setting was written. Lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Where to listen: `host` is an address, or `*` for every local IPv4 address, or `::` for every local address.
 * Where to send: an address, or a host name in lower case.
 */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Config {
  /** Name of the node that this text was read for. */
  readonly nodename: string;
  readonly cluster: ClusterOptions;
  /** Most specific block first. */
  readonly topologies: readonly Topology[];
  /** `msgc_server { peers }`, sorted by name; holds this node too. Empty: a cluster of one. */
  readonly peers: readonly Peer[];
  readonly channel: ChannelOptions;
  /** Every binding in the order of the text. `default` is always there. */
  readonly bindings: readonly Binding[];
  /** Every group in the order of the text, with the names of its bindings. `default` is always there. */
  readonly bindingGroups: readonly BindingGroup[];
  /** Every `Listen` of every `ESMTP_Listener`. */
  readonly listens: readonly Listen[];
  /** `ECCluster_Listener`: where peers hand over messages (mmove). */
  readonly clusterListen: Endpoint;
  /** `Control_Listener { Listen "/path" }`: path of the console's UNIX socket, or null where there is none. */
  readonly controlSocket: string | null;
  readonly mail: MailOptions;
  readonly domains: readonly DomainRoute[];
}

export interface ClusterOptions {
  /** Canonical address of this node on the cluster network, or null where the text does not say. */
  readonly nodeaddr: string | null;
  readonly clusterGroup: string;
  readonly controlGroup: string;
  /** `key_file`: path of the pre-shared cluster key; null only in a cluster of one. */
  readonly keyFile: string | null;
  /** Where the text names it; null where it does not. */
  readonly keyFileAt: SourceLocation | null;
  /** Rounds in which a new address is announced, 1.1 s apart. Default 3. */
  readonly arpRepeat: number;
  /** Budget of announcements for the whole node, in frames a second. Default 10,000. */
  readonly arpRate: number;
  /** Period in which every owned address is announced again; 0: never. Default 60 s. */
  readonly arpRefreshMs: number;
  /** Announcements go to the whole network; false: only to the hosts in the neighbour tables of the nodes. Default true. */
  readonly arpAllHosts: boolean;
  /** Period in which nodes tell each other their neighbours and busiest addresses; 0: never. Default 30 s. */
  readonly arpShareMs: number;
  /** How long whoever still has an address of a departed owner is waited for before it is taken; 0: not at all. Default 0. */
  readonly takeoverProbeMs: number;
  /** Defences of an address against another host before `conflictAction` counts. Default 3. */
  readonly conflictLimit: number;
  readonly conflictAction: "defend" | "yield";
  /** Tag of what is plumbed: IFA_PROTO of addresses, rtm_protocol of routes. Default 104. */
  readonly kernelProtocol: number;
  /** Addresses a balance round may move; 0 is `auto`: a tenth of what has to move. */
  readonly balanceSetSize: number;
  /** Share of this node in the load, beside those of others; 1 to 1000. Default 100. */
  readonly weight: number;
  /** In which the penalty for going without leaving halves; 0: no node is damped. Default 5 min. */
  readonly flapHalfLifeMs: number;
  /** Addresses a second that `cluster drain` gives away, with what follows them; 0: all at once. */
  readonly drainRate: number;
  /** Changes of owner are written to this file, too; null: to none. */
  readonly auditFile: string | null;
  readonly viewMatureTimeMs: number;
  readonly viewBalanceIntervalMs: number;
  readonly ifCheckIntervalMs: number;
  /** Between looks at what this node needs to serve its Topologies, besides carriers; 0: none. Default 1 s. */
  readonly healthIntervalMs: number;
  /** Longest wait for deliveries in flight before an address is given up in a planned move. Default 2,000. */
  readonly drainTimeoutMs: number;
  /** How long a proof of quorum is good for, under the policy `strict`. Default 2,000. */
  readonly leaseMs: number;
  /** How far the clock of a node may run fast or slow, as a share. Default 0.01. */
  readonly clockDriftMax: number;
}

/**
 * Who may own the addresses of a Topology when the cluster is in parts. `available`: each part. `majority`: the part that
 * has a quorum. `strict`: as `majority`, and never two nodes at once, for which owners hold leases.
 */
export type PartitionPolicy = "available" | "majority" | "strict";

export interface Peer {
  readonly name: string;
  readonly address: string;
}

/** The embedded group engine (`msgc_server`). */
export interface ChannelOptions {
  /** Port of this node and of its peers, TCP and UDP. Default 4809. */
  readonly port: number;
  readonly heartbeatIntervalMs: number;
  readonly failureTimeoutMs: number;
  readonly reconnectIntervalMs: number;
  readonly connectTimeoutMs: number;
  /** Messages queued for one peer before its connection is declared stuck. */
  readonly maxBacklog: number;
}

export interface Topology {
  /** Network in canonical form, "10.1.1.0/24" or "2001:db8::/64". */
  readonly block: string;
  readonly interface: string;
  /** Prefix length of aliases, at most that of a single address. */
  readonly cidrmask: number;
  /** `address`: an alias on the interface. `route`: a local route, which `ip addr` does not list. */
  readonly plumbing: "address" | "route";
  /** The addresses sit on a TUN device that dies with the daemon. */
  readonly lifeline: boolean;
  /** Aliases are never chosen as a source by the kernel itself. Default true. */
  readonly sourceHygiene: boolean;
  /** IPv6 aliases are probed for by the kernel before they are used. */
  readonly dad: boolean;
  readonly partitionPolicy: PartitionPolicy;
  /** "immediate", "never", whole seconds, or local times "02:00-04:30": when an address goes back to a preferred node. */
  readonly failback: string;
  readonly at: SourceLocation;
}

/** How an address is managed, on a binding or a Listen. */
export interface Duravip {
  /** True for `Enable_Duravip`, and for an implicit upgrade; false on a Listen that itself follows. */
  readonly enabled: boolean;
  /** True when only another stanza on the same address made this one DuraVIP. */
  readonly upgraded: boolean;
  /** Nodes that own the address where they can, the first that can; none: wherever there is room. */
  readonly preferences: readonly string[];
}

export interface Binding {
  /** Case-preserving, compared exactly. */
  readonly name: string;
  readonly group: string;
  /** null: the kernel chooses the source address; such a binding is not a VIP. */
  readonly address: string | null;
  readonly duravip: Duravip;
  readonly ehloHostname: string | null;
  readonly suspended: boolean;
  readonly maxConnectionsPerDomain: number | null;
  readonly at: SourceLocation;
}

export interface BindingGroup {
  readonly name: string;
  readonly bindings: readonly string[];
  readonly suspended: boolean;
}

export interface Listen {
  readonly endpoint: Endpoint;
  readonly duravip: Duravip;
  /**
   * Address and, where the text named it, binding that this listener's address follows; null when it follows none.
   * A second Listen on the address of a follower (another port) is upgraded, and follows with it.
   */
  readonly follow: { readonly target: string; readonly binding: string | null; readonly address: string } | null;
  readonly ehloHostname: string | null;
  /** CIDR blocks that may relay. Default: loopback only. */
  readonly relayHosts: readonly string[];
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
  readonly maxMessageBytes: number;
  /** 1 or more. */
  readonly maxConnections: number;
  /** Of these, the most of one client and of one network; 1 or more. */
  readonly maxConnectionsPerClient: number;
  readonly maxConnectionsPerNetwork: number;
  readonly idleTimeoutMs: number;
  /** Longest time without a message under way. */
  readonly messageTimeoutMs: number;
  readonly enabled: boolean;
  readonly at: SourceLocation;
}

export interface MailOptions {
  /** Directory of the spool (`SpoolBase`). */
  readonly spoolBase: string;
  /** `Gateway`: next hop of every domain without routes; null: MX. */
  readonly gateway: readonly Endpoint[] | null;
  readonly bindingHeader: string | null;
  /** `Default_Binding`: what happens to mail that nothing assigns. */
  readonly defaultBinding: "normal" | "suspended" | "none";
  readonly suspended: boolean;
  /** First wait between attempts; doubles up to `maxRetryIntervalMs`. */
  readonly retryIntervalMs: number;
  readonly maxRetryIntervalMs: number;
  readonly messageExpirationMs: number;
  /** Connections for each (binding, domain). */
  readonly maxOutboundConnections: number;
  readonly mmoveConnections: number;
  /** DuraVIP addresses on one port that have a socket each; more than that share one. 0: never. Default 512. */
  readonly listenSharedMin: number;
  readonly hostname: string;
  /** `TLS`: of connections to other mail servers. */
  readonly tls: OutboundTls;
}

export interface DomainRoute {
  /** Lower case. */
  readonly name: string;
  readonly routes: readonly Endpoint[];
  readonly suspended: boolean;
  /** `TLS` of the domain; null: what MailOptions says. */
  readonly tls: OutboundTls | null;
}

/** Whether a connection to another mail server is encrypted: where it can be, or else the mail waits, or never. */
export type OutboundTls = "ifavailable" | "required" | "no";

/** One thing to say about a text. `error` stops the daemon; `warning` and `note` do not. */
export interface Diagnostic {
  readonly severity: "error" | "warning" | "note";
  /** Stable, kebab-case: "unknown-option", "follow-and-enable", ... */
  readonly rule: string;
  readonly message: string;
  readonly at: SourceLocation;
  /** The line of the text, without its end, cut at 400 characters; empty when the file itself could not be read. */
  readonly line: string;
  /** What to do about it, or null. */
  readonly remedy: string | null;
}

/** What is addressed by the configuration text besides itself. */
export interface ConfigReader {
  /** Text of a file, or null where there is none. Throws what the file system says for anything else. */
  readFile(path: string): string | null;
  /** Names of the regular files of a directory, or null where it is none. */
  readDirectory(path: string): readonly string[] | null;
}

export interface ConfigResult {
  /** null exactly when `diagnostics` holds an error. */
  readonly config: Config | null;
  /** In the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
}
