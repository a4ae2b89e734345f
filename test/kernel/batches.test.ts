import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MOST_ADDRESSES } from "../../src/kernel/batches.js";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const OURS = 104;
const KEEPALIVED = 18;
const EEXIST = -17;
const ECANCELED = -125;
const TOO_MANY = /^expected at most 1048576 addresses in a batch$/;
const NO_ADDRESS = /^expected an IPv4 or IPv6 address, not /;

/** From 10.7.0.0 on. */
const range = (count: number, second = 7) =>
  Array.from({ length: count }, (_, i) => `10.${second + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);

describe.skipIf(cannotRun !== null)(`a batch${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let agent: Agent;
  let ifindex: number;
  const on = (plumbing: "address" | "route") => ({ ifindex, plumbing });
  const ours = async () => (await agent.call("addresses", { protocol: OURS })).map(({ address }) => address).sort();

  beforeAll(async () => {
    host = await Namespace.create();
    await host.run("ip link add eth1 type veth peer name peer1");
    await host.run("ip link set eth1 up");
    await host.run("ip address add 10.1.1.9/24 dev eth1");
    agent = await Agent.start(host);
    ifindex = (await agent.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
  });
  afterAll(() => host.close());
  afterEach(async () => {
    await agent.call("cleanSlate", []);
  });

  it("tells how far it is, and that it is done", async () => {
    const { statuses, told } = await agent.call("addFollowed", range(8000), on("address"));
    expect(statuses).toEqual(Array(8000).fill(0));
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBe(8000);
    expect(told.some((done) => done > 0 && done < 8000)).toBe(true);
  });

  it("that is cancelled says of each address whether it is there, and leaves none half done", async () => {
    const addresses = range(20_000);
    const { statuses, texts, told } = await agent.call("addFollowed", addresses, on("address"), 1);
    const there = addresses.filter((_, i) => statuses[i] === 0);
    expect(new Set(statuses)).toEqual(new Set([0, ECANCELED]));
    expect(texts).toEqual([[ECANCELED, "Operation canceled: cancelled before its turn"]]);
    expect(await ours()).toEqual(there.toSorted());
    expect(told.at(-1)).toBe(there.length);
  });

  it("that is cancelled in the queue ends at once and does nothing, and the next one waits all the same", async () => {
    const [first, second, third] = [range(4000, 7), range(10, 8), range(10, 9)];
    const result = await agent.call("addThree", [first, second, third], on("address"));
    expect(result).toEqual({ order: [1, 0, 2], second: Array(10).fill(ECANCELED) });
    expect(await ours()).toEqual([...first, ...third].sort());
  });

  it.each(["add", "remove"] as const)(
    "to %s takes a million addresses, and of one more it takes none",
    async (operation) => {
      expect(await agent.call("countStatuses", operation, MOST_ADDRESSES, on("route"))).toBe(MOST_ADDRESSES);
      await expect(agent.call("countStatuses", operation, MOST_ADDRESSES + 1, on("route"))).rejects.toThrow(TOO_MANY);
    },
  );

  it.each([
    ["a text", '"10.7.0.300"'],
    ["null", "null"],
    ["a number", "7"],
  ])("is refused for %s that is no address, cancelled or not, and those after it run", async (_what, wrong) => {
    const addresses: string[] = JSON.parse(`["10.7.0.1", ${wrong}, "10.7.0.2"]`);
    await agent.call("add", ["10.7.0.1"], on("route"));
    for (const operation of ["add", "remove"] as const) {
      await expect(agent.call(operation, addresses, on("route"))).rejects.toThrow(NO_ADDRESS);
      await expect(agent.call("cancelled", operation, addresses, on("route"))).rejects.toThrow(NO_ADDRESS);
    }
    expect(await ours()).toEqual(["10.7.0.1"]);
    expect((await agent.call("remove", ["10.7.0.1"], on("route"))).statuses).toEqual([0]);
    expect(await ours()).toEqual([]);
  });

  it("of what was found is refused as well where that is too much, and what was there stays", async () => {
    await agent.call("add", ["10.7.0.1"], on("route"));
    await expect(agent.call("removeMany", MOST_ADDRESSES + 1, on("route"))).rejects.toThrow(TOO_MANY);
    expect(await ours()).toEqual(["10.7.0.1"]);
  });

  it("runs after the one that was called before, however many turns that one takes to be packed", async () => {
    const addresses = range(30_000);
    const leaving = addresses.slice(0, 100);
    const { added, removed } = await agent.call("addThenRemove", addresses, leaving, on("route"));
    expect({ added, removed }).toEqual({
      added: { statuses: Array(30_000).fill(0), texts: [] },
      removed: { statuses: Array(100).fill(0), texts: [] },
    });
    expect(await ours()).toEqual(addresses.slice(100).sort());
  });

  it.each(["address", "route"] as const)(
    "has in %s mode a status for each of both families, with failures in the middle and one address twice",
    async (mode) => {
      const other = await Agent.start(host, { protocol: KEEPALIVED });
      const foreign = ["10.9.0.5", "fd00::5"];
      await other.call("add", foreign, on(mode));
      const addresses = ["10.9.0.1", "fd00::1", "10.9.0.5", "10.9.0.1", "fd00::5", "fd00::2", "10.1.1.9", "fd00::1"];

      const { statuses } = await agent.call("add", addresses, on(mode));

      expect(statuses).toEqual([0, 0, EEXIST, 0, EEXIST, 0, EEXIST, 0]);
      expect(await ours()).toEqual(["10.9.0.1", "fd00::1", "fd00::2"]);
      const prefixes = (await agent.call("addresses", { protocol: OURS })).map(({ prefix }) => prefix);
      expect(prefixes.toSorted((a, b) => a - b)).toEqual([32, 128, 128]);
      const removed = await agent.call("remove", ["10.9.0.1", "fd00::1", "10.9.0.1", "fd00::2"], on(mode));
      expect(removed.statuses).toEqual([0, 0, 0, 0]);
      await other.call("remove", foreign, on(mode));
    },
  );

  it.each(["address", "route"] as const)(
    "takes in %s mode every spelling of an address for that address",
    async (mode) => {
      const spelt = ["FD00:0:0::1", "fd00::1", "::ffff:10.9.0.1", "::FFFF:a09:1", "10.9.0.1", "fd00::10.9.0.1"];
      expect(await agent.call("add", spelt, on(mode))).toEqual({ statuses: Array(6).fill(0), texts: [] });
      expect(await ours()).toEqual(["10.9.0.1", "::ffff:10.9.0.1", "fd00::1", "fd00::a09:1"]);
      const canonical = ["fd00::1", "::ffff:10.9.0.1", "10.9.0.1", "fd00::a09:1"];
      expect((await agent.call("remove", canonical, on(mode))).statuses).toEqual([0, 0, 0, 0]);
      expect(await ours()).toEqual([]);
    },
  );

  it("with a text that is no address changes nothing, however late it comes", async () => {
    const addresses = [...range(9000), "10.9.0.1\n10.9.0.2"];
    await expect(agent.call("add", addresses, on("route"))).rejects.toThrow(
      'expected an IPv4 or IPv6 address, not "10.9.0.1\\n10.9.0.2"',
    );
    expect(await ours()).toEqual([]);
  });

  it("has the right status for each address where most of the kernel's answers are dropped", async () => {
    const addresses = range(2000);
    const taken = addresses.filter((_, i) => i % 2 === 0);
    const other = await Agent.start(host, { protocol: KEEPALIVED });
    await other.call("add", taken, on("route"));

    const { statuses } = await agent.call("addDeaf", addresses, on("route"));

    expect(statuses).toEqual(addresses.map((_, i) => (i % 2 === 0 ? EEXIST : 0)));
    expect(await ours()).toEqual(addresses.filter((_, i) => i % 2 === 1).sort());
    await other.call("remove", taken, on("route"));
  });
});

describe.skipIf(cannotRun !== null)(`a dump${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let agent: Agent;
  const index: Record<string, number> = {};

  beforeAll(async () => {
    host = await Namespace.create();
    for (const name of ["eth1", "eth2"]) await host.run(`ip link add ${name} type veth peer name peer-${name}`);
    for (const name of ["eth1", "eth2"]) await host.run(`ip link set ${name} up`);
    agent = await Agent.start(host);
    for (const link of await agent.call("links")) index[link.name] = link.index;
  });
  afterAll(() => host.close());

  const on = (name: string, plumbing: "address" | "route") => ({ ifindex: index[name] ?? 0, plumbing });

  it("finds what passes the filter, all of it, and nothing else", async () => {
    await host.run("ip address add 10.1.1.9/24 dev eth1");
    await agent.call("add", ["10.7.0.1", "fd00::1"], on("eth1", "address"));
    await agent.call("add", ["10.7.0.2", "fd00::2"], on("eth1", "route"));
    await agent.call("add", ["10.7.0.3"], on("eth2", "address"));
    await agent.call("add", ["10.7.0.4"], on("eth2", "route"));
    const finds = async (filter: { protocol?: number; ifindex?: number; plumbing?: "address" | "route" }) =>
      (await agent.call("addresses", filter))
        .map(({ address }) => address)
        .filter((address) => /^(10\.|fd)/.test(address)) // not what IPv6 gives each interface
        .sort();

    expect(await finds({ protocol: OURS })).toEqual([
      "10.7.0.1",
      "10.7.0.2",
      "10.7.0.3",
      "10.7.0.4",
      "fd00::1",
      "fd00::2",
    ]);
    expect(await finds({ plumbing: "route" })).toEqual(["10.7.0.2", "10.7.0.4", "fd00::2"]);
    expect(await finds({ plumbing: "address" })).toEqual(["10.1.1.9", "10.7.0.1", "10.7.0.3", "fd00::1"]);
    expect(await finds({ ifindex: index["eth2"] ?? 0 })).toEqual(["10.7.0.3", "10.7.0.4"]);
    expect(await finds({ ifindex: index["eth1"] ?? 0, plumbing: "route", protocol: OURS })).toEqual([
      "10.7.0.2",
      "fd00::2",
    ]);
    expect(await finds({ protocol: 0, ifindex: index["eth1"] ?? 0 })).toEqual(["10.1.1.9"]);
    expect(await finds({ ifindex: 999 })).toEqual([]);
    await agent.call("cleanSlate", []);
  });

  it("in the middle of a storm lacks nothing that was there all the time", async () => {
    const lasting = range(2000);
    const leaving = range(4000, 9);
    const storm = await Agent.start(host, { protocol: KEEPALIVED });
    for (let round = 0; round < 3; round++) {
      // Before ours in the interface's list: as they go, ours come forward in it.
      await storm.call("add", leaving, on("eth1", "address"));
      await agent.call("add", lasting, on("eth1", "address"));
      const raging = storm.call("remove", leaving, on("eth1", "address"));
      const over = raging.then(() => true);
      const notYet = Promise.resolve(false);
      do {
        const found = new Set((await agent.call("addresses", { protocol: OURS })).map(({ address }) => address));
        expect(lasting.filter((address) => !found.has(address))).toEqual([]);
      } while (!(await Promise.race([over, notYet])));
      await agent.call("cleanSlate", []);
    }
  });
});
