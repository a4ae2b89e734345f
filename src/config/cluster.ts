/** The `cluster` and `msgc_server` scopes: this node, its peers, its networks. */
import { blockOf, canonicalAddress, compareAddresses, hostPrefix, isIpv6, parseNetwork } from "./address.js";
import type { Diagnostics } from "./diagnostics.js";
import { CHANNEL, CLUSTER, IDENTITY, PEERS, TOPOLOGY } from "./schema.js";
import { type Scope, setting, valueOf, valuesOf } from "./scopes.js";
import type { Scalar } from "./syntax.js";
import type { ChannelOptions, ClusterOptions, Peer, SourceLocation, Topology } from "./types.js";

/** An address that belongs to a host of the cluster itself, and how the text says so. */
export interface HostAddress {
  readonly address: string;
  /** "the address of peer node2" */
  readonly is: string;
}

export interface ClusterPart {
  readonly cluster: ClusterOptions;
  readonly peers: readonly Peer[];
  readonly channel: ChannelOptions;
  readonly hostAddresses: readonly HostAddress[];
}

export function readCluster(cluster: Scope, msgc: Scope, nodename: string, diagnostics: Diagnostics): ClusterPart {
  const peers = readPeers(msgc, diagnostics);
  const nodeaddr = valueOf(IDENTITY.nodeaddr, cluster);
  const self = peers.find(({ name }) => name === nodename);
  checkIdentity(cluster, msgc, nodename, diagnostics);
  return {
    cluster: {
      ...valuesOf(CLUSTER, cluster),
      keyFileAt: setting(CLUSTER.keyFile, cluster)?.at ?? null,
      nodeaddr: nodeaddr ?? self?.address ?? null,
    },
    peers,
    channel: readChannel(msgc, diagnostics),
    hostAddresses: [
      ...(nodeaddr === null ? [] : [{ address: nodeaddr, is: "the nodeaddr of this node" }]),
      ...peers.map(({ name, address }) => ({
        address,
        is: name === nodename ? "this node's own address" : `the address of peer ${name}`,
      })),
    ],
  };
}

/** Who this node is, and whether the rest of the text agrees. */
function checkIdentity(cluster: Scope, msgc: Scope, nodename: string, diagnostics: Diagnostics): void {
  const nodeaddr = setting(IDENTITY.nodeaddr, cluster);
  if (nodeaddr !== undefined && isLoopback(nodeaddr.value)) {
    const remedy = "give the address of this node that its peers can reach";
    diagnostics.error("loopback-nodeaddr", nodeaddr.at, `nodeaddr cannot be ${nodeaddr.value}`, remedy);
  }
  const table = setting(PEERS.peers, msgc);
  const names = table?.value?.entries.map(({ key }) => key.text) ?? [];
  if (table === undefined || names.length === 0) return;
  if (!names.includes(nodename)) {
    const known = names.join(", ");
    const remedy = "add it there, or set nodename in the cluster scope, or start with --node NAME";
    diagnostics.error("not-a-peer", table.at, `this node, ${nodename}, is not among the peers: ${known}`, remedy);
  }
  if (setting(CLUSTER.keyFile, cluster) === undefined) {
    const remedy = 'write cluster { key_file = "/etc/holdfast/cluster.key" }, with the same key on every node';
    diagnostics.error("key-file-missing", table.at, "peers need a cluster key, and there is no key_file", remedy);
  }
}

function isLoopback(address: string | null | undefined): boolean {
  return address === "127.0.0.1" || address === "::1";
}

