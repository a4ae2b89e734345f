/** The host's own addresses, on a node of one: never taken, never removed, whatever makes them the host's. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askForData } from "../../src/console/client.js";
import { ipBatch, ipJson } from "../../src/lab/iproute.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";
import type { DuravipStatus } from "../../src/node/control.js";

const HOST = "one";
const OWN = "10.1.0.54/32";
const VIPS = ["10.1.1.1", "10.1.1.2"];
const VIP6 = "fd00:1::1";

let network: LabNetwork;
const children: ChildProcess[] = [];

/** As in a cloud: the interface has one address, a /32, and the default route stands on it. */
beforeEach(async () => {
  network = await LabNetwork.create([
    {
      name: HOST,
      interfaces: [
        { name: "eth1", network: "mail", addresses: [OWN] },
        { name: "eth2", network: "other", addresses: ["10.3.0.1/24", "fd00:1::ff/64"] },
      ],
      commands: ["route add 10.1.0.1 dev eth1", "route add default via 10.1.0.1 dev eth1 src 10.1.0.54"],
    },
  ]);
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await network.remove();
});

const socketPath = () => join(network.directory, "one.sock");
const logPath = () => join(network.directory, "one.log");
const ip = (...commands: string[]) => ipBatch(network.namespace(HOST), commands);

async function start(vips: readonly string[]): Promise<LabProcess> {
  const file = join(network.directory, "one.conf");
  const where = (vip: string) => (vip.includes(":") ? `[${vip}]` : vip);
  await writeFile(
    file,
    `Hostname = "one"
     SpoolBase = "${network.directory}/spool"
     ECCluster_Listener { Listen "127.0.0.1:4802" {} }
     Control_Listener { Listen "${socketPath()}" {} }
     cluster { nodename = "one"  view_mature_time = 0.1
       Topology "10.1.0.0/16" { interface = "eth1" }
       Topology "10.3.0.0/24" { interface = "eth2" }
       Topology "fd00:1::/64" { interface = "eth2" }
     }
     ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${vips.map((vip) => `Listen "${where(vip)}:25" { Enable_Duravip = true }`).join("\n")} }`,
  );
  return network.start(HOST, { script: "daemon/main.js", args: ["--config", file], logFile: logPath() });
}

