import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Link } from "../../src/kernel/types.js";
import { type Frame, listen } from "./frames.js";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const MAC = "02:00:00:00:00:0a";
const OLD_MAC = "02:00:00:00:00:99";
const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** The kernel's own, for its link-local addresses, left out. */
const announced = (frames: readonly Frame[]) =>
  frames.filter(({ source, target }) => source === target && !target.startsWith("fe80"));

describe.skipIf(cannotRun !== null)(`an announcement${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let bystander: Namespace;
  let agent: Agent;
  let link: Link;
  let heard: readonly Frame[];
  const frames = () => announced(heard);

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
    heard = await listen(bystander, "eth1");
  });
  afterEach(async () => {
    await Promise.all([host.close(), bystander.close()]);
  });

  it("is a request and a reply for each address in order, and again about 1.1 s later", async () => {
    const addresses = ["10.1.1.50", "10.1.1.51", "10.1.1.52"];
    await agent.call("announce", addresses, { link, rounds: 2 });
    await vi.waitFor(() => expect(frames()).toHaveLength(12), { timeout: 20_000 });

    const round = addresses.flatMap((address) => [
      { to: BROADCAST, form: "request", mac: MAC, source: address, target: address },
      { to: BROADCAST, form: "reply", mac: MAC, source: address, target: address },
    ]);
    expect(frames()).toMatchObject([...round, ...round]);
    for (let i = 0; i < 6; i++) expect(frames()[i + 6]!.at - frames()[i]!.at).toBeGreaterThanOrEqual(1.0);
    expect(await agent.call("counters")).toMatchObject({ announceFramesSent: 12, announceFramesFailed: 0 });
  });

  it("is one unsolicited advertisement to all nodes for each IPv6 address in order, and again about 1.1 s later", async () => {
    const addresses = ["fd00::50", "fd00::51", "10.1.1.50", "fd00::52"];
    await agent.call("announce", addresses, { link, rounds: 2 });
    await vi.waitFor(() => expect(frames()).toHaveLength(10), { timeout: 20_000 });

    const seen = frames().map(({ target, form }) => `${target} ${form}`);
    expect(seen.slice(0, 5)).toEqual([
      "fd00::50 advertisement",
      "fd00::51 advertisement",
      "10.1.1.50 request",
      "10.1.1.50 reply",
      "fd00::52 advertisement",
    ]);
    expect(seen.slice(5)).toEqual(seen.slice(0, 5));
    expect(frames()[0]).toMatchObject({
      to: "33:33:00:00:00:01",
      from: MAC,
      mac: MAC,
      source: "fd00::50",
      destination: "ff02::1",
      flags: "override",
    });
    for (let i = 0; i < 5; i++) expect(frames()[i + 5]!.at - frames()[i]!.at).toBeGreaterThanOrEqual(1.0);
  });

  it.each(["10.1.1.50", "fd00::50"])("moves a bystander's neighbour entry for %s to the new owner", async (address) => {
    await bystander.run(`ip neigh replace ${address} lladdr ${OLD_MAC} dev eth1 nud stale`);
    await agent.call("announce", [address], { link, rounds: 3 });
    await vi.waitFor(async () => expect(await bystander.run(`ip neigh show ${address}`)).toContain(MAC), {
      timeout: 20_000,
    });
  });

  it("moves an IPv6 entry that a host has only just confirmed, with the first frame", async () => {
    await bystander.run(`ip neigh replace fd00::50 lladdr ${OLD_MAC} dev eth1 nud reachable`);
    await agent.call("announce", ["fd00::50"], { link, rounds: 1 });
    await vi.waitFor(async () => expect(await bystander.run("ip neigh show fd00::50")).toContain(MAC), {
      timeout: 20_000,
    });
    expect(frames()).toHaveLength(1);
  });

  it("is repeated once a refresh period, but not for an address that left", async () => {
    const refreshing = await Agent.start(host, { arpRefreshMs: 400 });
    await refreshing.call("announce", ["10.1.1.50", "10.1.1.51"], { link, rounds: 1 });
    const seen = (wanted: string, from = 0) =>
      frames()
        .slice(from)
        .filter(({ target }) => target === wanted).length;
    await vi.waitFor(() => expect(Math.min(seen("10.1.1.50"), seen("10.1.1.51"))).toBeGreaterThanOrEqual(6), {
      timeout: 20_000,
    });

    await refreshing.call("cancelAnnounce", ["10.1.1.50"]);
    const left = seen("10.1.1.51");
    await vi.waitFor(() => expect(seen("10.1.1.51")).toBeGreaterThanOrEqual(left + 2), { timeout: 20_000 });
    const from = frames().length; // What was on its way when it left has arrived by now.
    await vi.waitFor(() => expect(seen("10.1.1.51", from)).toBeGreaterThanOrEqual(6), { timeout: 20_000 });
    expect(seen("10.1.1.50", from)).toBe(0);
  });

  it("counts the frames that a device does not take", async () => {
    await host.run("ip link set eth1 down");
    await agent.call("announce", ["10.1.1.50"], { link, rounds: 1 });
    await vi.waitFor(async () => expect(await agent.call("counters")).toMatchObject({ announceFramesFailed: 2 }), {
      timeout: 20_000,
    });
  });
});

const cannot = cannotRun === null ? "" : ` (${cannotRun})`;

describe.skipIf(cannotRun !== null)(`an announcement to known hosts only${cannot}`, () => {
  const KNOWN_MAC = "02:00:00:00:00:0b";
  let host: Namespace;
  let known: Namespace;
  let third: Namespace;
  let agent: Agent;
  let link: Link;

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
    await known.run("ip address add fd00::2/64 dev eth1 nodad");
    await third.run("ip link set eth1 up");
    await host.run(`bridge fdb replace ${KNOWN_MAC} dev port2 master static`);
    agent = await Agent.start(host);
    link = (await agent.call("links")).find(({ name }) => name === "eth1")!;
  });
  afterEach(async () => {
    await Promise.all([host.close(), known.close(), third.close()]);
  });

  /** Until the third host has heard a broadcast that came after all else. @returns what it has heard of ours. */
  async function overheard(frames: readonly Frame[]): Promise<string[][]> {
    await agent.call("announce", ["10.1.1.51"], { link, rounds: 1 });
    await vi.waitFor(() => expect(announced(frames).length).toBeGreaterThanOrEqual(2), { timeout: 20_000 });
    return announced(frames).map(({ to, target }) => [to, target]);
  }

  it.each([
    ["10.1.1.50", "10.1.1.2", 4],
    ["fd00::50", "fd00::2", 2],
  ])(
    "moves the entry for %s of a host in the neighbour table, and is not seen by a third host",
    async (vip, neighbour, sent) => {
      await host.run(`ip neigh replace ${neighbour} lladdr ${KNOWN_MAC} dev eth1 nud stale`);
      await host.run(`ip neigh replace 10.1.1.9 lladdr ${OLD_MAC} dev eth1 nud noarp`);
      const neighbours = await agent.call("neighbours", { ifindex: link.index });
      expect(neighbours).toEqual([{ address: neighbour, ifindex: link.index, mac: KNOWN_MAC }]);
      expect(await agent.call("neighbours")).toEqual(neighbours);
      expect(await agent.call("neighbours", { ifindex: link.index + 1000 })).toEqual([]);
      const frames = await listen(third, "eth1");

      await known.run(`ip neigh replace ${vip} lladdr ${OLD_MAC} dev eth1 nud stale`);
      await agent.call("announce", [vip], { link, rounds: 2, allHosts: false });
      await vi.waitFor(async () => expect(await known.run(`ip neigh show ${vip}`)).toContain(MAC), { timeout: 20_000 });
      const counters = { announceFramesSent: sent };
      await vi.waitFor(async () => expect(await agent.call("counters")).toMatchObject(counters), { timeout: 20_000 });
      expect(await overheard(frames)).toEqual([
        [BROADCAST, "10.1.1.51"],
        [BROADCAST, "10.1.1.51"],
      ]);
    },
  );

  it("reaches a host that only the caller knows, and no other", async () => {
    const frames = await listen(third, "eth1");
    await known.run(`ip neigh replace 10.1.1.50 lladdr ${OLD_MAC} dev eth1 nud stale`);
    const hosts = [{ address: "10.1.1.2", mac: KNOWN_MAC }];
    await agent.call("announce", ["10.1.1.50"], { link, rounds: 2, allHosts: false, hosts });
    await vi.waitFor(async () => expect(await known.run("ip neigh show 10.1.1.50")).toContain(MAC), {
      timeout: 20_000,
    });
    expect(await overheard(frames)).toEqual([
      [BROADCAST, "10.1.1.51"],
      [BROADCAST, "10.1.1.51"],
    ]);
  });
});