function readPeers(msgc: Scope, diagnostics: Diagnostics): Peer[] {
  const entries = setting(PEERS.peers, msgc)?.value?.entries ?? [];
  const byName = new Map<string, Scalar>();
  const byAddress = new Map<string, string>();
  const peers: Peer[] = [];
  for (const { key, value } of entries) {
    const address = canonicalAddress(value.text);
    const problem = peerNameProblem(key.text);
    if (problem !== null) diagnostics.error("peer-name", key.at, `peer ${key.text} ${problem.why}`, problem.remedy);
    else if (byName.has(key.text)) {
      diagnostics.error(
        "duplicate-peer",
        key.at,
        `peer ${key.text} is there twice${placeOf(byName.get(key.text)?.at)}`,
      );
      continue;
    }
    byName.set(key.text, key);
    if (address === null) {
      const message = `the address of peer ${key.text} must be an IP address, and is "${value.text}"`;
      diagnostics.error("invalid-value", value.at, message);
      continue;
    }
    if (isLoopback(address) && entries.length > 1) {
      diagnostics.error("loopback-nodeaddr", value.at, `peer ${key.text} cannot be reached at ${address}`);
    }
    const other = byAddress.get(address);
    if (other !== undefined) {
      diagnostics.error("duplicate-peer", value.at, `peers ${other} and ${key.text} have the same address ${address}`);
    }
    byAddress.set(address, key.text);
    peers.push({ name: key.text, address });
  }
  return peers.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function peerNameProblem(name: string): { why: string; remedy: string } | null {
  if (name !== name.toLowerCase()) return { why: "is not in lower case", remedy: `write ${name.toLowerCase()}` };
  if (/^[a-z0-9][a-z0-9._-]*$/.test(name)) return null;
  return { why: "is not a node name", remedy: "use letters, digits, '-', '_' and '.'" };
}

export function placeOf(at: SourceLocation | undefined): string {
  return at === undefined ? "" : `, first in ${at.file}:${at.line}`;
}

function readChannel(msgc: Scope, diagnostics: Diagnostics): ChannelOptions {
  const channel = valuesOf(CHANNEL, msgc);
  const timeout = setting(CHANNEL.failureTimeoutMs, msgc) ?? setting(CHANNEL.heartbeatIntervalMs, msgc);
  const { failureTimeoutMs, heartbeatIntervalMs } = channel;
  if (timeout !== undefined && failureTimeoutMs <= heartbeatIntervalMs) {
    const message = `failure_timeout_ms (${failureTimeoutMs}) must be longer than heartbeat_interval_ms (${heartbeatIntervalMs})`;
    diagnostics.error("timeout-too-short", timeout.at, message, "allow for three to five lost heartbeats");
  } else if (timeout !== undefined && failureTimeoutMs < 3 * heartbeatIntervalMs) {
    const message = `one or two lost heartbeats make a dead peer: failure_timeout_ms is ${failureTimeoutMs}`;
    diagnostics.warn("timeout-too-short", timeout.at, message, "allow for three to five lost heartbeats");
  }
  return channel;
}

/** The networks of VIPs, most specific first, and which of them an address is in. */
export class Topologies {
  readonly all: readonly Topology[];
  /** By block. */
  readonly #known = new Map<string, Topology>();
  /** Of the blocks of each family, longest first. */
  readonly #lengths: Readonly<Record<4 | 6, readonly number[]>>;

  constructor(scopes: readonly Scope[], diagnostics: Diagnostics) {
    const lengths = { 4: new Set<number>(), 6: new Set<number>() };
    for (const scope of scopes) {
      const network = parseNetwork(scope.name);
      const topology = readTopology(scope, network?.block ?? scope.name, diagnostics);
      if (network === null) {
        const remedy = 'write Topology "10.1.1.0/24" { interface = "eth1" }';
        diagnostics.error("topology-block", scope.at, `Topology "${scope.name}" is not a network block`, remedy);
        continue;
      }
      if (network.hadHostBits) {
        const message = `Topology "${scope.name}" has bits behind its prefix; it is read as ${network.block}`;
        diagnostics.warn("topology-block", scope.at, message);
      }
      lengths[network.family].add(network.length);
      const first = this.#known.get(network.block);
      if (first === undefined) this.#known.set(network.block, topology);
      else {
        const message = `there is a Topology for ${network.block} already${placeOf(first.at)}`;
        diagnostics.error("duplicate-topology", scope.at, message);
      }
    }
    const longestFirst = (of: ReadonlySet<number>) => [...of].sort((a, b) => b - a);
    this.#lengths = { 4: longestFirst(lengths[4]), 6: longestFirst(lengths[6]) };
    this.all = [...this.#known.values()].sort(mostSpecificFirst);
  }

  /** The most specific one that holds a canonical address. */
  of(address: string): Topology | undefined {
    for (const length of this.#lengths[isIpv6(address) ? 6 : 4]) {
      const found = this.#known.get(blockOf(address, length));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** IPv4 before IPv6, and neighbours in the order of their addresses. */
function mostSpecificFirst({ block: a }: Topology, { block: b }: Topology): number {
  const [baseOfA = "", lengthOfA] = a.split("/");
  const [baseOfB = "", lengthOfB] = b.split("/");
  if (isIpv6(a) !== isIpv6(b)) return isIpv6(a) ? 1 : -1;
  return Number(lengthOfB) - Number(lengthOfA) || compareAddresses(baseOfA, baseOfB);
}

function readTopology(scope: Scope, block: string, diagnostics: Diagnostics): Topology {
  const { interface: name, cidrmask, ...options } = valuesOf(TOPOLOGY, scope);
  if (setting(TOPOLOGY.interface, scope) === undefined) {
    const remedy = 'write interface = "eth1", the interface of that network';
    diagnostics.error("interface-missing", scope.at, `Topology "${scope.name}" names no interface`, remedy);
  }
  if (isIpv6(block) && options.plumbing === "route") {
    const message = `Topology "${scope.name}" cannot have plumbing = route: no socket can be bound to such an IPv6 address`;
    const remedy = "use plumbing = address; with lifeline = true it is as fast as on any TUN device";
    diagnostics.error("ipv6-route", setting(TOPOLOGY.plumbing, scope)?.at ?? scope.at, message, remedy);
  }
  const host = hostPrefix(block);
  const at = setting(TOPOLOGY.cidrmask, scope)?.at ?? scope.at;
  if (cidrmask !== null && cidrmask > host) {
    diagnostics.error("cidrmask", at, `cidrmask ${cidrmask}: an IPv4 address has ${host} bits`);
  } else if (cidrmask !== null && cidrmask !== host) {
    const message = `cidrmask ${cidrmask}: an alias with another mask than ${host} does not work as a VIP`;
    diagnostics.warn("cidrmask", at, message, `leave cidrmask out; it is ${host}`);
  }
  return { ...options, cidrmask: cidrmask ?? host, block, interface: name ?? "", at: scope.at };
}
