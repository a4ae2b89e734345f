/**
 * The language: which scopes there are, which options each takes, their types, defaults and meanings. A line here and a
 * line in docs/CONFIGURATION.md are one thing; test/config holds them together.
 *
 * Defaults are those of the original where it has the option. Options that only the original has are in foreign.ts.
 */
import {
  FOREIGN_CLUSTER,
  FOREIGN_CLUSTER_SCOPES,
  FOREIGN_DELIVERY,
  FOREIGN_DELIVERY_SCOPES,
  FOREIGN_GLOBAL,
  FOREIGN_GLOBAL_SCOPES,
  FOREIGN_LISTENER,
  FOREIGN_LISTENER_SCOPES,
  FOREIGN_MSGC,
  FOREIGN_OWN_LISTENER,
  type Foreign,
} from "./foreign.js";
import * as option from "./options.js";
import type { Option } from "./options.js";

export interface ScopeRule {
  /** Canonical capitals; compared without regard to case. */
  readonly name: string;
  /** What the name of an instance is, "a network block"; null: the scope is anonymous. */
  readonly instance: string | null;
  readonly options: Readonly<Record<string, Option<unknown>>>;
  readonly scopes: readonly ScopeRule[];
  /** Known to the original, of no effect here. */
  readonly foreign: readonly Foreign[];
  /** Names that are refused by a rule of their own. */
  readonly refused?: readonly { readonly name: string; readonly why: string; readonly remedy: string }[];
  /** Opening an instance again adds to it. Otherwise each is one of its own, and two of one name are a mistake. */
  readonly merges: boolean;
}

const PORT = { from: 1, to: 65_535 };
const COUNT = { from: 1, to: 1_000_000 };

export const IDENTITY = {
  nodename: option.pattern(
    "nodename",
    null,
    "letters, digits, '-', '_' and '.'",
    /^[a-z0-9][a-z0-9._-]*$/i,
    "name of this node among the peers; `--node` comes before it, `EC_NODE_NAME` and the host name after it",
  ),
  nodeaddr: option.address("nodeaddr", "address of this node on the cluster network; else what `peers` says"),
};

export const CLUSTER = {
  clusterGroup: option.text("cluster_group", "ec_cluster", "group in which ownership is agreed"),
  controlGroup: option.text("control_group", "ec_console", "group for commands to all nodes"),
  keyFile: option.path("key_file", null, "file of the cluster key, the same on every node; needed with `peers`"),
  arpRepeat: option.integer("arp_repeat", 3, { from: 1, to: 100 }, "rounds of announcements, 1.1 s apart"),
  arpRate: option.integer("arp_rate", 10_000, COUNT, "announcements of the whole node, in frames a second"),
  arpRefreshMs: option.seconds("arp_refresh", 60, 0, "period in which each owned address is announced again; 0: never"),
  arpAllHosts: option.flag(
    "arp_all_hosts",
    true,
    "announce to the whole network; `false`: only to the neighbours that this node or another one knows",
  ),
  arpShareMs: option.seconds(
    "arp_share",
    30,
    0,
    "period in which nodes tell each other their neighbours and busiest addresses; 0: never",
  ),
  takeoverProbeMs: option.milliseconds(
    "takeover_probe_ms",
    0,
    { from: 0, to: 60_000 },
    "wait for an answer of whoever still has an address that its owner has not given up; 0: nobody is asked, except while a peer is refused",
  ),
  conflictLimit: option.integer(
    "conflict_limit",
    3,
    { from: 1, to: 1000 },
    "defences of an address against another host, 10 s apart, before `conflict_action` counts",
  ),
  conflictAction: option.choice(
    "conflict_action",
    "defend",
    ["defend", "yield"],
    "go on defending it, or give it up until the other host has gone",
  ),
  kernelProtocol: option.integer(
    "kernel_protocol",
    104,
    { from: 4, to: 255 },
    "tag of this cluster's addresses and routes in the kernel; another one for each cluster on a host",
  ),
  balanceSetSize: option.numberOrAuto(
    "duravip_balance_set_size",
    COUNT,
    "addresses moved in one round of balancing; `auto`: balance in ten rounds",
  ),
  weight: option.integer(
    "weight",
    100,
    { from: 1, to: 1000 },
    "share of this node in the load, beside those of others",
  ),
  flapHalfLifeMs: option.seconds(
    "flap_half_life",
    300,
    0,
    "a node that failed three times in about this time gets no more than it must for twice as long; 0: never mind",
  ),
  auditFile: option.path("audit_file", null, "file to which each change of owner is added, a JSON object a line"),
  drainRate: option.integer(
    "drain_rate",
    0,
    { from: 0, to: 1_000_000 },
    "addresses a second that `cluster drain` gives away, each with what follows it; 0: all at once",
  ),
  viewMatureTimeMs: option.seconds("view_mature_time", 5, 0, "quiet time before a view is acted upon"),
  viewBalanceIntervalMs: option.seconds("view_balance_interval", 10, 1, "time between rounds of balancing"),
  ifCheckIntervalMs: option.seconds("if_check_interval", 30, 1, "time between checks of what is plumbed"),
  healthIntervalMs: option.seconds(
    "health_interval",
    1,
    0,
    "time between looks at this node's own addresses, at the other nodes on the networks of its Topologies, and at its own service; 0: none",
  ),
  drainTimeoutMs: option.milliseconds(
    "drain_timeout_ms",
    2000,
    { from: 0, to: 600_000 },
    "wait for deliveries in flight in a planned move",
  ),
  leaseMs: option.milliseconds(
    "lease_ms",
    2000,
    { from: 500, to: 600_000 },
    "with `partition_policy = strict`: how long an owner goes on without word from a majority",
  ),
  clockDriftMax: option.percent(
    "clock_drift_max",
    1,
    10,
    "with `partition_policy = strict`: how far a clock may be fast or slow",
  ),
};

