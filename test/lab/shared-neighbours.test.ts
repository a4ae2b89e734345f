import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askForData } from "../../src/console/client.js";
import { ipBatch } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";

const NODES = ["one", "two"] as const;
type NodeName = (typeof NODES)[number];
const VIP = "10.1.1.1";
const CLIENT = "10.1.255.1";

let network: LabNetwork;
let key: string;

beforeEach(async () => {
  const node = (name: NodeName, number: number) => ({
    name,
    interfaces: [
      { name: "eth0", network: "cluster", addresses: [`10.0.0.${number}/24`] },
      { name: "eth1", network: "mail", addresses: [`10.1.0.${number}/16`] },
    ],
  });
  const client = { name: "client", interfaces: [{ name: "eth1", network: "mail", addresses: [`${CLIENT}/16`] }] };
  network = await LabNetwork.create([node("one", 1), node("two", 2), client]);
  key = join(network.directory, "cluster.key");
  await writeFile(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
});

afterEach(() => network.remove());

/** The VIP prefers "one". Neighbours are told by frames of their own, and nobody else. */
async function start(node: NodeName): Promise<LabProcess> {
  const number = NODES.indexOf(node) + 1;
  const file = join(network.directory, `${node}.conf`);
  await writeFile(
    file,
    `Hostname = "${node}"
     SpoolBase = "${network.directory}/${node}.spool"
     ECCluster_Listener { Listen "10.0.0.${number}:4802" {} }
     Control_Listener { Listen "${network.directory}/${node}.sock" {} }
     msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" ] }
     cluster { key_file = "${key}"  view_mature_time = 0.5  arp_all_hosts = false  arp_share = 0.2  arp_refresh = 0
       Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true }
     }
     ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) Listen "${VIP}:25" { Enable_Duravip = true  DuraVIP_Preference = "one" } }`,
  );
  return network.start(node, {
    script: "daemon/main.js",
    args: ["--config", file, "--node", node],
    logFile: join(network.directory, `${node}.log`),
  });
}

async function counterOf(node: NodeName, name: string): Promise<unknown> {
  const counters: unknown = await askForData(join(network.directory, `${node}.sock`), "summary").catch(() => null);
  return (
    typeof counters === "object" && counters !== null && Object.entries(counters).find(([key]) => key === name)?.[1]
  );
}

const macOf = async (host: string) => (await network.readMacs(host)).get("eth1") ?? "";
const known = async (host: string, address: string) =>
  (await network.readNeighbours(host)).find((neighbour) => neighbour.address === address)?.mac ?? null;

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  expect(await poll(async () => ((await holds()) ? true : null), { everyMs: 50, limitMs: 60_000 }), what).toBe(true);
}

describe("a node that tells no whole network", () => {
  it("tells the hosts that the dead owner of an address knew, though it never met them itself", async () => {
    const one = await start("one");
    await start("two");
    await until(
      async () => (await network.readLocalAddresses("one")).includes(VIP),
      "the VIP is at its preferred node",
    );
    const [macOne, macTwo, macClient] = [await macOf("one"), await macOf("two"), await macOf("client")];
    // As after some traffic between them, of which "two" saw nothing.
    await ipBatch(network.namespace("client"), [`neigh replace ${VIP} lladdr ${macOne} dev eth1 nud stale`]);
    await ipBatch(network.namespace("one"), [`neigh replace ${CLIENT} lladdr ${macClient} dev eth1 nud stale`]);
    const heard = Number(await counterOf("two", "share.heard"));
    await until(async () => Number(await counterOf("two", "share.heard")) >= heard + 2, "one has shared it");
    expect(await known("two", CLIENT), "two has not met the client").toBeNull();

    one.kill("SIGKILL");
    await until(async () => (await known("client", VIP)) === macTwo, "the client knows the new home");
    expect(await known("two", CLIENT)).toBeNull();
  });
});
