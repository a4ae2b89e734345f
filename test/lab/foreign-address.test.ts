/** An administrator puts a managed address on a node by hand: all nodes say so, and it goes where that is safe. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askForData } from "../../src/console/client.js";
import { ipBatch } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { DuravipStatus } from "../../src/node/control.js";

const NODES = ["one", "two", "three"];
const VIPS = Array.from({ length: 6 }, (_, i) => `10.1.1.${i + 1}`);

let network: LabNetwork;
const children: ChildProcess[] = [];

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
       Control_Listener { Listen "${socketOf(node)}" {} }
       msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" three = "10.0.0.3" ]  reconnect_interval = 0.5 }
       cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1
         Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true }
       }
       ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${VIPS.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
    );
  }
  for (const node of NODES) start(node);
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await network.remove();
});

const socketOf = (node: string) => join(network.directory, `${node}.sock`);
const ip = (node: string, ...commands: string[]) => ipBatch(network.namespace(node), commands);
const has = async (node: string, vip: string) => (await network.readLocalAddresses(node)).includes(vip);

function start(node: string) {
  return network.start(node, {
    script: "daemon/main.js",
    args: ["--config", join(network.directory, `${node}.conf`), "--node", node],
    logFile: join(network.directory, `${node}.log`),
  });
}

async function until<T>(state: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  let last: T | null = null;
  const reached = await poll(
    async () => {
      last = await state();
      return wanted(last) ? { last } : null;
    },
    { everyMs: 50, limitMs: 90_000 },
  );
  if (reached === null) throw new Error(`last seen: ${JSON.stringify(last)}`);
  return reached.last;
}

async function shown(node: string): Promise<readonly DuravipStatus[]> {
  const vips = await askForData(socketOf(node), "cluster duravip show").catch(() => []);
  return Array.isArray(vips) ? vips : [];
}

/** Owners, as far as all nodes say the same and nothing moves. */
async function owners(): Promise<ReadonlyMap<string, string>> {
  const rows = async (): Promise<readonly (readonly [string, string])[] | null> => {
    const all = await Promise.all(NODES.map(shown));
    const lines = all.map((vips) =>
      vips.map(({ address, owner, phase }) => [address, phase === "idle" ? owner : null]),
    );
    if (new Set(lines.map((some) => JSON.stringify(some))).size > 1) return null;
    const owned = (lines[0] ?? []).flatMap(([address, owner]) => (address && owner ? [[address, owner] as const] : []));
    const loads = NODES.map((node) => owned.filter(([, owner]) => owner === node).length);
    return owned.length === VIPS.length && loads.every((load) => load > 0) ? owned : null;
  };
  return new Map((await until(rows, (some) => some !== null)) ?? []);
}

/** What a node's log says of it. */
async function told(node: string, code: string, vip: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(network.directory, `${node}.log`), "utf8").catch(() => "");
  const lines: Record<string, unknown>[] = text
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return lines.filter((line) => line["code"] === code && line["addresses"] === vip);
}

const toldEverywhere = (code: string, vip: string, count = 1) =>
  Promise.all(
    NODES.map((node) =>
      until(
        () => told(node, code, vip),
        (some) => some.length >= count,
      ),
    ),
  );

