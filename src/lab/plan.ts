/**
 * PURE: a lab's cluster on paper, and the one that the story plays on. Three nodes, a client, a sink; 60 VIPs in two Topologies, of which one is plumbed
 * by aliases and one by local routes, both on a lifeline; preferences, a follower, a binding group.
 *
 *   cluster 10.9.0.0/24   eth0 of n1, n2, n3
 *   mail1   10.1.0.0/16   eth1 of n1, n2, n3; client, sink     VIPs 10.1.1.1 to 10.1.1.40
 *   mail2   10.2.0.0/16   eth2 of n1, n2, n3; client, sink     VIPs 10.2.1.1 to 10.2.1.20
 *
 * The sink is the rest of the world: 10.3.0.1, reached through the network of the binding's address, by source
 * routing, as on any mail host with two uplinks.
 */
import type { Lane } from "./injector.js";
import type { HostSpec } from "./namespaces.js";

/** What a lab is made of. */
export interface LabPlan {
  readonly nodes: readonly string[];
  readonly vips: readonly Vip[];
  readonly hosts: readonly HostSpec[];
  /** What the injector sends where. */
  readonly lanes: readonly Lane[];
  /** Configuration of one node, in the ecelerity syntax. */
  configText(node: string, files: NodeFiles): string;
}

export const NODES = ["n1", "n2", "n3"] as const;
export const SMTP_PORT = 25;
export const SINK = { address: "10.3.0.1", port: 2525 } as const;
const CLUSTER_PORT = 4802;
const MAIL1_VIPS = 40;
const MAIL2_VIPS = 20;
/** Of each Topology's bindings, these many have a preferred node, in turns. */
const PREFERRED = { mail1: 18, mail2: 3 } as const;
/** The last VIP of mail1 is a listener of its own that follows this binding, which has no preference. */
const FOLLOWED = "a30";
const GROUP = "pool";
const BINDING_HEADER = "X-Lab-Binding";

export interface Vip {
  readonly address: string;
  /** Interface of its Topology on a node, and of its network on the client and the sink. */
  readonly interface: "eth1" | "eth2";
  /** Block of its Topology. */
  readonly topology: string;
  /** Binding on the address, or null for the follower. */
  readonly binding: string | null;
  readonly group: string | null;
  readonly preference: string | null;
  /** Binding that the address follows. */
  readonly follows: string | null;
}

export const VIPS: readonly Vip[] = [...mail1(), ...mail2()];

/** The follower, and the address that it follows. */
export const FOLLOWER = {
  address: `10.1.1.${MAIL1_VIPS}`,
  leader: VIPS.find((vip) => vip.binding === FOLLOWED)?.address ?? "",
};

export const STORY_PLAN: LabPlan = { nodes: NODES, vips: VIPS, hosts: hosts(NODES), lanes: lanes(), configText };

function mail1(): Vip[] {
  return Array.from({ length: MAIL1_VIPS }, (_, index) => {
    const isFollower = index === MAIL1_VIPS - 1;
    return {
      address: `10.1.1.${index + 1}`,
      interface: "eth1",
      topology: "10.1.1.0/24",
      binding: isFollower ? null : `a${String(index + 1).padStart(2, "0")}`,
      group: null,
      preference: index < PREFERRED.mail1 ? (NODES[index % NODES.length] ?? null) : null,
      follows: isFollower ? FOLLOWED : null,
    };
  });
}

function mail2(): Vip[] {
  return Array.from({ length: MAIL2_VIPS }, (_, index) => ({
    address: `10.2.1.${index + 1}`,
    interface: "eth2",
    topology: "10.2.1.0/24",
    binding: `b${String(index + 1).padStart(2, "0")}`,
    group: index < PREFERRED.mail2 ? GROUP : null,
    preference: index < PREFERRED.mail2 ? (NODES[index] ?? null) : null,
    follows: null,
  }));
}

/** Address of a node on a network; also that of its plain listener. */
export function nodeAddress(node: string, network: "cluster" | "mail1" | "mail2"): string {
  const number = node.slice(1);
  return { cluster: `10.9.0.${number}`, mail1: `10.1.0.${number}`, mail2: `10.2.0.${number}` }[network];
}

