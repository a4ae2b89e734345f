import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askControl } from "../../src/console/client.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";
import type { NodeInfo } from "../../src/node/control.js";
import { Homes } from "../../src/lab/homes.js";

const NODES = ["one", "three", "two"];
const VIPS = Array.from({ length: 30 }, (_, i) => `10.1.1.${i + 1}`);

/** From the peer's address, to the port of the group. */
const GARBAGE = `import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.3", 0))
while True:
    s.sendto(b"A" * 64, ("10.0.0.1", 4809))
    time.sleep(0.02)`;

let network: LabNetwork;
let homes: Homes;
const senders: ChildProcess[] = [];
const running = new Map<string, LabProcess>();

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
  for (const sender of senders.splice(0)) sender.kill("SIGKILL");
  await network.remove();
  await homes.close();
  running.clear();
});

const file = (node: string, suffix: string) => join(network.directory, `${node}.${suffix}`);

/** Configures a cluster of these. A view that breaks under load would be another test's fault: silence has time. */
async function configure(nodes: readonly string[]): Promise<void> {
  const peers = nodes.map((node) => `${node} = "10.0.0.${NODES.indexOf(node) + 1}"`).join(" ");
  for (const node of nodes) {
    await writeFile(
      file(node, "conf"),
      `Hostname = "${node}"
       SpoolBase = "${file(node, "spool")}"
       ECCluster_Listener { Listen "10.0.0.${NODES.indexOf(node) + 1}:4802" {} }
       Control_Listener { Listen "${file(node, "sock")}" {} }
       msgc_server { peers = [ ${peers} ]  failure_timeout_ms = 2000 }
       cluster { key_file = "${file(node, "key")}"  arp_refresh = 5  view_mature_time = 0.5  view_balance_interval = 1
         Topology "10.1.1.0/24" { interface = "eth1"  plumbing = ${node === "two" ? "route" : "address"}  lifeline = true }
       }
       ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${VIPS.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
    );
  }
}

async function giveKey(key: string, ...nodes: readonly string[]): Promise<void> {
  for (const node of nodes) await writeFile(file(node, "key"), `${key}\n`, { mode: 0o600 });
}

function start(...nodes: readonly string[]): void {
  for (const node of nodes) {
    const args = ["--config", file(node, "conf"), "--node", node];
    running.set(node, network.start(node, { script: "daemon/main.js", args, logFile: file(node, "log") }));
  }
}

async function end(node: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  running.get(node)?.kill(signal);
  await running.get(node)?.exited;
}

async function refusals(node: string): Promise<string[]> {
  const text = await readFile(file(node, "log"), "utf8").catch(() => "");
  const lines: Record<string, unknown>[] = text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  return lines
    .filter(({ code }) => code === "peer-refused")
    .map(({ peer, reason }) => `${String(peer)} ${String(reason)}`);
}

async function ask(node: string, command: string, json: boolean): Promise<string> {
  let text = "";
  const answer = askControl(file(node, "sock"), command, { json, signal: AbortSignal.timeout(30_000) });
  for await (const piece of answer) text += piece;
  return text;
}

/** Fails as soon as two kernels have had one address. */
async function until(arrived: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const seen = await poll(
    async () => {
      expect(homes.overlaps, "an address that two kernels had").toEqual([]);
      return (await arrived()) ? true : null;
    },
    { everyMs: 50, limitMs: 120_000 },
  );
  expect(seen, `${what}: ${homes.counts(VIPS, NODES).join()}`).toBe(true);
}

const allServed = () => VIPS.every((vip) => homes.of(vip).length === 1);
const share = (node: string) => VIPS.filter((vip) => homes.of(vip).includes(node)).length;

/** Of its kind, on every node. */
async function areTold(...expected: readonly [string, string][]): Promise<void> {
  for (const [node, refusal] of expected)
    await until(async () => (await refusals(node)).includes(refusal), `${node} says of ${refusal}`);
}

/** Long enough for some retries of what was refused. */
async function staysSo(): Promise<void> {
  let looks = 0;
  await until(() => {
    expect(allServed(), `all served: ${homes.counts(VIPS, NODES).join()}`).toBe(true);
    return ++looks > 100;
  }, "it stays so");
}

const keys = () => [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")] as const;

describe("three nodes, of which one has another cluster key", () => {
  it.each([
    ["the last by name", "two", [["one", "three", "two"]]],
    ["the first by name", "one", [["one", "three", "two"]]],
    ["one that starts after the others", "three", [["one", "two"], ["three"]]],
    ["one that starts before the others", "two", [["two"], ["one", "three"]]],
  ])("have no address twice, and are one cluster once it is mended: %s", async (_, odd, order) => {
    const [key, other] = keys();
    const even = NODES.filter((node) => node !== odd);
    await configure(NODES);
    await giveKey(key, ...even);
    await giveKey(other, odd);
    for (const [i, some] of order.entries()) {
      start(...some);
      if (i < order.length - 1) await until(allServed, `${some.join()} serve all`);
    }
    await areTold(...even.map((node): [string, string] => [node, `${odd} key`]));
    await areTold(...even.map((node): [string, string] => [odd, `${node} key`]));
    await until(allServed, "all are served");
    await staysSo();
    const info: NodeInfo = JSON.parse(await ask(odd, "cluster info", true));
    expect(info.refusedPeers.map(({ peer, reason }) => `${peer} ${reason}`).toSorted()).toEqual(
      even.map((node) => `${node} key`),
    );
    for (const command of ["cluster info", "cluster membership"])
      expect(await ask(even[0]!, command, false)).toContain(`Refused peer: ${odd} (another key): `);

    await end(odd, "SIGTERM");
    await giveKey(key, odd);
    start(odd);
    await until(() => NODES.every((node) => share(node) === 10), "each has its share");
    expect(JSON.parse(await ask(odd, "cluster info", true)).refusedPeers).toEqual([]);
  });

  it("serve all when one comes back with another key, and that one takes nothing before the others are gone", async () => {
    const [key, other] = keys();
    await configure(NODES);
    await giveKey(key, ...NODES);
    start(...NODES);
    await until(() => NODES.every((node) => share(node) === 10), "each has its share");
    await giveKey(other, "three");
    await end("three", "SIGTERM");
    start("three");
    await areTold(["three", "one key"], ["three", "two key"], ["one", "three key"], ["two", "three key"]);
    await until(() => share("one") === 15 && share("two") === 15, "the others have all");
    await staysSo();
    expect(share("three")).toBe(0);
    await end("one", "SIGTERM");
    await end("two", "SIGTERM");
    await until(() => share("three") === 30, "the odd one has all that nobody else has");
  });
});

describe("two nodes with different cluster keys", () => {
  it.each([
    ["at once", [["one", "two"]]],
    ["the one that dials first", [["one"], ["two"]]],
    ["the one that is dialled first", [["two"], ["one"]]],
  ])("have no address twice when they start %s, and are one cluster once one is mended", async (_, order) => {
    const [key, other] = keys();
    await configure(["one", "two"]);
    await giveKey(key, "one");
    await giveKey(other, "two");
    for (const some of order) {
      start(...some);
      if (order.length > 1) await until(allServed, `${some.join()} serves all`);
    }
    await areTold(["one", "two key"], ["two", "one key"]);
    await until(allServed, "all are served");
    await staysSo();
    await end("one", "SIGTERM");
    await giveKey(other, "one");
    start("one");
    await until(() => share("one") === 15 && share("two") === 15, "each has its share");
  });
});

describe("two nodes with different cluster keys that did not hear each other on the LAN", () => {
  it("have each address once as soon as they do", async () => {
    const [key, other] = keys();
    await configure(["one", "two"]);
    await giveKey(key, "one");
    await giveKey(other, "two");
    await network.cut("two", "mail");
    start("one", "two");
    await areTold(["one", "two key"], ["two", "one key"]);
    const both = await poll(async () => (share("one") === 30 && share("two") === 30 ? true : null), {
      everyMs: 50,
      limitMs: 120_000,
    });
    expect(both, "each has all, unheard by the other").toBe(true);
    await network.heal("two", "mail");
    const once = await poll(async () => (allServed() ? true : null), { everyMs: 50, limitMs: 120_000 });
    expect(once, `each address is served once: ${homes.counts(VIPS, NODES).join()}`).toBe(true);
    homes.overlaps.length = 0;
    await staysSo();
  });
});

describe("garbage from the address of a dead peer", () => {
  it("does not keep a lone survivor from serving", async () => {
    await configure(["one", "two"]);
    await giveKey(keys()[0], "one", "two");
    const sender = spawn("ip", ["netns", "exec", network.namespace("two"), "python3", "-c", GARBAGE]);
    senders.push(sender);
    start("one");
    await until(() => share("one") === 30, "it serves all");
    expect(await refusals("one")).toEqual([]);
    const counters: Record<string, number> = JSON.parse(await ask("one", "summary", true));
    expect(counters["group.heartbeatsRefused"]).toBeGreaterThan(0);
  });
});
