import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ipBatch, ipJson } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";

const VIPS = ["10.1.1.1", "10.1.1.2"];
const VIP6 = "fd00:1::1";

let network: LabNetwork;

beforeEach(async () => {
  const on = (name: string, address: string) => ({
    name,
    interfaces: [{ name: "eth1", network: "mail", addresses: [address] }],
  });
  network = await LabNetwork.create([
    on("one", "10.1.0.1/16"),
    on("rival", "10.1.0.2/16"),
    on("client", "10.1.0.3/16"),
  ]);
  await ipBatch(network.namespace("client"), ["address add fd00:1::ff/64 dev eth1 nodad"]);
});

afterEach(() => network.remove());

/** A cluster of one. Its IPv6 address is not on the interface, so that the kernel answers no neighbour solicitations. */
async function start(options: string): Promise<void> {
  const file = join(network.directory, "one.conf");
  await writeFile(
    file,
    `Hostname = "one"
     SpoolBase = "${network.directory}/spool"
     ECCluster_Listener { Listen "10.1.0.1:4802" {} }
     cluster { nodename = "one"  view_mature_time = 0.1  arp_refresh = 0  ${options}
       Topology "10.1.1.0/24" { interface = "eth1"  plumbing = "route" }
       Topology "fd00:1::/64" { interface = "eth1"  lifeline = true }
     }
     ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${[...VIPS.map((vip) => `${vip}:25`), `[${VIP6}]:25`].map((where) => `Listen "${where}" { Enable_Duravip = true }`).join("\n")} }`,
  );
  network.start("one", { script: "daemon/main.js", args: ["--config", file], logFile: logPath() });
}

const logPath = () => join(network.directory, "one.log");

/** Facts of every event with this code. */
async function events(code: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(logPath(), "utf8").catch(() => "");
  const lines: Record<string, unknown>[] = text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  return lines.filter((line) => line["code"] === code);
}

async function mine(): Promise<string[]> {
  const local = ["-4", "-6"].map((family) =>
    ipJson<{ readonly dst: string }>(network.namespace("one"), [family, "route", "show", "table", "local"]),
  );
  const found = new Set((await Promise.all(local)).flat().map(({ dst }) => dst));
  return [...VIPS, VIP6].filter((address) => found.has(address));
}

/** @returns the state that was wanted. */
async function until<T>(state: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  let last: T | null = null;
  const reached = await poll(
    async () => {
      const value = await state();
      last = value;
      return wanted(value) ? { value } : null;
    },
    { everyMs: 50, limitMs: 60_000 },
  );
  if (reached === null) throw new Error(`last seen: ${JSON.stringify(last)}`);
  return reached.value;
}

const all = () => until(mine, (addresses) => addresses.length === 3);
const onRival = (command: string) => ipBatch(network.namespace("rival"), [`address ${command} dev eth1`]);
/** The first of its rounds comes within the second in which no frame is a rival's; it makes a hundred. */
const announceByRival = () =>
  network.start("rival", {
    script: "cli/main.js",
    args: ["kernel", "announce", "--link", "eth1", "--rounds", "100", "10.1.1.1"],
    logFile: join(network.directory, "rival.log"),
  });
const macOf = async (host: string) => (await network.readMacs(host)).get("eth1") ?? "";
/** By which hardware address the client knows one. */
const knownAs = async (address: string) =>
  (await network.readNeighbours("client")).find((neighbour) => neighbour.address === address)?.mac ?? null;

describe("a node, and another host that uses one of its addresses", () => {
  it("says so, and has the neighbours back at once", async () => {
    await start("");
    await all();
    await ipBatch(network.namespace("client"), [
      `neigh replace 10.1.1.1 lladdr ${await macOf("one")} dev eth1 nud stale`,
    ]);
    const announcing = announceByRival();
    await until(
      () => events("vip-rival"),
      (seen) => seen.length > 0,
    );
    announcing.kill("SIGKILL");
    const rival = await macOf("rival");
    expect((await events("vip-rival"))[0]).toMatchObject({ mac: rival, addresses: "10.1.1.1", defences: 1 });
    const own = await macOf("one");
    await until(
      () => knownAs("10.1.1.1"),
      (mac) => mac === own,
    );
    expect(await mine()).toHaveLength(3);
  });

  it("is told of in one line a second, however much it sends", async () => {
    await start("");
    await all();
    const rivals = Array.from({ length: 8 }, announceByRival);
    const merged = async () => (await events("vip-rival")).filter((line) => "merged" in line);
    await until(merged, (lines) => lines.length >= 4);
    for (const one of rivals) one.kill("SIGKILL");
    const times = (await events("vip-rival")).map(({ time }) => Date.parse(String(time)));
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.min(...waits)).toBeGreaterThan(980);
    for (const line of await merged()) expect(line).toMatchObject({ mac: await macOf("rival"), addresses: "10.1.1.1" });
  });

  it("gives it up after its defences where it is to yield, and has it again once the other has gone", async () => {
    await start(`conflict_action = "yield"  conflict_limit = 1`);
    await all();
    await onRival("add 10.1.1.1/32");
    const announcing = announceByRival();
    await until(
      () => events("vip-yielded"),
      (seen) => seen.length > 0,
    );
    await until(mine, (addresses) => addresses.length === 2);
    const reason = `still answered by ${await macOf("rival")}`;
    await until(
      () => events("vip-refused"),
      (seen) => seen.some((one) => one["reason"] === reason),
    );
    expect(await mine()).toEqual(["10.1.1.2", VIP6]);

    announcing.kill("SIGKILL");
    await onRival("del 10.1.1.1/32");
    await all();
  });

  it("does not take an address that somebody still answers for, and takes it when he has gone", async () => {
    await onRival("add 10.1.1.2/32");
    await onRival(`add ${VIP6}/128 nodad`);
    await start("takeover_probe_ms = 300");
    await until(mine, (addresses) => addresses.length === 1);
    await until(
      () => events("vip-answered"),
      (seen) => seen.length > 0,
    );
    const rival = await macOf("rival");
    for (const { mac } of await events("vip-answered")) expect(mac).toBe(rival);
    await until(
      () => events("vip-refused"),
      (seen) => [VIP6, "10.1.1.2"].every((vip) => JSON.stringify(seen.map(({ addresses }) => addresses)).includes(vip)),
    );
    expect(await mine()).toEqual(["10.1.1.1"]);

    await onRival("del 10.1.1.2/32");
    await onRival(`del ${VIP6}/128`);
    await all();
  });
});
