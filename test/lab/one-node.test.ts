import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askForData } from "../../src/console/client.js";
import { HOLDFAST_PROTOCOL } from "../../src/kernel/index.js";
import { ipBatch, ipJson } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";
import type { DuravipStatus } from "../../src/node/control.js";
import { Talker } from "../kernel/talker.js";

const DAEMON = fileURLToPath(new URL("../../dist/daemon/main.js", import.meta.url));
const HOST = "one";
const OWN = "10.1.0.1/16";
const PEER = "peer";
const VIPS = ["10.1.1.1", "10.1.1.2", "10.1.1.3"];

let network: LabNetwork;

beforeEach(async () => {
  network = await LabNetwork.create([
    { name: HOST, interfaces: [{ name: "eth1", network: "mail", addresses: [OWN] }] },
    { name: PEER, interfaces: [{ name: "eth1", network: "mail", addresses: ["10.1.0.2/16"] }] },
  ]);
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await network.remove();
});

const children: ChildProcess[] = [];

/** Where programs that are not of holdfast run. */
const on = (host: string) => ({
  start: (command: readonly string[]) => {
    const child = spawn("ip", ["netns", "exec", network.namespace(host), ...command], { stdio: "pipe" });
    children.push(child);
    return child;
  },
});

/** A cluster of one, without a lifeline unless it says so: what a dead daemon leaves stays to be seen. */
async function configure(
  vips: readonly string[],
  topology = "",
  checkSeconds = 1,
  tag = HOLDFAST_PROTOCOL,
): Promise<string> {
  const file = join(network.directory, "one.conf");
  await writeFile(
    file,
    `Hostname = "one"
     SpoolBase = "${network.directory}/spool"
     ECCluster_Listener { Listen "10.1.0.1:4802" {} }
     Control_Listener { Listen "${socketPath()}" {} }
     cluster { nodename = "one"  view_mature_time = 0.1  if_check_interval = ${checkSeconds}  kernel_protocol = ${tag}
       Topology "10.1.1.0/24" { interface = "eth1" ${topology} }
       Topology "10.1.0.0/24" { interface = "eth1" }
     }
     ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${vips.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
  );
  return file;
}

function socketPath(): string {
  return join(network.directory, "one.sock");
}

function logPath(): string {
  return join(network.directory, "one.log");
}

function start(configFile: string): LabProcess {
  return network.start(HOST, { script: "daemon/main.js", args: ["--config", configFile], logFile: logPath() });
}

/** VIPs in the kernel, by whatever means, sorted. */
async function plumbed(): Promise<readonly string[]> {
  return (await network.readLocalAddresses(HOST)).filter((address) => address.startsWith("10.1.1.")).sort();
}

/** What `ip address` shows on an interface. */
async function aliases(dev: string): Promise<readonly string[]> {
  const query = ["-4", "address", "show", "dev", dev];
  const rows = await ipJson<{ readonly addr_info: readonly Alias[] }>(network.namespace(HOST), query);
  return rows.flatMap(({ addr_info }) => addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`)).sort();
}

interface Alias {
  readonly local: string;
  readonly prefixlen: number;
}

async function until<T>(state: () => Promise<T>, wanted: T): Promise<void> {
  let last: T | undefined;
  await poll(
    async () => {
      last = await state();
      return JSON.stringify(last) === JSON.stringify(wanted) ? true : null;
    },
    { everyMs: 50, limitMs: 20_000 },
  );
  expect(last).toEqual(wanted);
}

async function owners(): Promise<readonly (string | null)[]> {
  try {
    const vips = await askForData(socketPath(), "cluster duravip show");
    return Array.isArray(vips) ? vips.map(({ owner, phase }: DuravipStatus) => (phase === "idle" ? owner : null)) : [];
  } catch {
    return []; // Its console is not up yet.
  }
}

async function serves(): Promise<void> {
  await until(owners, ["one", "one", "one"]);
  expect(await plumbed()).toEqual(VIPS);
}

