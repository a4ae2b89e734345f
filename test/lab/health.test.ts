import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askForData } from "../../src/console/client.js";
import { ipBatch } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { DuravipStatus } from "../../src/node/control.js";

const NODES = ["one", "two", "three"] as const;
type NodeName = (typeof NODES)[number];
const VIPS = Array.from({ length: 20 }, (_, i) => `10.1.1.${i + 1}`);
const VIPS6 = Array.from({ length: 9 }, (_, i) => `fd00:1::1:${i + 1}`);
const CLIENT = "client";
const GREETED = fileURLToPath(new URL("greeted.py", import.meta.url));
const run = promisify(execFile);

let network: LabNetwork;

/** A host has no way to where only a router goes: clients are on the network of the VIPs. */
beforeEach(async () => {
  network = await LabNetwork.create([
    ...NODES.map((name, i) => ({
      name,
      interfaces: [
        { name: "eth0", network: "cluster", addresses: [`10.0.0.${i + 1}/24`] },
        { name: "eth1", network: "mail", addresses: [`10.1.0.${i + 1}/16`, `fd00:1::${i + 1}/64 nodad`] },
      ],
    })),
    {
      name: CLIENT,
      interfaces: [{ name: "eth1", network: "mail", addresses: ["10.1.0.100/16", "fd00:1::100/64 nodad"] }],
    },
  ]);
});

afterEach(() => network.remove());