export const TOPOLOGY = {
  interface: option.pattern(
    "interface",
    null,
    "the name of a network interface",
    /^[^\s/:]{1,127}$/, // Alternative names are up to ALTIFNAMSIZ - 1 long, see ip-link(8).
    "where the addresses of the block are announced; needed; followed by name or altname, waited for where missing",
  ),
  cidrmask: option.integer(
    "cidrmask",
    null,
    { from: 0, to: 128 },
    "prefix length of the alias; without it, which is nearly always right, 32, and 128 for IPv6",
  ),
  plumbing: option.choice(
    "plumbing",
    "address",
    ["address", "route"],
    "an alias on the interface, or a local route (for thousands of addresses)",
  ),
  lifeline: option.flag("lifeline", false, "the kernel takes the addresses away when the daemon dies"),
  sourceHygiene: option.flag(
    "source_hygiene",
    true,
    "the kernel chooses no alias by itself as the source of what is bound to no address",
  ),
  dad: option.flag("dad", false, "an IPv6 alias is used only once the kernel has asked whether another host has it"),
  partitionPolicy: option.choice(
    "partition_policy",
    "available",
    ["available", "majority", "strict"],
    "who owns the addresses when the cluster is in parts: each part, the one with a majority, or that and never two nodes at once",
  ),
  failback: option.pattern(
    "failback",
    "immediate",
    "immediate or never, a whole number of seconds, or a time of day such as 02:00-04:30",
    /^(immediate|never|[1-9]\d{0,8}|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)$/,
    "when an address goes back to a preferred node that is up again: at once, by a move only, after so long, or then",
  ),
};

export const PEERS = {
  peers: option.dictionary("peers", "every node of the cluster, this one too: lower-case name = address"),
};

export const CHANNEL = {
  port: option.integer("port", 4809, PORT, "port of this node and of its peers, TCP and UDP"),
  heartbeatIntervalMs: option.milliseconds(
    "heartbeat_interval_ms",
    100,
    { from: 10, to: 60_000 },
    "time between heartbeats to a peer",
  ),
  failureTimeoutMs: option.milliseconds(
    "failure_timeout_ms",
    500,
    { from: 30, to: 600_000 },
    "silence after which a peer is taken for dead",
  ),
  reconnectIntervalMs: option.seconds("reconnect_interval", 5, 0.1, "time between attempts to reach a peer"),
  connectTimeoutMs: option.seconds("connect_timeout", 60, 0.1, "longest wait for a connection to a peer"),
  maxBacklog: option.integer("max_backlog", 5000, COUNT, "messages queued for a peer before it is declared stuck"),
};

/** In several scopes; each is the default of the scopes inside. */
const EHLO_HOSTNAME = option.hostName("EHLO_Hostname", null, "name in greetings and EHLO; else `Hostname`");
const SUSPEND_DELIVERY = option.flag("Suspend_Delivery", false, "mail is accepted and waits");
const BIND_ADDRESS = option.addressOrAny("Bind_Address", "source address; `*`: the kernel chooses, and it is no VIP");
const ENABLE_DURAVIP = option.flag("Enable_Duravip", false, "the cluster manages this address");
const DURAVIP_PREFERENCE = option.texts(
  "Duravip_Preference",
  "node that owns the address whenever it is up; of several, the first that is",
);
const MAX_OUTBOUND_CONNECTIONS = option.integer(
  "Max_Outbound_Connections",
  32,
  { from: 1, to: 65_535 },
  "connections of one binding to one domain",
);

