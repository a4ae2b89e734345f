/**
 * PURE: the cluster that chaos is let loose on. Three Topologies, one for each partition policy, each plumbed in another way:
 *
 *   10.1.1.0/24   eth1   80 VIPs   aliases on a lifeline
 *   10.1.2.0/24   eth1   40 VIPs   aliases of the interface
 *   10.2.1.0/24   eth2   80 VIPs   local routes on a lifeline
 *
 * Which policy each has is drawn, but `strict` is always on a lifeline. Networks, client and sink are those of the story.
 */
import type { Random } from "../../sim/random.js";
import { hosts, type LabPlan, nodeAddress, type NodeFiles, SINK, SMTP_PORT, type Vip } from "../plan.js";

export type Policy = "available" | "majority" | "strict";

export interface ChaosPlan extends LabPlan {
  readonly topologies: readonly ChaosTopology[];
}

export interface ChaosTopology {
  readonly block: string;
  readonly interface: "eth1" | "eth2";
  readonly plumbing: "address" | "route";
  readonly lifeline: boolean;
  readonly policy: Policy;
  readonly vips: readonly Vip[];
}

/** Every so many VIPs, one prefers a node. */
const PREFERRED_EVERY = 4;

export function chaosPlan(nodeCount: number, random: Random): ChaosPlan {
  const nodes = Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`);
  return planOf(nodes, draw(nodes, random), SINK.port);
}

/** @param sinkPort where all mail leaves to. */
export function planOf(nodes: readonly string[], topologies: readonly ChaosTopology[], sinkPort: number): ChaosPlan {
  const vips = topologies.flatMap((topology) => topology.vips);
  return {
    nodes,
    topologies,
    vips,
    hosts: hosts(nodes),
    lanes: vips.map(({ address }) => ({ listener: address, mail: [{ header: null, sources: [address] }] })),
    configText: (node, files) => configText(node, files, { nodes, topologies, vips, sinkPort }),
  };
}

function draw(nodes: readonly string[], random: Random): ChaosTopology[] {
  const loose: Policy = random.chance(0.5) ? "available" : "majority";
  const other: Policy = loose === "available" ? "majority" : "available";
  const [first, last]: [Policy, Policy] = random.chance(0.5) ? ["strict", other] : [other, "strict"];
  return [
    topology(nodes, "10.1.1", 80, { interface: "eth1", plumbing: "address", lifeline: true, policy: first }),
    topology(nodes, "10.1.2", 40, { interface: "eth1", plumbing: "address", lifeline: false, policy: loose }),
    topology(nodes, "10.2.1", 80, { interface: "eth2", plumbing: "route", lifeline: true, policy: last }),
  ];
}

/** Addresses of a network, a quarter of them with preferred nodes, in turns. */
export function topology(
  nodes: readonly string[],
  network: string,
  count: number,
  terms: Omit<ChaosTopology, "block" | "vips">,
): ChaosTopology {
  return {
    block: `${network}.0/24`,
    ...terms,
    vips: Array.from({ length: count }, (_, index) => ({
      address: `${network}.${index + 1}`,
      interface: terms.interface,
      topology: `${network}.0/24`,
      binding: `v-${network}.${index + 1}`,
      group: null,
      preference: index % PREFERRED_EVERY === 0 ? (nodes[(index / PREFERRED_EVERY) % nodes.length] ?? null) : null,
      follows: null,
    })),
  };
}

function configText(
  node: string,
  files: NodeFiles,
  {
    nodes,
    topologies,
    vips,
    sinkPort,
  }: Pick<ChaosPlan, "nodes" | "topologies" | "vips"> & { readonly sinkPort: number },
): string {
  const peers = nodes.map((name) => `${name} = "${nodeAddress(name, "cluster")}"`).join(" ");
  return `# ${node} of the chaos lab
Hostname = "${node}"
SpoolBase = "${files.spoolDirectory}"
Gateway = "${SINK.address}:${sinkPort}"
Retry_Interval = 1
Max_Retry_Interval = 2

ECCluster_Listener { Listen "${nodeAddress(node, "cluster")}:4802" {} }
Control_Listener { Listen "${files.controlSocket}" {} }
msgc_server { peers = [ ${peers} ]  reconnect_interval = 1 }
cluster {
  nodename = "${node}"
  nodeaddr = "${nodeAddress(node, "cluster")}"
  key_file = "${files.keyFile}"
  view_mature_time = 1
  view_balance_interval = 1
  lease_ms = 2000
  # Every fault is followed by balance: a damped node would have to wait for minutes.
  flap_half_life = 0
${topologies.map(topologyText).join("\n")}
}

ESMTP_Listener {
  Relay_Hosts = ( "10.1.0.0/16" "10.2.0.0/16" )
${vips.map(({ address }) => `  Listen "${address}:${SMTP_PORT}" { Enable_Duravip = true }`).join("\n")}
}

${vips.map(bindingText).join("\n")}
`;
}

function topologyText({ block, plumbing, lifeline, policy, ...topology }: ChaosTopology): string {
  const terms = `interface = "${topology.interface}" plumbing = "${plumbing}" lifeline = ${lifeline}`;
  return `  Topology "${block}" { ${terms} partition_policy = ${policy} }`;
}

function bindingText({ binding, address, preference }: Vip): string {
  const preferred = preference === null ? "" : ` Duravip_Preference = "${preference}"`;
  return `Binding "${binding}" { Enable_Duravip = true Bind_Address = "${address}"${preferred} }`;
}
