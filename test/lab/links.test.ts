/** Interfaces that go, come back, change, or come late, under a node that runs. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ipBatch, ipJson } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";

const MAIL = ["10.1.1.1", "10.1.1.2", "10.1.1.3"];
const OTHER = ["10.2.1.1", "10.2.1.2"];
const LIFELINE = "hf104";

let network: LabNetwork;

beforeEach(async () => {
  const on = (name: string, last: number) => ({
    name,
    interfaces: [
      { name: "eth0", network: "other", addresses: [`10.2.0.${last}/16`] },
      { name: "eth1", network: "mail", addresses: [`10.1.0.${last}/16`] },
    ],
  });
  network = await LabNetwork.create([on("one", 1), on("client", 3)]);
});

afterEach(() => network.remove());

const inside = (...commands: string[]) => ipBatch(network.namespace("one"), commands);
const logPath = () => join(network.directory, "one.log");

/** A cluster of one, with a Topology on each interface. Nothing is looked at for an hour but for what the kernel tells. */
async function start(topology: string, other = ""): Promise<LabProcess> {
  const file = join(network.directory, "one.conf");
  await writeFile(
    file,
    `Hostname = "one"
     SpoolBase = "${network.directory}/spool"
     ECCluster_Listener { Listen "127.0.0.1:4802" {} }
     cluster { nodename = "one"  view_mature_time = 0.1  arp_refresh = 0  if_check_interval = 3600
       Topology "10.1.1.0/24" { interface = "eth1"  ${topology} }
       Topology "10.2.1.0/24" { interface = "eth0"  ${other} }
     }
     ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${[...MAIL, ...OTHER].map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
  );
  return network.start("one", { script: "daemon/main.js", args: ["--config", file], logFile: logPath() });
}

async function events(code: string): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(logPath(), "utf8").catch(() => "");
  const lines: Record<string, unknown>[] = text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  return lines.filter((line) => line["code"] === code);
}

/** @returns what is reached; throws what was seen last. */
async function until<T>(state: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  let last: T | null = null;
  const reached = await poll(
    async () => {
      const value = await state();
      last = value;
      return wanted(value) ? { value } : null;
    },
    { everyMs: 20, limitMs: 60_000 },
  );
  if (reached === null) throw new Error(`last seen: ${JSON.stringify(last)}`);
  return reached.value;
}

/** VIPs by the device that the kernel has them on. */
async function plumbed(): Promise<Record<string, string>> {
  const query = ["-4", "route", "show", "table", "local", "type", "local"];
  const rows = await ipJson<{ readonly dst: string; readonly dev: string }>(network.namespace("one"), query);
  return Object.fromEntries(
    rows.filter(({ dst }) => [...MAIL, ...OTHER].includes(dst)).map(({ dst, dev }) => [dst, dev]),
  );
}

const allOn = (vips: readonly string[], dev: string) => until(plumbed, (now) => vips.every((vip) => now[vip] === dev));
const told = (code: string, facts: Record<string, unknown> = {}) =>
  until(
    () => events(code),
    (seen) => seen.some((one) => Object.entries(facts).every(([name, value]) => one[name] === value)),
  );

/** What a client on the LAN is greeted with. */
function greeting(vip: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/${vip}/25 && head -c 3 <&3`;
  const words = ["netns", "exec", network.namespace("client"), "timeout", "1", "bash", "-c", script];
  return new Promise((resolve) => execFile("ip", words, (_error, stdout) => resolve(stdout)));
}

async function allGreet(vips: readonly string[] = MAIL): Promise<void> {
  for (const vip of vips) {
    await until(
      () => greeting(vip),
      (text) => text === "220",
    );
  }
}

/** The client believes its entries for hours, as a router does; only an announcement changes them. */
async function clientBelieves(vips: readonly string[]): Promise<void> {
  const mac = (await network.readMacs("one")).get("eth1") ?? "";
  await ipBatch(
    network.namespace("client"),
    vips.map((vip) => `neigh replace ${vip} lladdr ${mac} dev eth1 nud reachable`),
  );
}

async function serves(topology: string, dev: string): Promise<LabProcess> {
  const daemon = await start(topology);
  await allOn(MAIL, dev);
  await allOn(OTHER, "eth0");
  await allGreet();
  await clientBelieves(MAIL);
  return daemon;
}

const removeEth1 = () => inside("link delete eth1");

async function makeEth1(name = "eth1"): Promise<void> {
  await ipBatch(network.namespace("switch"), [
    `link add one.eth1 type veth peer name ${name} netns ${network.namespace("one")}`,
    "link set one.eth1 master br-mail up",
  ]);
  await inside(`address add 10.1.0.1/16 dev ${name}`, `link set ${name} up`);
}

const WITH_LIFELINE = "plumbing = route  lifeline = true";

describe("routes and aliases on lifelines", () => {
  it("do not go with each other: the last alias of a device would take its routes along", async () => {
    await start("plumbing = route  lifeline = true", "lifeline = true");
    await allOn(MAIL, LIFELINE);
    await allOn(OTHER, "hf1104");
    await inside(...OTHER.map((vip) => `address delete ${vip}/32 dev hf1104`));
    const lost = async () => (await events("vip-lost")).map(({ addresses }) => addresses).join(" ");
    await until(lost, (text) => text.includes("10.2.1.2"));
    await allOn(OTHER, "hf1104");
    await allOn(MAIL, LIFELINE);
    expect(await lost()).not.toContain("10.1.1.");
    await allGreet();
  });
});

describe("a lifeline that somebody takes away", () => {
  it.each([
    ["deletes, with routes on it", "link delete", WITH_LIFELINE],
    ["deletes, with aliases on it", "link delete", "lifeline = true"],
    ["sets down", "link set down", WITH_LIFELINE],
  ])("is made again at once, with all addresses: one that somebody %s", async (_, command, topology) => {
    await serves(topology, LIFELINE);
    await inside(`${command} ${LIFELINE}`);
    await told("lifeline-lost");
    await told("lifeline-reopened");
    await allOn(MAIL, LIFELINE);
    await allGreet();
    expect(await events("vip-refused")).toEqual([]);
  });

  it("is tried again as long as it cannot be made, which is told, and explained", async () => {
    const daemon = await serves(WITH_LIFELINE, LIFELINE);
    daemon.kill("SIGSTOP"); // It is quicker than the second command.
    await inside(`link delete ${LIFELINE}`, `link add ${LIFELINE} type bridge`);
    daemon.kill("SIGCONT");
    await told("lifeline-failed");
    await told("health", { down: "10.1.1.0/24" });
    await allOn(OTHER, "eth0");
    await inside(`link delete ${LIFELINE}`);
    await told("lifeline-reopened");
    await allOn(MAIL, LIFELINE);
    await allGreet();
    expect((await events("lifeline-failed")).length).toBeLessThanOrEqual(2);
  });
});

describe("an interface that is deleted and made again", () => {
  it.each([
    ["address", "", "eth1"],
    ["route", "plumbing = route", "eth1"],
    ["route, with a lifeline", WITH_LIFELINE, LIFELINE],
  ])("is served on again, and its new hardware address is announced: plumbing by %s", async (_, topology, dev) => {
    await serves(topology, dev);
    await removeEth1();
    await told("interface-missing", { interface: "eth1" });
    await told("health", { down: "10.1.1.0/24" });
    await allOn(OTHER, "eth0");
    await makeEth1();
    await told("interface-came", { interface: "eth1" });
    await told("health", { down: "" });
    await allOn(MAIL, dev);
    await allGreet();
  });
});

describe("an interface that changes", () => {
  it("is followed to another one of its name, which has it as an altname or by a rename", async () => {
    await serves("", "eth1");
    await inside("link set eth1 down", "link set eth1 name was1", "link set was1 up");
    await told("interface-missing", { interface: "eth1" });
    await inside("link property add dev was1 altname eth1");
    await told("interface-came", { interface: "eth1" });
    await allOn(MAIL, "was1");
    await allGreet();

    await inside("link property del dev was1 altname eth1");
    await inside("link add eth1 type bridge", "link set eth1 up");
    await allOn(MAIL, "eth1");
  });

  it("is followed through another network namespace", async () => {
    await serves("", "eth1");
    await inside(`link set eth1 netns ${network.namespace("client")} name away`);
    await told("interface-missing", { interface: "eth1" });
    await ipBatch(network.namespace("client"), [`link set away netns ${network.namespace("one")} name eth1`]);
    await inside("address add 10.1.0.1/16 dev eth1", "link set eth1 up");
    await allOn(MAIL, "eth1");
    await allGreet();
  });

  it("is announced with a hardware address that it gets", async () => {
    await serves("", "eth1");
    await inside("link set eth1 address 02:00:00:00:77:01");
    await told("interface-changed", { interface: "eth1", mac: "02:00:00:00:77:01" });
    const known = async () =>
      (await network.readNeighbours("client"))
        .filter(({ mac }) => mac === "02:00:00:00:77:01")
        .map((one) => one.address);
    await until(known, (now) => MAIL.every((vip) => now.includes(vip)));
  });
});

describe("an interface that comes late", () => {
  it("is waited for while the other Topology is served, then cleaned, and served on", async () => {
    await removeEth1();
    await start("");
    await allOn(OTHER, "eth0");
    await allGreet(OTHER);
    expect(await events("interface-missing")).toMatchObject([{ interface: "eth1", topologies: "10.1.1.0/24" }]);
    expect(Object.keys(await plumbed()).sort()).toEqual(OTHER);

    await makeEth1("late");
    await inside("route add local 10.1.1.77 dev late table local proto 104", "link property add dev late altname eth1");
    await allOn(MAIL, "late");
    await allGreet();
    const leftover = async () => (await network.readLocalAddresses("one")).includes("10.1.1.77");
    await until(leftover, (isThere) => !isThere);
    expect(await events("interface-missing")).toHaveLength(1);
  });

  it("is waited for where there is no other", async () => {
    await removeEth1();
    await inside("link delete eth0");
    const daemon = await start(WITH_LIFELINE);
    await told("started");
    await told("interface-missing", { interface: "eth0" });
    await told("interface-missing", { interface: "eth1" });
    expect(await plumbed()).not.toMatchObject({ [OTHER[0] ?? ""]: "eth0" });
    await makeEth1();
    await allGreet();
    daemon.kill("SIGTERM");
    expect((await daemon.exited).status).toBe(0);
  });
});