describe("a managed address that is put by hand on a node that does not own it", () => {
  it("is told on all nodes, once, and removed; the owner keeps it, and nothing else moves", async () => {
    const before = await owners();
    const [vip = "", owner = ""] = [...before].find(([, name]) => name !== "one") ?? [];
    await ip("one", `address add ${vip}/32 dev eth1`);

    for (const [event] of await toldEverywhere("vip-foreign", vip))
      expect(event).toMatchObject({ node: "one", where: "eth1", removed: true });
    await toldEverywhere("vip-foreign-gone", vip);
    await until(
      () => has("one", vip),
      (there) => !there,
    );
    expect(await told("one", "foreign-removed", vip)).toHaveLength(1);
    expect(await has(owner, vip)).toBe(true);
    expect(await owners()).toEqual(before);
    for (const node of NODES) expect(await told(node, "vip-foreign", vip)).toHaveLength(1);
  });

  it("is marked as long as it stays, where a program uses it; and no move takes the VIP there", async () => {
    const before = await owners();
    const [vip = ""] = [...before].find(([, name]) => name === "two") ?? [];
    await program("one", vip);
    await ip("one", `address add ${vip}/32 dev eth1`);
    const uses = "in use by another program (tcp port 2525)";
    for (const [event] of await toldEverywhere("vip-foreign", vip))
      expect(event).toMatchObject({ node: "one", where: "eth1", removed: false, reason: `it is ${uses}` });
    for (const node of NODES) {
      const row = (await shown(node)).find(({ address }) => address === vip);
      expect(row?.foreign).toEqual([{ node: "one", place: `on eth1, where it is ${uses}` }]);
    }
    await expect(askForData(socketOf("three"), `cluster duravip move ${vip} to one`)).rejects.toThrow(
      `one has ${vip} already, not from the cluster: on eth1`,
    );
    const why = JSON.stringify(await askForData(socketOf("three"), `cluster duravip explain ${vip}`));
    expect(why).toContain("one has it in its kernel, and not from the cluster");

    // A node that comes back is told as well, and the table is made anew.
    await network.cut("three", "cluster");
    await until(
      () => shown("one"),
      (vips) => vips.every(({ participants }) => participants.length === 2),
    );
    await network.heal("three", "cluster");
    await until(
      () => shown("three"),
      (vips) => vips.some(({ participants, foreign }) => participants.length === 3 && foreign.length === 1),
    );
    expect(await has("one", vip)).toBe(true);

    await ip("one", `address del ${vip}/32 dev eth1`);
    await toldEverywhere("vip-foreign-gone", vip);
    for (const node of NODES) {
      await until(
        () => shown(node),
        (vips) => vips.every(({ foreign }) => foreign.length === 0),
      );
    }
  });

  it("beside the owner's own goes too, so that a move leaves nothing behind", async () => {
    const [vip = ""] = [...(await owners())].find(([, name]) => name === "two") ?? [];
    // The owner has it on its lifeline: by hand it comes to the interface as an alias, and as a local route besides.
    await ip("two", `address add ${vip}/32 dev eth1`, `route add local ${vip} dev eth1 table local metric 5`);
    await toldEverywhere("vip-foreign", vip);
    await toldEverywhere("vip-foreign-gone", vip);
    await askForData(socketOf("one"), `cluster duravip move ${vip} to three`);
    expect(await has("three", vip)).toBe(true);
    expect(await has("two", vip)).toBe(false);
  });

  it("again and again by something that will not stop is let be after a while, and told", async () => {
    const [vip = ""] = [...(await owners())].find(([, name]) => name !== "one") ?? [];
    const reason = "it is put back by something each time that it is removed";
    const stays = async () => {
      if (!(await has("one", vip))) await ip("one", `address add ${vip}/32 dev eth1`);
      return await told("three", "vip-foreign", vip);
    };
    await until(stays, (all) => all.some((event) => event["reason"] === reason));
    // Lines that follow each other closely are one, with the counts of all.
    const removals = async () =>
      (await told("one", "foreign-removed", vip)).reduce((sum, { count }) => sum + Number(count), 0);
    await until(removals, (count) => count >= 3);
    expect(await removals()).toBe(3);
    expect(await has("one", vip)).toBe(true);
  });
});

/** Listens on an address that is not there yet. */
async function program(node: string, address: string): Promise<void> {
  const text = `import socket, time
s = socket.socket()
s.setsockopt(socket.IPPROTO_IP, 15, 1)
s.bind(("${address}", 2525))
s.listen()
print("bound", flush=True)
time.sleep(600)`;
  const words = ["netns", "exec", network.namespace(node), "python3", "-c", text];
  const child = spawn("ip", words, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
}
