import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Link } from "../../src/kernel/types.js";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const MAC = "02:00:00:00:00:0a";
const OLD_MAC = "02:00:00:00:00:99";
const BROADCAST = "ff:ff:ff:ff:ff:ff";
const sniffer = fileURLToPath(new URL("sniff_arp.py", import.meta.url));

interface Frame {
  readonly at: number;
  readonly to: string;
  readonly form: "request" | "reply";
  readonly sender: string;
  readonly address: string;
}

const macText = (bytes: Buffer, at: number) => bytes.toString("hex", at, at + 6).replace(/(..)(?!$)/g, "$1:");

function parseFrame(line: string): Frame {
  const [at = "", hex = ""] = line.split(" ");
  const bytes = Buffer.from(hex, "hex");
  expect(bytes.toString("hex", 28, 32), "is about itself").toBe(bytes.toString("hex", 38, 42));
  return {
    at: Number(at),
    to: macText(bytes, 0),
    form: bytes.readUInt16BE(20) === 1 ? "request" : "reply",
    sender: macText(bytes, 22),
    address: [...bytes.subarray(28, 32)].join("."),
  };
}

describe.skipIf(cannotRun !== null)(`gratuitous ARP${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let bystander: Namespace;
  let agent: Agent;
  let link: Link;
  const frames: Frame[] = [];

  beforeEach(async () => {
    host = await Namespace.create();
    bystander = await Namespace.create(host);
    await host.run(`ip link add eth1 address ${MAC} type veth peer name eth1 netns ${bystander.pid}`);
    await host.run("ip link set eth1 up");
    await bystander.run("ip link set eth1 up");
    await bystander.run("ip address add 10.1.1.2/24 dev eth1");
    agent = await Agent.start(host);
    const found = (await agent.call("links")).find(({ name }) => name === "eth1");
    if (found === undefined) throw new Error("no eth1");
    link = found;
    const lines = createInterface({ input: bystander.start(["python3", sniffer, "eth1"]).stdout });
    frames.length = 0;
    await new Promise((ready) => lines.once("line", ready));
    lines.on("line", (line) => frames.push(parseFrame(line)));
  });
  afterEach(async () => {
    await Promise.all([host.close(), bystander.close()]);
  });

  it("is a request and a reply for each address in order, and again about 1.1 s later", async () => {
    const addresses = ["10.1.1.50", "10.1.1.51", "10.1.1.52"];
    await agent.call("announce", addresses, { link, rounds: 2 });
    await vi.waitFor(() => expect(frames).toHaveLength(12), { timeout: 20_000 });

    const round = addresses.flatMap((address) => [
      { to: BROADCAST, form: "request", sender: MAC, address },
      { to: BROADCAST, form: "reply", sender: MAC, address },
    ]);
    expect(frames).toMatchObject([...round, ...round]);
    for (let i = 0; i < 6; i++) expect(frames[i + 6]!.at - frames[i]!.at).toBeGreaterThanOrEqual(1.0);
    expect(await agent.call("counters")).toMatchObject({ arpFramesSent: 12, arpFramesFailed: 0 });
  });

  it("moves a bystander's neighbour entry to the new owner", async () => {
    await bystander.run(`ip neigh replace 10.1.1.50 lladdr ${OLD_MAC} dev eth1 nud stale`);
    await agent.call("announce", ["10.1.1.50"], { link, rounds: 3 });
    await vi.waitFor(async () => expect(await bystander.run("ip neigh show 10.1.1.50")).toContain(MAC), {
      timeout: 20_000,
    });
  });

  it("is repeated once a refresh period, but not for an address that left", async () => {
    const refreshing = await Agent.start(host, { arpRefreshMs: 400 });
    await refreshing.call("announce", ["10.1.1.50", "10.1.1.51"], { link, rounds: 1 });
    const seen = (wanted: string, from = 0) => frames.slice(from).filter(({ address }) => address === wanted).length;
    await vi.waitFor(() => expect(Math.min(seen("10.1.1.50"), seen("10.1.1.51"))).toBeGreaterThanOrEqual(6), {
      timeout: 20_000,
    });

    await refreshing.call("cancelAnnounce", ["10.1.1.50"]);
    const left = seen("10.1.1.51");
    await vi.waitFor(() => expect(seen("10.1.1.51")).toBeGreaterThanOrEqual(left + 2), { timeout: 20_000 });
    const from = frames.length; // What was on its way when it left has arrived by now.
    await vi.waitFor(() => expect(seen("10.1.1.51", from)).toBeGreaterThanOrEqual(6), { timeout: 20_000 });
    expect(seen("10.1.1.50", from)).toBe(0);
  });

  it("counts the frames that a device does not take", async () => {
    await host.run("ip link set eth1 down");
    await agent.call("announce", ["10.1.1.50"], { link, rounds: 1 });
    await vi.waitFor(async () => expect(await agent.call("counters")).toMatchObject({ arpFramesFailed: 2 }), {
      timeout: 20_000,
    });
  });
});

describe.skipIf(cannotRun !== null)("gratuitous ARP to known hosts only", () => {
  const KNOWN_MAC = "02:00:00:00:00:0b";
  let host: Namespace;
  let known: Namespace;
  let third: Namespace;

  /** Three hosts on a bridge, which floods a broadcast to all and keeps what is for one from the third. */
  beforeEach(async () => {
    host = await Namespace.create();
    known = await Namespace.create(host);
    third = await Namespace.create(host);
    await host.run("ip link add lan type bridge");
    await host.run(`ip link add eth1 address ${MAC} type veth peer name port1`);
    await host.run(`ip link add port2 type veth peer name eth1 address ${KNOWN_MAC} netns ${known.pid}`);
    await host.run(`ip link add port3 type veth peer name eth1 netns ${third.pid}`);
    for (const port of ["port1", "port2", "port3"]) await host.run(`ip link set ${port} master lan up`);
    await host.run("ip link set lan up");
    await host.run("ip link set eth1 up");
    await host.run("ip address add 10.1.1.1/24 dev eth1");
    await known.run("ip link set eth1 up");
    await known.run("ip address add 10.1.1.2/24 dev eth1");
    await third.run("ip link set eth1 up");
    await host.run(`bridge fdb replace ${KNOWN_MAC} dev port2 master static`);
    await host.run(`ip neigh replace 10.1.1.2 lladdr ${KNOWN_MAC} dev eth1 nud stale`);
    await host.run(`ip neigh replace 10.1.1.9 lladdr ${OLD_MAC} dev eth1 nud noarp`);
  });
  afterEach(async () => {
    await Promise.all([host.close(), known.close(), third.close()]);
  });

  it("moves the entry of a host in the neighbour table, and is not seen by a third host", async () => {
    const agent = await Agent.start(host);
    const link = (await agent.call("links")).find(({ name }) => name === "eth1")!;
    const neighbours = await agent.call("neighbours", { ifindex: link.index });
    expect(neighbours).toEqual([{ address: "10.1.1.2", ifindex: link.index, mac: KNOWN_MAC }]);
    expect(await agent.call("neighbours")).toEqual(neighbours);
    expect(await agent.call("neighbours", { ifindex: link.index + 1000 })).toEqual([]);
    const lines = createInterface({ input: third.start(["python3", sniffer, "eth1"]).stdout });
    await new Promise((ready) => lines.once("line", ready));
    const frames: Frame[] = [];
    lines.on("line", (line) => frames.push(parseFrame(line)));

    await known.run(`ip neigh replace 10.1.1.50 lladdr ${OLD_MAC} dev eth1 nud stale`);
    await agent.call("announce", ["10.1.1.50"], { link, rounds: 2, allHosts: false });
    await vi.waitFor(async () => expect(await known.run("ip neigh show 10.1.1.50")).toContain(MAC), {
      timeout: 20_000,
    });
    await vi.waitFor(async () => expect(await agent.call("counters")).toMatchObject({ arpFramesSent: 4 }), {
      timeout: 20_000,
    });

    // A broadcast that comes after them: whatever went to all before it has been seen by now.
    await agent.call("announce", ["10.1.1.51"], { link, rounds: 1 });
    await vi.waitFor(() => expect(frames.length).toBeGreaterThanOrEqual(2), { timeout: 20_000 });
    expect(frames.map(({ to, address }) => [to, address])).toEqual([
      [BROADCAST, "10.1.1.51"],
      [BROADCAST, "10.1.1.51"],
    ]);
  });
});
