/** Aliases that the kernel takes away by itself, unless they are extended. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const OURS = 104;
const EADDRNOTAVAIL = -99;
const ETIME = -62;
const LONG_MS = 100_000;
const patient = { timeout: 60_000, interval: 50 };

describe.skipIf(cannotRun !== null)(
  `a lifetime${cannotRun === null ? "" : ` (${cannotRun})`}`,
  { timeout: 120_000 },
  () => {
    let host: Namespace;
    let agent: Agent;
    let ifindex: number;
    const ours = async () => (await agent.call("addresses", { protocol: OURS })).map(({ address }) => address).sort();
    const target = () => ({ ifindex, plumbing: "address" as const, sourceHygiene: true });
    /** What `ip` shows of an address. */
    const shown = (address: string) => host.run(`ip address show dev eth1 to ${address}`);

    beforeEach(async () => {
      host = await Namespace.create();
      await host.run("ip link add eth1 type veth peer name peer1");
      await host.run("ip link set peer1 up");
      await host.run("ip link set eth1 up");
      await host.run("ip address add 10.1.1.9/24 dev eth1");
      agent = await Agent.start(host);
      ifindex = (await agent.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
    });
    afterEach(() => host.close());

    it("ends what nobody extends, of both families, and the monitor tells; what is extended stays, and is no change", async () => {
      await agent.call("watch");
      const all = ["10.1.1.1", "10.1.1.2", "fd00::1", "fd00::2"];
      expect((await agent.call("addFor", all, target(), 3_000)).statuses).toEqual([0, 0, 0, 0]);
      const kept = ["10.1.1.2", "fd00::2"];
      expect((await agent.call("extendFor", kept, target(), LONG_MS)).statuses).toEqual([0, 0]);
      for (const address of kept) expect(await shown(address)).toMatch(/valid_lft (9\d|100)sec/);

      await vi.waitFor(async () => expect(await ours()).toEqual(kept), patient);
      await vi.waitFor(async () => expect(await agent.call("watchedRight", ["10.1.1.1"])).toBe(true), patient);
      const { added, removed } = await agent.call("watched");
      expect(added.map(({ address }) => address).sort()).toEqual(all);
      expect(removed.map(({ address }) => address).sort()).toEqual(["10.1.1.1", "fd00::1"]);
      // The host's own, and what has no lifetime, are as they were.
      expect(await shown("10.1.1.9")).toContain("valid_lft forever");
    });

    it("is no shorter than what was asked for, and keeps the address from being chosen as a source", async () => {
      await agent.call("addFor", ["10.1.1.1", "fd00::1"], target(), 59_500);
      for (const address of ["10.1.1.1", "fd00::1"]) expect(await shown(address)).toMatch(/valid_lft (60|5[6-9])sec/);
      expect(await shown("10.1.1.1")).toContain("scope host");
      expect(await shown("fd00::1")).toContain("deprecated");
    });

    it("is given to nothing but our own aliases: not to the host's, another program's, a route, or what is not there", async () => {
      await host.run("ip address add 10.1.1.5/32 dev eth1");
      await agent.call("add", ["10.1.1.6"], { ifindex, plumbing: "route" });
      const asked = ["10.1.1.5", "10.1.1.6", "10.1.1.7"];
      expect((await agent.call("extendFor", asked, target(), 1_000)).statuses).toEqual(asked.map(() => EADDRNOTAVAIL));
      expect(await shown("10.1.1.5")).toContain("valid_lft forever");
      const [, own] = (await agent.call("extendFor", ["10.1.1.9"], { ...target(), prefix: 24 }, 1_000)).texts[0] ?? [];
      expect(own).toContain("the host has 10.1.1.9/24");
      expect(await shown("10.1.1.9")).toContain("valid_lft forever");
    });

    it("can be taken back, and does not hinder a removal or another add", async () => {
      await agent.call("addFor", ["10.1.1.1", "10.1.1.2"], target(), LONG_MS);
      expect((await agent.call("extendFor", ["10.1.1.1"], target(), null)).statuses).toEqual([0]);
      expect(await shown("10.1.1.1")).toContain("valid_lft forever");
      expect((await agent.call("add", ["10.1.1.2"], target())).statuses).toEqual([0]);
      expect((await agent.call("remove", ["10.1.1.1", "10.1.1.2"], target())).statuses).toEqual([0, 0]);
      expect(await ours()).toEqual([]);
    });

    it("is had by the first alias too, where nothing on the host carries a tag", async () => {
      await host.run("ip link set lo down");
      await host.run("ip link set eth1 addrgenmode none");
      const tags = (await agent.call("addresses")).filter(({ address }) => !address.includes(":"));
      expect(tags.every(({ protocol }) => protocol === 0)).toBe(true);
      await agent.call("addFor", ["10.1.1.1"], target(), LONG_MS);
      expect(await shown("10.1.1.1")).toMatch(/valid_lft (9\d|100)sec/);
    });

    it("that is over before the kernel is asked adds nothing", async () => {
      expect((await agent.call("addFor", ["10.1.1.1"], target(), -1)).statuses).toEqual([ETIME]);
      expect(await ours()).toEqual([]);
    });

    it("does not let a process that is stopped keep what it has: the kernel is without it while it is stopped", async () => {
      await agent.call("addFor", ["10.1.1.1", "fd00::1"], target(), 1_500);
      agent.process.kill("SIGSTOP");
      try {
        await vi.waitFor(async () => expect(`${await shown("10.1.1.1")}${await shown("fd00::1")}`).toBe(""), patient);
      } finally {
        agent.process.kill("SIGCONT");
      }
      expect(await ours()).toEqual([]);
    });
  },
);