interface Shown {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

/** Addresses of both families, and IPv4 routes of all tables. IPv6 ones come and go by themselves while a link comes up. */
async function everything(): Promise<readonly string[]> {
  const namespace = network.namespace(HOST);
  const [shown, routes] = await Promise.all([
    ipJson<Shown>(namespace, ["address", "show"]),
    ipJson<object>(namespace, ["-4", "route", "show", "table", "all"]),
  ]);
  const places = shown.flatMap(({ ifname, addr_info }) =>
    addr_info.flatMap(({ local, prefixlen, scope }) => {
      return scope === "link" ? [] : [`${ifname} ${local}/${prefixlen} ${scope}`];
    }),
  );
  return [...places, ...routes.map((route) => JSON.stringify(route))].sort();
}

async function addresses(dev: string): Promise<readonly string[]> {
  const rows = await ipJson<{ readonly addr_info: readonly { local: string; prefixlen: number; scope: string }[] }>(
    network.namespace(HOST),
    ["address", "show", "dev", dev],
  );
  const found = rows.flatMap(({ addr_info }) => addr_info.filter(({ scope }) => scope !== "link"));
  return found.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort();
}

async function events(code: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(logPath(), "utf8").catch(() => "");
  const lines: Record<string, unknown>[] = text
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return lines.filter((line) => line["code"] === code);
}

async function until<T>(state: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  let last: T | null = null;
  const reached = await poll(
    async () => {
      last = await state();
      return wanted(last) ? { last } : null;
    },
    { everyMs: 50, limitMs: 60_000 },
  );
  if (reached === null) throw new Error(`last seen: ${JSON.stringify(last)}`);
  return reached.last;
}

async function shown(): Promise<readonly DuravipStatus[]> {
  const vips = await askForData(socketPath(), "cluster duravip show").catch(() => []);
  return Array.isArray(vips) ? vips : [];
}

const owners = async () => (await shown()).map(({ owner, phase }) => (phase === "idle" ? owner : null));
const serves = (count: number) =>
  until(owners, (all) => all.length > 0 && all.filter((owner) => owner === HOST).length === count);

/** A program that holds a socket on an address, until the test ends. */
async function program(address: string, kind: "SOCK_STREAM" | "SOCK_DGRAM"): Promise<void> {
  const text = `import socket, time
s = socket.socket(socket.AF_INET, socket.${kind})
s.setsockopt(socket.IPPROTO_IP, 15, 1)
s.bind(("${address}", 2525))
if socket.${kind} == socket.SOCK_STREAM: s.listen()
print("bound", flush=True)
time.sleep(600)`;
  const words = ["netns", "exec", network.namespace(HOST), "python3", "-c", text];
  const child = spawn("ip", words, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
}

/** @returns the one line that says why the daemon did not start; nothing has changed. */
async function refusal(vips: readonly string[]): Promise<string> {
  const before = await everything();
  const daemon = await start(vips);
  expect((await daemon.exited).status).toBe(78);
  expect(await everything()).toEqual(before);
  const [failed, ...more] = await events("failed");
  expect(more).toEqual([]);
  expect(failed).toMatchObject({ error: "ERR_HOST_ADDRESS" });
  return String(failed?.["reason"]);
}

describe("a start is refused with 78, and touches nothing, where a VIP is", () => {
  it("the only address of an interface, with the default route on it", async () => {
    const reason = await refusal([...VIPS, "10.1.0.54"]);
    expect(reason).toContain("10.1.0.54/32 on eth1");
    expect(reason).toContain("the source of the default route");
    expect(reason).toContain('"ip address delete 10.1.0.54/32 dev eth1"');
  });

  it("the only address of an interface, without a route on it", async () => {
    await ip("route del default", "address del 10.3.0.1/24 dev eth2", "address add 10.3.0.9/32 dev eth2");
    expect(await refusal(["10.3.0.9"])).toContain(
      "10.3.0.9/32 on eth2 as an address of its own: it is the only address of",
    );
  });

  it("an address that a route of some other table has as its source", async () => {
    await ip("address add 10.1.1.1/32 dev eth1", "route add 10.9.0.0/16 via 10.1.0.1 dev eth1 src 10.1.1.1 table 1000");
    expect(await refusal(VIPS)).toContain("10.1.1.1/32 on eth1 as an address of its own: it is the source of a route");
  });

  it.each([
    ["listens on", "SOCK_STREAM", "tcp"],
    ["is bound to", "SOCK_DGRAM", "udp"],
  ] as const)("an address that another program %s (%s)", async (_, kind, protocol) => {
    await ip("address add 10.1.1.2/32 dev eth1");
    await program("10.1.1.2", kind);
    expect(await refusal(VIPS)).toContain(`in use by another program (${protocol} port 2525)`);
  });

  it.each([
    ["10.1.1.1/32 dev eth1", VIPS],
    ["10.1.1.1/32 dev eth1 scope host", VIPS],
    [`${VIP6}/128 dev eth2 nodad`, [VIP6]],
  ])("an untagged alias that was there before: %s", async (alias, vips) => {
    await ip(`address add ${alias}`);
    expect(await refusal(vips)).toContain("without our tag, and was there before holdfastd");
  });

  it("on the loopback interface, or a local route of somebody else's", async () => {
    await ip("address add 10.1.1.1/32 dev lo");
    expect(await refusal(VIPS)).toContain("10.1.1.1/32 on lo");
  });
});

describe("an address that comes while the daemon runs, by another hand", () => {
  it("keeps its unit refused where it has to stay, says what to do, and is taken once it has gone", async () => {
    await ip("address add 10.1.0.60/32 dev eth1");
    await program("10.1.1.2", "SOCK_STREAM");
    await start(VIPS);
    await serves(2);
    // Its own one is taken away, and somebody else's comes where holdfastd would not put it.
    await ip("address del 10.1.1.2/32 dev eth1", "address add 10.1.1.2/32 dev lo");
    await serves(1);
    const [refused] = await until(
      () => events("vip-refused"),
      (all) => all.length > 0,
    );
    expect(refused?.["addresses"]).toBe("10.1.1.2");
    expect(refused?.["reason"]).toMatch(/10\.1\.1\.2\/32 (stands )?on .*not from holdfast.*: remove it there/);
    expect(await addresses("lo")).toContain("10.1.1.2/32");
    const explained = JSON.stringify(await askForData(socketPath(), "cluster duravip explain 10.1.1.2"));
    expect(explained).toContain("one has it in its kernel, and not from the cluster: on lo");

    await ip("address del 10.1.1.2/32 dev lo");
    await serves(2);
    expect(await addresses("eth1")).toEqual([OWN, "10.1.0.60/32", ...VIPS.map((vip) => `${vip}/32`)].sort());
    expect((await events("vip-foreign")).map(({ node, addresses: some, where }) => [node, some, where])).toEqual([
      [HOST, "10.1.1.2", "lo"],
    ]);
    expect(await events("vip-foreign-gone")).toHaveLength(1);
  });

  it("is removed where it stands as ours would, and nobody uses it; ours stays or comes back", async () => {
    await start([...VIPS, VIP6]);
    await serves(3);
    // Beside ours as a local route, and over ours: what replaces an address takes its tag away.
    await ip(
      "route add local 10.1.1.1 dev eth1 table local metric 5",
      "address replace 10.1.1.2/32 dev eth1 valid_lft forever preferred_lft forever",
      `address replace ${VIP6}/128 dev eth2 valid_lft forever preferred_lft forever`,
    );
    const removed = async () => (await events("foreign-removed")).map((one) => String(one["addresses"])).join(" ");
    await until(removed, (all) => ["10.1.1.1", "10.1.1.2", VIP6].every((vip) => all.includes(vip)));
    await serves(3);
    await until(shown, (all) => all.every(({ foreign }) => foreign.length === 0));
    const routes = await ipJson<object>(network.namespace(HOST), ["-4", "route", "show", "table", "local", "10.1.1.1"]);
    expect(routes).toHaveLength(1);
  });
});