async function start(nodes: readonly NodeName[], topology: string, vips = VIPS): Promise<void> {
  const listens = vips.map((vip) => `Listen "${vip.includes(":") ? `[${vip}]` : vip}:25" { Enable_Duravip = true }`);
  const key = join(network.directory, "cluster.key");
  await writeFile(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  const peers = nodes.map((node) => `${node} = "10.0.0.${NODES.indexOf(node) + 1}"`).join(" ");
  for (const node of nodes) {
    await writeFile(
      join(network.directory, `${node}.conf`),
      `Hostname = "${node}"
       SpoolBase = "${network.directory}/${node}.spool"
       ECCluster_Listener { Listen "10.0.0.${NODES.indexOf(node) + 1}:4802" {} }
       Control_Listener { Listen "${network.directory}/${node}.sock" {} }
       msgc_server { peers = [ ${peers} ] reconnect_interval = 0.5 }
       cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1  duravip_balance_set_size = 20
         if_check_interval = 1
         Topology "10.1.1.0/24" { interface = "eth1" ${topology} }
         Topology "fd00:1::1:0/112" { interface = "eth1" }
       }
       ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${listens.join("\n")} }`,
    );
    network.start(node, {
      script: "daemon/main.js",
      args: ["--config", join(network.directory, `${node}.conf`), "--node", node],
      logFile: join(network.directory, `${node}.log`),
    });
  }
}

const ip = (host: string, ...commands: string[]) => ipBatch(network.namespace(host), commands);
const ask = (node: NodeName, line: string) => askForData(join(network.directory, `${node}.sock`), line);
const log = (node: NodeName) => readFile(join(network.directory, `${node}.log`), "utf8");

async function shareOf(node: NodeName): Promise<number> {
  const addresses = await network.readLocalAddresses(node);
  return VIPS.filter((vip) => addresses.includes(vip)).length;
}

/** Each has some, nobody else's, and a client that has known all of them for long is greeted on each. */
async function served(by: readonly NodeName[]): Promise<boolean> {
  const shares = await Promise.all(NODES.map(async (node) => [node, await shareOf(node)] as const));
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  const alone = shares.every(([node, share]) => share > 0 === by.includes(node));
  return total === VIPS.length && alone && (await greeted()).length === VIPS.length;
}

async function greeted(vips = VIPS): Promise<readonly string[]> {
  const netns = ["netns", "exec", network.namespace(CLIENT), "python3", GREETED, vips.join(",")];
  return JSON.parse((await run("ip", netns)).stdout);
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const found = await poll(async () => ((await holds()) ? true : null), { everyMs: 100, limitMs: 90_000 });
  expect(found, `${what}\n${(await Promise.all(NODES.map((node) => log(node).catch(() => "")))).join("\n")}`).toBe(
    true,
  );
}

const reason = async (from: NodeName, of: NodeName) => {
  const members = JSON.stringify(await ask(from, "cluster membership"));
  return members.match(new RegExp(`"node":"${of}"[^[]*"troubles":\\[\\{[^}]*"reason":"([^"]*)"`))?.[1] ?? null;
};

describe.each(["plumbing = address", "plumbing = route", "lifeline = true"])("a node with %s", (topology) => {
  it("that loses its own address hands its VIPs over, says why, and has some again when the address is back", async () => {
    await start(NODES, topology);
    await until(() => served(NODES), "all have some");
    await ip("two", "address flush dev eth1");
    await until(() => served(["one", "three"]), "the others have all");
    expect(await reason("one", "two")).toBe("has lost its own address 10.1.0.2");
    expect(JSON.stringify(await ask("one", `cluster duravip explain ${VIPS[0]}`))).toContain(
      '"has lost its own address 10.1.0.2 in 10.1.1.0/24"',
    );
    expect(await log("three")).toMatch(/"topology-down".*"node":"two"/);

    await ip("two", "address add 10.1.0.2/16 dev eth1", "address add fd00:1::2/64 dev eth1");
    await until(() => served(NODES), "all have some again");
    expect(await reason("one", "two")).toBeNull();
  });
});

describe("a node whose VIP network is cut off behind a switch", () => {
  it("hands its VIPs over, where others hear each other, and has some again", async () => {
    await start(NODES, "plumbing = address");
    await until(() => served(NODES), "all have some");
    await network.cut("three", "mail");
    await until(() => served(["one", "two"]), "the others have all");
    expect(await reason("one", "three")).toBe("hears none of one two");
    await network.heal("three", "mail");
    await until(() => served(NODES), "all have some again");
  });

  it("keeps what it has where nobody can tell who is at fault, and says so", async () => {
    await start(["one", "two"], "plumbing = address");
    await until(() => served(["one", "two"]), "both have some");
    const shares = [await shareOf("one"), await shareOf("two")];
    await network.cut("two", "mail");
    for (const node of ["one", "two"] as const)
      await until(async () => (await log(node)).includes('"peers-unheard"'), "both say so");
    expect([await shareOf("one"), await shareOf("two")]).toEqual(shares);
    await network.heal("two", "mail");
    for (const node of ["one", "two"] as const)
      await until(async () => (await log(node)).includes('"peers-heard"'), "both say that it is over");
    expect([await shareOf("one"), await shareOf("two")]).toEqual(shares);
  });
});

describe("a node that serves IPv6", () => {
  const served6 = async (by: readonly NodeName[]) => {
    const rows = await ask("one", "cluster duravip show").catch(() => []);
    const vips: readonly DuravipStatus[] = Array.isArray(rows) ? rows : [];
    const owners = new Set(vips.map(({ owner, phase }) => (phase === "idle" ? owner : null)));
    const exactly = owners.size === by.length && by.every((node) => owners.has(node));
    return exactly && (await greeted(VIPS6)).length === VIPS6.length;
  };

  it("is heard by neighbour discovery, and hands over when it is cut off, and when its own address goes", async () => {
    await start(NODES, "", VIPS6);
    await until(() => served6(NODES), "all have some");
    await network.cut("three", "mail");
    await until(() => served6(["one", "two"]), "the others have all");
    expect(await reason("one", "three")).toBe("hears none of one two");
    await network.heal("three", "mail");
    await until(() => served6(NODES), "all have some again");

    await ip("two", "address flush dev eth1");
    await until(() => served6(["one", "three"]), "the others have all");
    expect(JSON.stringify(await ask("one", "cluster membership"))).toContain("has lost its own address fd00:1::2 ");
    // With duplicate address detection, which a question from nobody would make fail.
    await ip("two", "address add fd00:1::2/64 dev eth1");
    await until(() => served6(NODES), "all have some again");
  });
});

describe("a node whose routes go", () => {
  it("hands its VIPs over when clients elsewhere cannot be answered any more", async () => {
    for (const node of NODES) await ip(node, "route add default via 10.1.0.100");
    await start(NODES, "plumbing = address");
    await until(() => served(NODES), "all have some");
    // A look has seen the route: what was never there is not missed.
    await until(async () => (await log("one")).includes('"settled"') && (await looked("one")), "it has looked");
    await ip("one", "route del default");
    await until(() => served(["two", "three"]), "the others have all");
    expect(await reason("two", "one")).toContain("has no route to clients elsewhere");
    await ip("one", "route add default via 10.1.0.100");
    await until(() => served(NODES), "all have some again");
  });
});

/** It has asked others by now. */
async function looked(node: NodeName): Promise<boolean> {
  const counters = JSON.stringify(await ask(node, "summary"));
  return Number(counters.match(/"kernel.probeFramesSent":(\d+)/)?.[1] ?? 0) >= 4;
}

describe("a node whose service does not greet on its VIPs", () => {
  it("hands them over, and tries again later", async () => {
    await start(NODES, "plumbing = address");
    await until(() => served(NODES), "all have some");
    // No answer of the service leaves this host, nor comes to itself. Its own addresses are looked up last for that.
    const filter = [
      "rule add pref 200 lookup local",
      "rule del pref 0",
      "rule add pref 100 ipproto tcp sport 25 prohibit",
    ];
    await ip("two", ...filter);
    await until(() => served(["one", "three"]), "the others have all");
    expect(await reason("one", "two")).toMatch(/^does not greet on 10\.1\.1\.\d+ port 25/);
    await ip("two", "rule del pref 100");
    await until(() => served(NODES), "all have some again");
  });
});
