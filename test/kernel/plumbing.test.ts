import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const OURS = 104;
const KEEPALIVED = 18;
const EPERM = -1;
const EEXIST = -17;
const ENODEV = -19;

const range = (count: number) => Array.from({ length: count }, (_, i) => `10.7.${i >> 8}.${i & 255}`);

describe.skipIf(cannotRun !== null)(`plumbing${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let agent: Agent;
  let ifindex: number;
  const target = (plumbing: "address" | "route" = "address", prefix = 32) => ({ ifindex, plumbing, prefix });
  const listed = async () => (await agent.call("addresses", { protocol: OURS })).map(({ address }) => address).sort();

  beforeAll(async () => {
    host = await Namespace.create();
    await host.run("ip link add eth1 type veth peer name peer1");
    await host.run("ip link set eth1 up");
    await host.run("ip address add 10.1.1.9/24 dev eth1");
    agent = await Agent.start(host);
    ifindex = (await agent.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
  });
  afterAll(() => host.close());

  it.each(["address", "route"] as const)(
    "adds and removes 2,000 addresses in %s mode, each with our tag",
    async (mode) => {
      const addresses = range(2000);

      const added = await agent.call("add", addresses, target(mode));
      expect(added).toEqual({ statuses: addresses.map(() => 0), texts: [] });
      const found = await agent.call("addresses", { protocol: OURS });
      expect(found.map(({ address }) => address).sort()).toEqual(addresses.toSorted());
      expect(found.every(({ plumbing, prefix }) => plumbing === mode && prefix === 32)).toBe(true);
      expect(found.every((one) => one.protocol === OURS && one.ifindex === ifindex)).toBe(true);

      const removed = await agent.call("remove", addresses, target(mode));
      expect(removed).toEqual({ statuses: addresses.map(() => 0), texts: [] });
      expect(await listed()).toEqual([]);
    },
  );

  it.each(["address", "route"] as const)("does the same twice in %s mode with the same success", async (mode) => {
    for (const method of ["add", "add", "remove", "remove"] as const) {
      expect(await agent.call(method, ["10.1.1.50", "fd00::50"], target(mode))).toEqual({
        statuses: [0, 0],
        texts: [],
      });
      expect(await listed()).toEqual(method === "add" ? ["10.1.1.50", "fd00::50"] : []);
    }
  });

  it("adds IPv6 aliases that are usable at once", async () => {
    await agent.call("add", ["fd00::1"], target("address", 128));
    expect(await host.run("ip -6 address show dev eth1 to fd00::1")).toMatch(
      /fd00::1\/128 scope global (?!.*tentative)/,
    );
    await agent.call("remove", ["fd00::1"], target("address", 128));
  });

  it.each(["address", "route"] as const)("says for each address in %s mode what became of it", async (mode) => {
    const other = await Agent.start(host, { protocol: KEEPALIVED });
    await other.call("add", ["10.1.1.18"], target(mode));

    const { statuses, texts } = await agent.call(
      "add",
      ["10.1.1.50", "10.1.1.9", "10.1.1.51", "10.1.1.18"],
      target(mode),
    );

    expect(statuses).toEqual([0, EEXIST, 0, EEXIST]);
    expect(texts).toEqual([[EEXIST, `File exists: the host has 10.1.1.9/24 on interface ${ifindex}`]]);
    expect(await listed()).toEqual(["10.1.1.50", "10.1.1.51"]);
    await agent.call("remove", ["10.1.1.50", "10.1.1.51"], target(mode));
    expect(await other.call("addresses", { protocol: KEEPALIVED })).toHaveLength(1);
    await other.call("remove", ["10.1.1.18"], target(mode));
  });

  it("gives the kernel's own words for what the kernel refuses", async () => {
    const nowhere = { ifindex: 999, plumbing: "address", prefix: 32 } as const;
    const { statuses, texts } = await agent.call("add", ["10.1.1.50", "10.1.1.51"], nowhere);
    expect(statuses).toEqual([ENODEV, ENODEV]);
    expect(texts).toEqual([[ENODEV, "No such device: ipv4: Device not found"]]);
  });

  it("removes neither the host's own address nor another program's, whatever it is asked for", async () => {
    const other = await Agent.start(host, { protocol: KEEPALIVED });
    await other.call("add", ["10.1.1.18"], target());

    expect(await agent.call("remove", ["10.1.1.9"], target("address", 24))).toEqual({
      statuses: [EPERM],
      texts: [[EPERM, `Operation not permitted: the host has 10.1.1.9/24 on interface ${ifindex}`]],
    });
    expect((await agent.call("remove", ["10.1.1.18"], target())).statuses).toEqual([EPERM]);
    // Another prefix, or a route, is another thing; there is none, so nothing is to be done.
    expect((await agent.call("remove", ["10.1.1.9"], target())).statuses).toEqual([0]);
    expect((await agent.call("remove", ["10.1.1.9", "10.1.1.18"], target("route"))).statuses).toEqual([0, 0]);

    const left = (await agent.call("addresses")).map(({ address }) => address);
    expect(left).toEqual(expect.arrayContaining(["10.1.1.9", "10.1.1.18"]));
    await other.call("remove", ["10.1.1.18"], target());
  });

  it("leaves the event loop alone while it works", async () => {
    const addresses = range(6000);
    const { took, longest } = await agent.call("addWatched", addresses, target());
    await agent.call("remove", addresses, target());
    expect(longest, `of ${took} ms`).toBeLessThan(Math.max(30, took / 5));
  });
});