export const SERVICE = {
  ehloHostname: EHLO_HOSTNAME,
  relayHosts: option.networks("Relay_Hosts", ["127.0.0.0/8", "::1/128"], "clients that may relay; others are refused"),
  tlsCertificate: option.path("TLS_Certificate", null, "PEM file; with `TLS_Key`, STARTTLS is offered"),
  tlsKey: option.path("TLS_Key", null, "PEM file of the private key"),
  maxMessageBytes: option.integer(
    "Max_Message_Size",
    52_428_800,
    { from: 1024, to: 2 ** 31 - 1 },
    "bytes of the longest message accepted",
  ),
};

export const LISTENER = {
  ...SERVICE,
  enabled: option.flag("Enable", true, "whether it listens at all"),
  maxConnections: option.integer("Concurrency", 1000, { from: 0, to: COUNT.to }, "connections at a time; 0: no limit"),
  maxConnectionsPerClient: option.integer(
    "Client_Concurrency",
    null,
    { from: 0, to: COUNT.to },
    "of these, from one address; 0: no limit; else half of `Concurrency`",
  ),
  maxConnectionsPerNetwork: option.integer(
    "Network_Concurrency",
    null,
    { from: 0, to: COUNT.to },
    "of these, from one IPv4 /24 or IPv6 /64; 0: no limit; else three quarters of `Concurrency`",
  ),
  idleTimeoutMs: option.seconds("Timeout", 300, 1, "silence after which a connection is closed"),
  messageTimeoutMs: option.seconds(
    "Message_Timeout",
    600,
    1,
    "longest time of a connection without a message coming in",
  ),
};

export const LISTEN_MARKS = {
  enable: ENABLE_DURAVIP,
  preference: DURAVIP_PREFERENCE,
  follow: option.text("Duravip_Follow", null, "binding, by name or address, whose address this one stays with"),
};

export const BINDING = {
  bindAddress: BIND_ADDRESS,
  enable: ENABLE_DURAVIP,
  preference: DURAVIP_PREFERENCE,
  ehloHostname: EHLO_HOSTNAME,
  suspended: SUSPEND_DELIVERY,
  maxOutboundConnections: MAX_OUTBOUND_CONNECTIONS,
};

export const BINDING_GROUP = {
  bindAddress: BIND_ADDRESS,
  ehloHostname: EHLO_HOSTNAME,
  suspended: SUSPEND_DELIVERY,
  maxOutboundConnections: MAX_OUTBOUND_CONNECTIONS,
};

const OUTBOUND_TLS = option.choice(
  "TLS",
  "ifavailable",
  ["ifavailable", "required", "no"],
  "encryption of mail that goes out, without a look at certificates; `required`: mail waits where there is none (OPERATING.md)",
);

export const DOMAIN = {
  routes: {
    ...option.endpoints("Routes", "next-hop", "next hops of the domain, tried in order, in place of its MX"),
    aliases: ["Gateway"],
  },
  suspended: SUSPEND_DELIVERY,
  tls: OUTBOUND_TLS,
};

export const GLOBAL = {
  ...SERVICE,
  bindAddress: BIND_ADDRESS,
  suspended: SUSPEND_DELIVERY,
  maxOutboundConnections: MAX_OUTBOUND_CONNECTIONS,
  spoolBase: option.path("SpoolBase", "/var/spool/holdfast", "directory of the mail spool"),
  hostname: option.hostName("Hostname", null, "name of this host in mail; else the name of the node"),
  gateway: option.endpoints("Gateway", "next-hop", "next hops of every domain without `Routes`, in order; else MX"),
  tls: OUTBOUND_TLS,
  bindingHeader: option.pattern(
    "Binding_Header",
    null,
    "the name of a header field",
    /^[!-9;-~]+$/, // RFC 5322 section 3.6.8: printable, without the colon
    "header field that names the binding of a message",
  ),
  defaultBinding: option.choice(
    "Default_Binding",
    "normal",
    ["normal", "suspended", "none"],
    "what becomes of mail that nothing gives a binding; `none`: refused with 451",
  ),
  retryIntervalMs: option.seconds("Retry_Interval", 1200, 1, "wait after the first failure; doubles"),
  maxRetryIntervalMs: option.seconds("Max_Retry_Interval", 43_200, 1, "longest wait between attempts"),
  messageExpirationMs: option.seconds("Message_Expiration", 604_800, 1, "age at which mail is returned"),
  mmoveConnections: option.integer("mmove_connections", 4, { from: 1, to: 64 }, "connections that move mail to a peer"),
  listenSharedMin: option.integer(
    "listen_shared_min",
    512,
    { from: 0, to: COUNT.to },
    "DuraVIP addresses on one port that have a socket each; more share one on every address (OPERATING.md); 0: never",
  ),
};

