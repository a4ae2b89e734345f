import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";

const NODES = ["one", "two", "three"];
const VIPS = Array.from({ length: 9 }, (_, i) => `10.1.1.${i + 1}`);

let network: LabNetwork;

beforeEach(async () => {
  network = await LabNetwork.create(
    NODES.map((name, i) => ({
      name,
      interfaces: [
        { name: "eth0", network: "cluster", addresses: [`10.0.0.${i + 1}/24`] },
        { name: "eth1", network: "mail", addresses: [`10.1.0.${i + 1}/16`] },
      ],
    })),
  );
  const key = join(network.directory, "cluster.key");
  await writeFile(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  for (const [i, node] of NODES.entries()) {
    const file = join(network.directory, `${node}.conf`);
    await writeFile(
      file,
      `Hostname = "${node}"
       SpoolBase = "${network.directory}/${node}.spool"
       ECCluster_Listener { Listen "10.0.0.${i + 1}:4802" {} }
       Control_Listener { Listen "${network.directory}/${node}.sock" {} }
       msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" three = "10.0.0.3" ] reconnect_interval = 0.5 }
       cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1
         Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true  partition_policy = strict }
       }
       ESMTP_Listener { ${VIPS.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
    );
    network.start(node, {
      script: "daemon/main.js",
      args: ["--config", file, "--node", node],
      logFile: join(network.directory, `${node}.log`),
    });
  }
});

afterEach(() => network.remove());

/** How many VIPs each node's kernel has; fails as soon as two have one. */
async function shares(): Promise<readonly number[]> {
  const homes = new Map<string, string>();
  const counts: number[] = [];
  // One after the other: what moves in between is at its new home a good deal later, by the margin of the fence.
  for (const node of NODES) {
    const addresses = await network.readLocalAddresses(node);
    const held = VIPS.filter((vip) => addresses.includes(vip));
    for (const vip of held) {
      expect(homes.get(vip), `${vip} is in the kernel of ${node} too`).toBeUndefined();
      homes.set(vip, node);
    }
    counts.push(held.length);
  }
  return counts;
}

async function until(expected: readonly number[], what: string): Promise<void> {
  const sorted = (counts: readonly number[]) => [...counts].sort((a, b) => a - b).join();
  const arrived = await poll(async () => (sorted(await shares()) === sorted(expected) ? true : null), {
    everyMs: 1,
    limitMs: 60_000,
  });
  expect(arrived, what).toBe(true);
}

describe("the policy strict, on real kernels", () => {
  it("has no address in two of them at any time, while a node is cut off, and comes back", async () => {
    await until([3, 3, 3], "each has its share");
    await network.cut("three");
    await until([0, 4, 5], "the majority has all, and who was cut off has none");
    await network.heal("three");
    await until([3, 3, 3], "each has its share again");
  });
});
