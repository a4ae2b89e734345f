import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const OURS = 104;
const range = (net: number, count: number) => Array.from({ length: count }, (_, i) => `10.${net}.${i >> 8}.${i & 255}`);
const patient = { timeout: 20_000, interval: 20 };

describe.skipIf(cannotRun !== null)(`the monitor${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let agent: Agent;
  let ifindex: number;

  beforeEach(async () => {
    host = await Namespace.create();
    await host.run("ip link add eth1 type veth peer name peer1");
    await host.run("ip link set eth1 up");
    await host.run("ip address add 10.1.1.9/24 dev eth1");
    agent = await Agent.start(host);
    ifindex = (await agent.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
  });
  afterEach(() => host.close());

  /** As any other program, by iproute2. */
  async function batch(lines: readonly string[]): Promise<void> {
    const ip = host.start(["ip", "-batch", "-"]);
    ip.stdin.end(lines.join("\n"));
    const [status] = await once(ip, "exit");
    expect(status).toBe(0);
  }

  /** Waits until the monitor says what a dump says. */
  const right = (absent: readonly string[] = []) =>
    vi.waitFor(async () => expect(await agent.call("watchedRight", [...absent])).toBe(true), patient);

  it("tells of addresses, local routes and links, each with what it is, and not of what was there before", async () => {
    await agent.call("watch");
    await agent.call("add", ["10.1.1.1", "fd00::1"], { ifindex, plumbing: "address", prefix: 32 });
    await host.run("ip route add local 10.1.2.1/32 dev eth1 table local proto 18");
    await host.run("ip link set eth1 name mail1");
    await host.run("ip address del 10.1.1.9/24 dev mail1");
    await right(["10.1.1.9", "10.1.1.2", "no address"]);
    const { added, removed, links } = await agent.call("watched");
    expect(added).toContainEqual(expect.objectContaining({ address: "10.1.1.1", protocol: OURS, plumbing: "address" }));
    expect(added).toContainEqual(expect.objectContaining({ address: "10.1.2.1", protocol: 18, plumbing: "route" }));
    expect(added.map(({ address }) => address)).not.toContain("127.0.0.1");
    expect(removed).toMatchObject([{ address: "10.1.1.9", prefix: 24, ifindex }]);
    expect(links).toContainEqual(["eth1", "mail1", true]);
  });

  it("tells of neighbours of both families: known, by another address, and not any more", async () => {
    await agent.call("watch");
    const mac = (last: number) => `02:00:00:00:00:0${last}`;
    for (const address of ["10.1.1.2", "fd00::2"]) {
      await host.run(`ip neigh add ${address} lladdr ${mac(1)} dev eth1 nud permanent`);
      await host.run(`ip neigh replace ${address} lladdr ${mac(2)} dev eth1 nud permanent`);
      await host.run(`ip neigh del ${address} dev eth1`);
    }
    // What came and went within one look is not told: so the last words have to be waited for, and they tell all.
    await host.run(`ip neigh add 10.1.1.3 lladdr ${mac(3)} dev eth1 nud permanent`);
    const known = async () => {
      const table = new Map<string, string>();
      for (const { before, after } of (await agent.call("watched")).neighbours) {
        const address = (before ?? after)!.address;
        expect(table.get(address)).toBe(before?.mac);
        if (after === null) table.delete(address);
        else table.set(address, after.mac);
      }
      return [...table];
    };
    await vi.waitFor(async () => expect(await known()).toEqual([["10.1.1.3", mac(3)]]), patient);
    expect((await agent.call("neighbours", { ifindex })).map(({ address }) => address)).toEqual(["10.1.1.3"]);
  });

  it("knows of the routes that go without a word with the last address of their interface", async () => {
    await host.run("ip route add local 10.1.2.1/32 dev eth1 table local");
    await agent.call("watch");
    await host.run("ip address del 10.1.1.9/24 dev eth1");
    await vi.waitFor(
      async () => expect((await agent.call("watched")).removed.map(({ address }) => address)).toContain("10.1.2.1"),
      patient,
    );
    await right(["10.1.2.1", "10.1.1.9"]);
  });

  it("loses nothing of ours in a storm of another program's addresses, and leaves the event loop its turns", async () => {
    const routes = range(6, 10_000).map((address) => `local ${address}/32 dev eth1 table local`);
    const aliases = range(7, 1000).map((address) => `address add ${address}/32 dev eth1`);
    await agent.call("add", ["10.1.1.1"], { ifindex, plumbing: "address", prefix: 32 });
    await agent.call("watch");
    await batch([
      ...aliases,
      ...routes.map((route) => `route add ${route}`),
      "address del 10.1.1.1/32 dev eth1",
      ...routes.map((route) => `route del ${route}`),
    ]);
    await right(["10.1.1.1", ...range(6, 10_000)]);
    const { removed, most } = await agent.call("watched");
    expect(removed.filter(({ protocol }) => protocol === OURS).map(({ address }) => address)).toEqual(["10.1.1.1"]);
    // So much is worked on in one turn, and no more.
    expect(most).toBeLessThanOrEqual(4096);
  });

  it("makes up by a dump for what a buffer did not hold", async () => {
    await agent.call("add", ["10.1.1.1"], { ifindex, plumbing: "address", prefix: 32 });
    await agent.call("watch", 4096);
    agent.process.kill("SIGSTOP");
    await batch([
      ...range(6, 5000).map((address) => `route add local ${address}/32 dev eth1 table local`),
      "address del 10.1.1.1/32 dev eth1",
      ...range(6, 2500).map((address) => `route del local ${address}/32 dev eth1 table local`),
    ]);
    agent.process.kill("SIGCONT");
    await right(["10.1.1.1", ...range(6, 2500)]);
    const { resyncs, removed } = await agent.call("watched");
    expect(resyncs).toBeGreaterThan(0);
    expect(removed.map(({ address }) => address)).toContain("10.1.1.1");
  });

  it("is closed in the middle of a storm, and may be closed twice", async () => {
    await agent.call("watch");
    const storm = batch(range(6, 5000).map((address) => `route add local ${address}/32 dev eth1 table local`));
    await vi.waitFor(async () => expect((await agent.call("watched")).added.length).toBeGreaterThan(0), patient);
    await agent.call("closeMonitor");
    const told = (await agent.call("watched")).added.length;
    await storm;
    expect((await agent.call("watched")).added).toHaveLength(told);
  });
});