describe("a node that has no peers", () => {
  it("has every address as an alias, and none once it was asked to end", async () => {
    const daemon = start(await configure(VIPS));
    await serves();
    expect(await aliases("eth1")).toEqual(["10.1.0.1/16", ...VIPS.map((vip) => `${vip}/32`)]);

    daemon.kill("SIGTERM");
    expect(await daemon.exited).toEqual({ status: 0, signal: null });
    expect(await plumbed()).toEqual([]);
    expect(await network.readLocalAddresses(HOST)).toContain("10.1.0.1");
  });

  it("explains what keeps addresses from it, plans, and keeps what nobody else can have", async () => {
    const daemon = start(await configure(VIPS));
    await serves();
    const why = async () => {
      const answer = await askForData(socketPath(), "cluster duravip explain 10.1.1.1");
      return JSON.stringify(answer).match(/"out":("[^"]*"|null)/)?.[1];
    };
    expect(await why()).toBe("null");
    expect(await askForData(socketPath(), "cluster duravip plan die one")).toMatchObject({ moves: { length: 3 } });
    const file = await configure([...VIPS, "10.1.1.4"]);
    expect(await askForData(socketPath(), `cluster duravip plan config ${file}`)).toMatchObject({
      moves: [{ address: "10.1.1.4", from: null, to: "one" }],
    });

    expect(await askForData(socketPath(), "cluster drain")).toMatchObject({ moved: [], left: 3 });
    expect(await why()).toBe('"is drained"');
    await askForData(socketPath(), "cluster undrain");

    await ipBatch(network.namespace(HOST), ["link set eth1 down"]);
    await until(why, '"has no carrier in 10.1.1.0/24"');
    expect(await owners()).toEqual(["one", "one", "one"]);
    await ipBatch(network.namespace(HOST), ["link set eth1 up"]);
    await until(why, "null");
    daemon.kill("SIGTERM");
    await daemon.exited;
  });

  it("cleans up after a run that was killed, before it takes anything", async () => {
    const first = start(await configure(VIPS));
    await serves();
    first.kill("SIGKILL");
    await first.exited;
    expect(await plumbed()).toEqual(VIPS);
    // Another configuration: what only the dead run knew carries its tag, and goes too.
    const second = start(await configure(["10.1.1.3", "10.1.1.4"]));
    await until(owners, ["one", "one"]);
    expect(await plumbed()).toEqual(["10.1.1.3", "10.1.1.4"]);
    expect(await readFile(logPath(), "utf8")).toContain('"leftovers-removed"');
    second.kill("SIGTERM");
    await second.exited;
  });

  it.each([
    ["it gives up", "SIGTERM"],
    ["it finds as it starts", "SIGKILL"],
  ] as const)("resets at once whoever is connected on an address that %s", async (_, signal) => {
    const file = await configure(VIPS);
    const daemon = start(file);
    await serves();
    const program = await Talker.listen(on(HOST), 2525, "10.1.1.1");
    const peer = await Talker.connect(on(PEER), 2525, "10.1.1.1");
    await program.says("accepted");

    daemon.kill(signal);
    await daemon.exited;
    if (signal === "SIGKILL") start(await configure(["10.1.1.2"]));
    await peer.says("ECONNRESET");
    await program.says("ECONNABORTED");
    await until(async () => (await readFile(logPath(), "utf8")).includes('"sockets-closed"'), true);
  });

  it("leaves nothing behind when it is killed, where a Topology has a lifeline", async () => {
    const daemon = start(await configure(VIPS, "lifeline = true plumbing = route"));
    await serves();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await until(plumbed, []);
  });

  it("uses the tag of its configuration, and leaves what another cluster's daemon plumbed on the same host", async () => {
    await ipBatch(network.namespace(HOST), ["route add local 10.1.2.77 dev eth1 table local proto 104"]);
    start(await configure(VIPS, "lifeline = true plumbing = route", 1, 105));
    await serves();
    const words = "route show table local proto 105".split(" ");
    const ours = await ipJson<{ readonly dst: string; readonly dev: string }>(network.namespace(HOST), words);
    expect(ours.map(({ dst, dev }) => `${dst} ${dev}`).sort()).toEqual(VIPS.map((vip) => `${vip} hf105`));
    expect(await network.readLocalAddresses(HOST)).toContain("10.1.2.77");
  });

  it.each([
    ["when its period is over", 1],
    ["because the kernel says so, long before that", 3600],
  ])("takes back what somebody took away, and takes away what somebody tagged as ours, %s", async (_, checkSeconds) => {
    start(await configure(VIPS, "", checkSeconds));
    await serves();
    await ipBatch(network.namespace(HOST), [
      "address delete 10.1.1.2/32 dev eth1",
      `route add local 10.1.1.77 dev eth1 table local proto ${HOLDFAST_PROTOCOL}`,
    ]);
    await until(plumbed, VIPS);
    await serves();
  });
});

describe("a configuration that makes the host's own address a VIP", () => {
  it("is refused with 78, and the address stays", async () => {
    const daemon = start(await configure([...VIPS, "10.1.0.1"]));
    expect((await daemon.exited).status).toBe(78);
    expect(await network.readLocalAddresses(HOST)).toContain("10.1.0.1");
    expect(await plumbed()).toEqual([]);
  });

  it("is refused also where only the kernel knows that it is the host's", async () => {
    await ipBatch(network.namespace(HOST), ["address add 10.1.1.2/24 dev eth1"]);
    const daemon = start(await configure(VIPS));
    expect((await daemon.exited).status).toBe(78);
    expect(await plumbed()).toEqual(["10.1.1.2"]);
    const log = await readFile(logPath(), "utf8");
    expect(log).toContain("ERR_HOST_ADDRESS");
    expect(log).toContain("10.1.1.2");
  });
});

describe("a daemon without the capabilities that it needs", () => {
  it("exits 77, names them, says how to give them, and has touched nothing", async () => {
    const file = await configure(VIPS);
    const less = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin"];
    const daemon = [process.execPath, DAEMON, "--config", file];
    const words = ["netns", "exec", network.namespace(HOST), ...less, ...daemon];
    const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
    expect(stderr).toMatch(/lacks CAP_NET_ADMIN, CAP_NET_RAW: .*AmbientCapabilities=/);
    expect(status).toBe(77);
    expect(await plumbed()).toEqual([]);
    expect(await readdir(network.directory)).toEqual(["one.conf"]);
  });
});
