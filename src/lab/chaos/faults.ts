/**
 * What chaos does to a node, and takes back again. Each fault is one that an operator has met: crashes, stops, cuts, interfaces
 * that go and come, the hand of an administrator, wrong keys, noise.
 */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../sim/random.js";
import { ipBatch, ipJson } from "../iproute.js";
import type { Lab } from "../lab.js";
import { nodeAddress, type Vip } from "../plan.js";
import type { LabProcess } from "../process.js";

/** A fault that lasts. */
export interface Episode {
  /** As a sentence. */
  readonly what: string;
  /** Takes the fault back: from then on all has to become well by itself. */
  end(): Promise<void>;
}

export interface Stage {
  readonly lab: Lab;
  readonly random: Random;
  /** The node that it happens to: it runs, and no other fault is on it. */
  readonly node: string;
}

export interface Fault {
  readonly name: string;
  /**
   * Two kernels may have an address under `strict` because of it: what is stopped cannot let go (docs/PROTOCOL.md, "Leases"),
   * and an administrator's hand knows of no lease.
   */
  readonly doubles?: true;
  begin(stage: Stage): Promise<Episode>;
}

export const FAULTS: readonly Fault[] = [
  { name: "kill", begin: kill },
  { name: "terminate", begin: terminate },
  { name: "pause", doubles: true, begin: pause },
  { name: "cut-off", begin: cutOff },
  { name: "cut-cluster", begin: cutCluster },
  { name: "cut-mail", begin: cutMail },
  { name: "link-down", begin: linkDown },
  { name: "link-again", begin: linkAgain },
  { name: "flush", begin: flush },
  { name: "lifeline", begin: lifeline },
  { name: "address-deleted", begin: addressDeleted },
  { name: "address-by-hand", doubles: true, begin: addressByHand },
  { name: "wrong-key", begin: wrongKey },
  { name: "noise", begin: noise },
  { name: "rival", begin: rival },
  { name: "move", begin: move },
  { name: "drain", begin: drain },
];

const CHANNEL_PORT = "4809";
const LIFELINE = "hf104";
const nothing = async () => {};

async function kill({ lab, node }: Stage): Promise<Episode> {
  lab.cluster.kill(node);
  await lab.cluster.ended(node);
  return { what: `SIGKILL of ${node}`, end: async () => void lab.cluster.start(node) };
}

async function terminate({ lab, node }: Stage): Promise<Episode> {
  await lab.cluster.stop(node);
  return { what: `SIGTERM of ${node}`, end: async () => void lab.cluster.start(node) };
}

async function pause({ lab, node }: Stage): Promise<Episode> {
  lab.cluster.signal(node, "SIGSTOP");
  return { what: `SIGSTOP of ${node}`, end: async () => lab.cluster.signal(node, "SIGCONT") };
}

async function cutOff({ lab, node }: Stage): Promise<Episode> {
  await lab.network.cut(node);
  return { what: `${node} is cut off from every network`, end: () => lab.network.heal(node) };
}

async function cutCluster({ lab, node }: Stage): Promise<Episode> {
  await lab.network.cut(node, "cluster");
  return { what: `${node} is cut off from the cluster network`, end: () => lab.network.heal(node, "cluster") };
}

async function cutMail({ lab, node, random }: Stage): Promise<Episode> {
  const network = random.chance(0.5) ? "mail1" : "mail2";
  await lab.network.cut(node, network);
  return { what: `${node} is cut off from ${network}, with carrier`, end: () => lab.network.heal(node, network) };
}

async function linkDown({ lab, node, random }: Stage): Promise<Episode> {
  const link = mailLink(random);
  await on(lab, node, `link set ${link} down`);
  return { what: `${link} of ${node} goes down`, end: () => lab.network.restoreInterface(node, link) };
}

async function linkAgain({ lab, node, random }: Stage): Promise<Episode> {
  const link = mailLink(random);
  await lab.network.deleteInterface(node, link);
  return { what: `${link} of ${node} is deleted, and made again`, end: () => lab.network.remakeInterface(node, link) };
}

async function flush({ lab, node, random }: Stage): Promise<Episode> {
  const link = mailLink(random);
  await on(lab, node, `address flush dev ${link}`);
  return { what: `ip addr flush dev ${link} on ${node}`, end: () => lab.network.restoreInterface(node, link) };
}

async function lifeline({ lab, node }: Stage): Promise<Episode> {
  await on(lab, node, `link delete ${LIFELINE}`);
  return { what: `ip link del ${LIFELINE} on ${node}`, end: nothing };
}

