import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monotonicMs } from "../../src/lab/clock.js";
import { Homes } from "../../src/lab/homes.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";

const NODES = ["one", "two", "three"];
const VIPS = Array.from({ length: 9 }, (_, i) => `10.1.1.${i + 1}`);
const LEASE_MS = 2_000;

let network: LabNetwork;
let homes: Homes;

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
  homes = await Homes.watch(network, NODES, VIPS);
});

afterEach(async () => {
  await network.remove();
  await homes.close();
});

async function start(plumbing: "address" | "route"): Promise<void> {
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
       msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" three = "10.0.0.3" ]  reconnect_interval = 0.5 }
       cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1  lease_ms = ${LEASE_MS}
         Topology "10.1.1.0/24" { interface = "eth1"  plumbing = ${plumbing}  lifeline = true  partition_policy = strict }
       }
       ESMTP_Listener { ${VIPS.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
    );
    network.start(node, {
      script: "daemon/main.js",
      args: ["--config", file, "--node", node],
      logFile: join(network.directory, `${node}.log`),
    });
  }
}

/** Fails as soon as two kernels have had one address. */
async function until(arrived: (counts: readonly number[]) => boolean, what: string): Promise<void> {
  const seen = await poll(
    async () => {
      expect(homes.overlaps, "an address that two kernels had").toEqual([]);
      return arrived(homes.counts(VIPS, NODES)) ? true : null;
    },
    { everyMs: 20, limitMs: 60_000 },
  );
  expect(seen, `${what}: ${homes.counts(VIPS, NODES).join()}`).toBe(true);
}

/** What the observer has been told is what the kernels have. */
async function expectTrue(): Promise<void> {
  for (const node of NODES) {
    const addresses = await network.readLocalAddresses(node);
    expect(VIPS.filter((vip) => addresses.includes(vip))).toEqual(VIPS.filter((vip) => homes.of(vip).includes(node)));
  }
}

const each = (share: number) => (counts: readonly number[]) => counts.every((count) => count === share);

describe("three nodes under the policy strict, in real kernels", () => {
  it.each(["address", "route"] as const)(
    "have no %s twice at any moment, while one of them is cut off, gives up by itself what others take, and comes back",
    async (plumbing) => {
      await start(plumbing);
      await until(each(3), "each has its share");
      await expectTrue();

      const lost = VIPS.filter((vip) => homes.of(vip).includes("three"));
      const cutAt = monotonicMs();
      await network.cut("three");
      await until(([one = 0, two = 0, three]) => three === 0 && one + two === VIPS.length, "the majority has all");
      await expectTrue();
      // Nobody tells the majority that it has let go: that its lease is over is all that they know.
      const taken = homes.changes.filter(({ at, has, host }) => at > cutAt && has && host !== "three");
      expect(new Set(lost)).toEqual(new Set(taken.map(({ address }) => address)));
      expect(Math.min(...taken.map(({ at }) => at)) - cutAt).toBeGreaterThan(LEASE_MS);

      await network.heal("three");
      await until(each(3), "each has its share again");
      await expectTrue();
    },
  );
});
