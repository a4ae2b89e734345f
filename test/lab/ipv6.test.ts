import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askControl, askForData } from "../../src/console/client.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { ProbeRound } from "../../src/lab/prober.js";
import type { LabProcess } from "../../src/lab/process.js";
import type { DuravipStatus } from "../../src/node/control.js";

const NODES = ["one", "two"] as const;
type NodeName = (typeof NODES)[number];
/** All on a lifeline, so that none is left behind where a node is killed: the kernel answers no neighbour solicitation for IPv6
 * there, holdfast does. */
const VIPS = ["10.1.1.1", "10.1.1.2", "fd00:1::1:1", "fd00:1::1:2", "fd00:1::1:3"];

let network: LabNetwork;
let key: string;

beforeEach(async () => {
  const node = (name: NodeName, number: number) => ({
    name,
    interfaces: [
      { name: "eth0", network: "cluster", addresses: [`fd00::${number}/64 nodad`] },
      { name: "eth1", network: "mail", addresses: [`10.1.0.${number}/16`, `fd00:1::${number}/64 nodad`] },
    ],
  });
  const client = {
    name: "client",
    interfaces: [{ name: "eth1", network: "mail", addresses: ["10.1.255.1/16", "fd00:1::ffff:1/64 nodad"] }],
  };
  network = await LabNetwork.create([node("one", 1), node("two", 2), client]);
  key = join(network.directory, "cluster.key");
  await writeFile(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
});

afterEach(() => network.remove());

const socket = (node: NodeName) => join(network.directory, `${node}.sock`);

async function start(node: NodeName): Promise<LabProcess> {
  const number = NODES.indexOf(node) + 1;
  const file = join(network.directory, `${node}.conf`);
  const listens = VIPS.map((vip) => `Listen "${vip.includes(":") ? `[${vip}]` : vip}:25" { Enable_Duravip = true }`);
  await writeFile(
    file,
    `Hostname = "${node}"
     SpoolBase = "${network.directory}/${node}.spool"
     ECCluster_Listener { Listen "[fd00::${number}]:4802" {} }
     Control_Listener { Listen "${socket(node)}" {} }
     msgc_server { peers = [ one = "fd00::1" two = "fd00::2" ] }
     cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1
       Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true }
       Topology "fd00:1::1:0/112" { interface = "eth1"  lifeline = true }
     }
     ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${listens.join("\n")} }`,
  );
  return network.start(node, {
    script: "daemon/main.js",
    args: ["--config", file, "--node", node],
    logFile: join(network.directory, `${node}.log`),
  });
}

/** Node that each address is with, as the console of one tells it; null while any is on its way. */
async function owners(node: NodeName): Promise<ReadonlyMap<string, string> | null> {
  try {
    const rows = await askForData(socket(node), "cluster duravip show");
    const vips: readonly DuravipStatus[] = Array.isArray(rows) ? rows : [];
    const homes = vips.flatMap(({ address, owner, phase }): [string, string][] =>
      owner === null || phase !== "idle" ? [] : [[address, owner]],
    );
    return homes.length === VIPS.length ? new Map(homes) : null;
  } catch {
    return null; // Its console is not up yet.
  }
}

/** A client that asks every address for its greeting. */
function startProber(): () => Promise<ProbeRound> {
  const options = { addresses: VIPS, port: 25, idleMs: 500, fastMs: 20, connectMs: 500, greetMs: 2_000 };
  const waiting = new Map<number, (answers: ProbeRound) => void>();
  const prober = network.start<{ event: string; id: number; answers: ProbeRound }>("client", {
    script: "lab/probe-main.js",
    args: [JSON.stringify(options)],
    logFile: join(network.directory, "client.log"),
    onLine: ({ event, id, answers }) => event === "round" && waiting.get(id)?.(answers),
  });
  let rounds = 0;
  return () => {
    const id = rounds++;
    prober.send({ command: "round", id });
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  expect(await poll(async () => ((await holds()) ? true : null), { everyMs: 50, limitMs: 60_000 }), what).toBe(true);
}

describe("a cluster that speaks IPv6", () => {
  it("serves addresses of both families, moves them as asked, and takes those of a dead node", async () => {
    const daemons = { one: await start("one"), two: await start("two") };
    const ask = startProber();
    /** Whoever owns an address by the console is who greets a client there. */
    const agreed = async (of: NodeName, fits: (homes: ReadonlyMap<string, string>) => boolean) => {
      const homes = await owners(of);
      if (homes === null || !fits(homes)) return false;
      const answers = await ask();
      return VIPS.every((vip) => answers[vip] === homes.get(vip));
    };
    const spread = (homes: ReadonlyMap<string, string>) => new Set(homes.values()).size === NODES.length;
    await until(() => agreed("one", spread), "both nodes serve some, and the client is greeted by their owners");

    for (const vip of ["fd00:1::1:1", "10.1.1.1"]) {
      const to = (await owners("one"))?.get(vip) === "one" ? "two" : "one";
      for await (const _ of askControl(socket("one"), `cluster duravip move ${vip} to ${to}`, { json: true }));
      await until(() => agreed("two", (homes) => homes.get(vip) === to), `${vip} is at ${to}, and is greeted there`);
    }

    daemons.one.kill("SIGKILL");
    const all = (homes: ReadonlyMap<string, string>) => [...homes.values()].every((owner) => owner === "two");
    await until(() => agreed("two", all), "the survivor serves every address");
  });
});