const TOPOLOGY_RULE: ScopeRule = {
  name: "Topology",
  instance: "a network block",
  options: TOPOLOGY,
  scopes: [],
  foreign: [],
  merges: false,
};

export const CLUSTER_RULE: ScopeRule = {
  name: "cluster",
  instance: null,
  options: { ...IDENTITY, ...CLUSTER },
  scopes: [TOPOLOGY_RULE],
  foreign: [...FOREIGN_CLUSTER, ...FOREIGN_CLUSTER_SCOPES],
  refused: [
    {
      name: "cluster_listener",
      why: "has not been an option since 3.0.15",
      remedy: 'write ECCluster_Listener { Listen "*:4802" {} } outside the cluster scope',
    },
  ],
  merges: true,
};

export const MSGC_SERVER_RULE: ScopeRule = {
  name: "msgc_server",
  instance: null,
  options: { ...PEERS, ...CHANNEL },
  scopes: [],
  foreign: FOREIGN_MSGC,
  merges: true,
};

const LISTEN_RULE: ScopeRule = {
  name: "Listen",
  instance: "an address and port",
  options: { ...LISTENER, ...LISTEN_MARKS },
  scopes: [],
  foreign: [...FOREIGN_LISTENER, ...FOREIGN_LISTENER_SCOPES],
  merges: false,
};

export const ESMTP_LISTENER_RULE: ScopeRule = {
  name: "ESMTP_Listener",
  instance: null,
  options: LISTENER,
  scopes: [LISTEN_RULE],
  foreign: LISTEN_RULE.foreign,
  merges: true,
};

export const ECCLUSTER_LISTENER_RULE: ScopeRule = listenerOfOurs("ECCluster_Listener", "an address and port");
export const CONTROL_LISTENER_RULE: ScopeRule = listenerOfOurs("Control_Listener", "the path of a socket");

/** A listener between nodes, or for the console: where it listens is all there is to say. */
function listenerOfOurs(name: string, instance: string): ScopeRule {
  const listen = { ...LISTEN_RULE, instance, options: {}, foreign: [...LISTEN_RULE.foreign, ...FOREIGN_OWN_LISTENER] };
  return { name, instance: null, options: {}, scopes: [listen], foreign: listen.foreign, merges: true };
}

export const BINDING_RULE: ScopeRule = {
  name: "Binding",
  instance: "the name of the binding",
  options: BINDING,
  scopes: [],
  foreign: [...FOREIGN_DELIVERY, ...FOREIGN_DELIVERY_SCOPES],
  refused: [
    {
      name: "Duravip_Follow",
      why: "is for listeners: bindings cannot follow",
      remedy: "give the listener that should stay with this binding a Duravip_Follow",
    },
    {
      name: "Binding_Group",
      why: "has not been an option of a binding since 3.0",
      remedy: 'write the binding inside Binding_Group "name" { }',
    },
  ],
  merges: false,
};

export const BINDING_GROUP_RULE: ScopeRule = {
  name: "Binding_Group",
  instance: "the name of the group",
  options: BINDING_GROUP,
  scopes: [BINDING_RULE],
  foreign: BINDING_RULE.foreign,
  merges: true,
};

export const DOMAIN_RULE: ScopeRule = {
  name: "Domain",
  instance: "the name of the domain",
  options: DOMAIN,
  scopes: [],
  foreign: FOREIGN_DELIVERY,
  merges: true,
};

export const ROOT_RULE: ScopeRule = {
  name: "the global scope",
  instance: null,
  options: GLOBAL,
  scopes: [
    CLUSTER_RULE,
    MSGC_SERVER_RULE,
    ESMTP_LISTENER_RULE,
    ECCLUSTER_LISTENER_RULE,
    CONTROL_LISTENER_RULE,
    BINDING_RULE,
    BINDING_GROUP_RULE,
    DOMAIN_RULE,
  ],
  foreign: [...FOREIGN_DELIVERY, ...FOREIGN_GLOBAL, ...FOREIGN_GLOBAL_SCOPES],
  merges: true,
};