/** The nodes' hosts, and those outside of the cluster. */
export function hosts(nodes: readonly string[]): readonly HostSpec[] {
  const outside = (name: string, number: number, commands: readonly string[]): HostSpec => ({
    name,
    interfaces: [
      { name: "eth1", network: "mail1", addresses: [`10.1.255.${number}/16`] },
      { name: "eth2", network: "mail2", addresses: [`10.2.255.${number}/16`] },
    ],
    commands,
  });
  return [
    ...nodes.map((node) => ({
      name: node,
      interfaces: [
        { name: "eth0", network: "cluster", addresses: [`${nodeAddress(node, "cluster")}/24`] },
        { name: "eth1", network: "mail1", addresses: [`${nodeAddress(node, "mail1")}/16`] },
        { name: "eth2", network: "mail2", addresses: [`${nodeAddress(node, "mail2")}/16`] },
      ],
      commands: [
        "route replace default via 10.1.255.2",
        "route replace default via 10.2.255.2 table 102",
        `rule add from 10.2.0.0/16 to ${SINK.address} table 102`,
      ],
    })),
    outside("client", 1, []),
    outside("sink", 2, [`address add ${SINK.address}/32 dev lo`]),
  ];
}

/**
 * What the injector sends: to every VIP's listener, whose binding decides; and to each node's plain listener, with a
 * header that asks for the group or for bindings that live anywhere, so that mail has to move.
 */
export function lanes(): readonly Lane[] {
  const grouped = VIPS.filter((vip) => vip.group === GROUP);
  const byHeader = [
    { header: `${BINDING_HEADER}: ${GROUP}`, sources: grouped.map((vip) => vip.address) },
    ...VIPS.flatMap((vip) =>
      vip.binding === null ? [] : [{ header: `${BINDING_HEADER}: ${vip.binding}`, sources: [vip.address] }],
    ),
  ];
  return [
    ...VIPS.map((vip) => ({
      listener: vip.address,
      mail: [{ header: null, sources: [vip.follows === null ? vip.address : FOLLOWER.leader] }],
    })),
    ...NODES.map((node, index) => ({
      listener: nodeAddress(node, "mail1"),
      // Each node starts elsewhere in the list.
      mail: [...byHeader.slice(index * 20), ...byHeader.slice(0, index * 20)],
    })),
  ];
}

export interface NodeFiles {
  readonly keyFile: string;
  readonly spoolDirectory: string;
  readonly controlSocket: string;
}

/** Configuration of one node, in the ecelerity syntax. */
export function configText(node: string, files: NodeFiles): string {
  const peers = NODES.map((name) => `${name} = "${nodeAddress(name, "cluster")}"`).join(" ");
  const alone = VIPS.filter((vip) => vip.group === null && vip.binding !== null);
  const grouped = VIPS.filter((vip) => vip.group === GROUP);
  return `# ${node} of the lab
Hostname = "${node}"
SpoolBase = "${files.spoolDirectory}"
Gateway = "${SINK.address}:${SINK.port}"
Binding_Header = "${BINDING_HEADER}"
Retry_Interval = 1
Max_Retry_Interval = 2

ECCluster_Listener { Listen "${nodeAddress(node, "cluster")}:${CLUSTER_PORT}" {} }
Control_Listener { Listen "${files.controlSocket}" {} }
msgc_server { peers = [ ${peers} ] }
cluster {
  nodename = "${node}"
  nodeaddr = "${nodeAddress(node, "cluster")}"
  key_file = "${files.keyFile}"
  view_mature_time = 1
  view_balance_interval = 1
  duravip_balance_set_size = 20
  Topology "10.1.1.0/24" { interface = "eth1" plumbing = "address" lifeline = true }
  Topology "10.2.1.0/24" { interface = "eth2" plumbing = "route" lifeline = true }
}

ESMTP_Listener {
  Relay_Hosts = ( "10.1.0.0/16" "10.2.0.0/16" )
  Listen "${nodeAddress(node, "mail1")}:${SMTP_PORT}" {}
${VIPS.map((vip) => `  Listen "${vip.address}:${SMTP_PORT}" { ${listenOption(vip)} }`).join("\n")}
}

${alone.map(bindingText).join("\n")}
Binding_Group "${GROUP}" {
${grouped.map((vip) => `  ${bindingText(vip)}`).join("\n")}
}
`;
}

function listenOption(vip: Vip): string {
  return vip.follows === null ? "Enable_Duravip = true" : `Duravip_Follow = "${vip.follows}"`;
}

function bindingText(vip: Vip): string {
  const preference = vip.preference === null ? "" : ` Duravip_Preference = "${vip.preference}"`;
  return `Binding "${vip.binding}" { Enable_Duravip = true Bind_Address = "${vip.address}"${preference} }`;
}