async function addressDeleted({ lab, node, random }: Stage): Promise<Episode> {
  const vip = random.pick(lab.ownedBy(node));
  if (vip === undefined) return { what: `${node} has no address to delete`, end: nothing };
  for (const command of await deletionsOf(lab, node, vip.address)) await on(lab, node, command).catch(nothing);
  return { what: `${vip.address} is taken from ${node} by hand`, end: nothing };
}

/** Where the kernel has it, as an alias or as a local route of its own. */
async function deletionsOf(lab: Lab, node: string, address: string): Promise<string[]> {
  const namespace = lab.network.namespace(node);
  const links = await ipJson<{ readonly ifname?: string }>(namespace, ["address", "show", "to", `${address}/32`]);
  const aliases = links.flatMap(({ ifname }) =>
    ifname === undefined ? [] : [`address delete ${address}/32 dev ${ifname}`],
  );
  return aliases.length > 0 ? aliases : [`route delete local ${address} table local`];
}

async function addressByHand({ lab, node, random }: Stage): Promise<Episode> {
  const owned = new Set(lab.ownedBy(node));
  const vip = random.pick(lab.plan.vips.filter((one) => !owned.has(one)));
  if (vip === undefined) return { what: `${node} has every address`, end: nothing };
  const alias = `${vip.address}/32 dev ${vip.interface}`;
  await on(lab, node, `address add ${alias}`);
  // The node may have removed it by itself.
  const end = () => on(lab, node, `address delete ${alias}`).catch(nothing);
  return { what: `ip addr add ${alias} on ${node}, which does not own it`, end };
}

async function wrongKey({ lab, node }: Stage): Promise<Episode> {
  const { cluster, network } = lab;
  const [keyFile, configFile] = [
    join(network.directory, `${node}.wrong.key`),
    join(network.directory, `${node}.wrong`),
  ];
  const text = await readFile(cluster.configFile(node), "utf8");
  await writeFile(keyFile, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  await writeFile(configFile, text.replace(/key_file = "[^"]*"/, `key_file = "${keyFile}"`));
  await cluster.stop(node);
  cluster.start(node, configFile);
  const end = async () => {
    if (cluster.isRunning(node)) await cluster.stop(node);
    cluster.start(node);
  };
  return { what: `${node} starts with another cluster key`, end };
}

async function noise({ lab, node }: Stage): Promise<Episode> {
  const { cluster, network } = lab;
  cluster.kill(node);
  await cluster.ended(node);
  const others = lab.plan.nodes.filter((other) => other !== node).map((other) => nodeAddress(other, "cluster"));
  const noise = network.start(node, {
    script: "lab/noise-main.js",
    args: [CHANNEL_PORT, "200", ...others],
    logFile: join(network.directory, "noise.log"),
  });
  const end = async () => {
    noise.endInput();
    await noise.exited;
    cluster.start(node);
  };
  return { what: `${node} is killed, and garbage comes from its address`, end };
}

/** The sink claims addresses of the node, as a host does that was given them by mistake. */
async function rival({ lab, node, random }: Stage): Promise<Episode> {
  const some = random.some(lab.ownedBy(node), 0.2);
  const processes = [...new Set(some.map((vip) => vip.interface))].map((link) =>
    claim(
      lab,
      link,
      some.filter((vip) => vip.interface === link),
    ),
  );
  const end = async () => {
    for (const process of processes) process.kill("SIGTERM");
    await Promise.all(processes.map((process) => process.exited));
  };
  return { what: `the sink claims ${some.length} addresses of ${node}`, end };
}

function claim(lab: Lab, link: string, vips: readonly Vip[]): LabProcess {
  const addresses = vips.map((vip) => vip.address);
  return lab.network.start("sink", {
    script: "cli/main.js",
    args: ["kernel", "announce", "--link", link, "--rounds", "4", ...addresses],
    logFile: join(lab.network.directory, "rival.log"),
  });
}

async function move({ lab, node, random }: Stage): Promise<Episode> {
  const vip = random.pick(lab.plan.vips);
  const via = random.pick(lab.plan.nodes) ?? node;
  // A cluster in the middle of something else refuses, which is an answer.
  await lab.cluster.command(via, `cluster duravip move ${vip?.address} to ${node} for 5s`).catch(nothing);
  return { what: `${vip?.address} is moved to ${node} for 5 s`, end: nothing };
}

async function drain({ lab, node }: Stage): Promise<Episode> {
  await lab.cluster.command(node, "cluster drain").catch(nothing);
  return { what: `${node} is drained`, end: () => lab.cluster.command(node, "cluster undrain").catch(nothing) };
}

function mailLink(random: Random): "eth1" | "eth2" {
  return random.chance(0.5) ? "eth1" : "eth2";
}

async function on(lab: Lab, host: string, command: string): Promise<void> {
  await ipBatch(lab.network.namespace(host), [command]);
}
