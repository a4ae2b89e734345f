import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askForData } from "../../src/console/client.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";

const NODES = ["one", "two", "three"] as const;
type NodeName = (typeof NODES)[number];
/** Prefers two, then three; goes back at once. */
const LISTED = "10.1.1.1";
/** Prefers two; goes back only by a move. */
const STAYING = "10.1.2.1";
/** Wherever there is room. */
const OTHERS = Array.from({ length: 30 }, (_, i) => `10.1.3.${i + 1}`);

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
  for (const [i, node] of NODES.entries())
    await writeFile(
      join(network.directory, `${node}.conf`),
      `Hostname = "${node}"
       SpoolBase = "${network.directory}/${node}.spool"
       ECCluster_Listener { Listen "10.0.0.${i + 1}:4802" {} }
       Control_Listener { Listen "${network.directory}/${node}.sock" {} }
       msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" three = "10.0.0.3" ] reconnect_interval = 0.5 }
       cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1  duravip_balance_set_size = 10  drain_rate = 2
         Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true }
         Topology "10.1.2.0/24" { interface = "eth1"  lifeline = true  failback = never }
         Topology "10.1.3.0/24" { interface = "eth1"  lifeline = true }
       }
       Binding "listed" { Bind_Address = "${LISTED}" Enable_Duravip = true Duravip_Preference = ( two three ) }
       Binding "staying" { Bind_Address = "${STAYING}" Enable_Duravip = true Duravip_Preference = two }
       ${OTHERS.map((vip, n) => `Binding "b${n}" { Bind_Address = "${vip}" Enable_Duravip = true }`).join("\n")}`,
    );
});

afterEach(() => network.remove());

function start(node: NodeName): LabProcess {
  return network.start(node, {
    script: "daemon/main.js",
    args: ["--config", join(network.directory, `${node}.conf`), "--node", node],
    logFile: join(network.directory, `${node}.log`),
  });
}

const command = (node: NodeName, line: string) => askForData(join(network.directory, `${node}.sock`), line);

async function has(node: NodeName, vip: string): Promise<boolean> {
  return (await network.readLocalAddresses(node)).includes(vip);
}

async function othersOf(node: NodeName): Promise<number> {
  const addresses = await network.readLocalAddresses(node);
  return OTHERS.filter((vip) => addresses.includes(vip)).length;
}

/** Each has its share only where all are one view, and balance has ended; and what is preferred and goes back is there. */
async function untilShared(): Promise<void> {
  await until(async () => {
    const counts = [await othersOf("one"), await othersOf("two"), await othersOf("three")];
    return counts.every((count) => count === OTHERS.length / NODES.length) && (await has("two", LISTED));
  }, "each has its share");
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  expect(await poll(async () => ((await holds()) ? true : null), { everyMs: 20, limitMs: 60_000 }), what).toBe(true);
}

describe("a node that is preferred", () => {
  it("has its addresses, passes them to the next of the list as it dies, and back as failback says", async () => {
    start("one");
    start("three");
    const two = start("two");
    await untilShared();
    if (!(await has("two", STAYING))) await command("one", `cluster duravip move ${STAYING} to two`);
    two.kill("SIGKILL");
    await until(() => has("three", LISTED), "the second choice has it");
    await until(async () => (await has("one", STAYING)) || (await has("three", STAYING)), "somebody has the other");

    start("two");
    await untilShared();
    expect(await has("two", STAYING)).toBe(false);
    await command("one", `cluster duravip move ${STAYING} to two`);
    expect(await has("two", STAYING)).toBe(true);
  });
});

describe("a move for a time", () => {
  it("ends by itself", async () => {
    for (const node of NODES) start(node);
    await untilShared();
    await command("one", `cluster duravip move ${LISTED} to one for 5s`);
    expect(await has("one", LISTED)).toBe(true);
    await until(() => has("two", LISTED), "it is back");
  });
});

describe("a drain by and by", () => {
  it("gives so many a second, and what it has not given yet stays when it is ended", async () => {
    for (const node of NODES) start(node);
    await untilShared();
    const drained = command("one", "cluster drain").catch((error: unknown) => error);
    await until(async () => (await othersOf("one")) < OTHERS.length / NODES.length, "some have gone");
    await command("one", "cluster undrain");
    expect(await othersOf("one")).toBeGreaterThan(0);
    await untilShared();
    await drained;
  });
});
