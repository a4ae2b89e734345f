import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MOST_ADDRESSES } from "../../src/kernel/batches.js";
import { Agent, cannotRun, Namespace } from "./namespace.js";
import { Talker } from "./talker.js";

const PORT = 2525;

describe.skipIf(cannotRun !== null)(`sockets on an address${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let client: Namespace;
  let agent: Agent;
  let ifindex: number;

  beforeEach(async () => {
    host = await Namespace.create();
    client = await Namespace.create(host);
    await host.run(`ip link add eth1 type veth peer name eth1 netns ${client.pid}`);
    for (const [namespace, last] of [
      [host, 9],
      [client, 200],
    ] as const) {
      await namespace.run("ip link set eth1 up");
      await namespace.run(`ip address add 10.1.1.${last}/24 dev eth1`);
      await namespace.run(`ip -6 address add fd00::${last}/64 dev eth1 nodad`);
    }
    agent = await Agent.start(host);
    ifindex = (await agent.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
  });
  afterEach(async () => {
    await Promise.all([host.close(), client.close()]);
  });

  const place = (plumbing: "address" | "route", prefix = 32) => ({ ifindex, plumbing, prefix });

  it.each([
    ["an alias", "10.1.1.1", "10.1.1.1", place.bind(null, "address", 32)],
    ["a local route", "10.1.1.1", "10.1.1.1", place.bind(null, "route", 32)],
    ["an alias, under a listener for both families", "10.1.1.1", "::", place.bind(null, "address", 32)],
    ["an IPv6 alias", "fd00::1", "fd00::1", place.bind(null, "address", 128)],
  ])("are closed and their peers reset at once: %s", async (_what, vip, listenOn, target) => {
    await agent.call("add", [vip], target());
    const server = await Talker.listen(host, PORT, listenOn);
    const peer = await Talker.connect(client, PORT, vip);
    await server.says("accepted");
    const remote = vip.includes(":") ? "fd00::200" : "10.1.1.200";
    expect(await agent.call("connections", [vip])).toMatchObject([{ local: vip, localPort: PORT, remote }]);

    expect(await agent.call("killSockets", [vip])).toEqual({ closed: 1, failures: [] });
    await agent.call("remove", [vip], target());

    await peer.says("ECONNRESET");
    await server.says("ECONNABORTED");
    expect(await agent.call("connections", [vip])).toEqual([]);
  });

  it("are left alone on other addresses, and where they listen", async () => {
    await agent.call("add", ["10.1.1.1"], place("address"));
    const own = await Talker.listen(host, PORT, "10.1.1.9");
    const onVip = await Talker.listen(host, PORT, "10.1.1.1");
    const ownPeer = await Talker.connect(client, PORT, "10.1.1.9");
    await own.says("accepted");

    expect(await agent.call("killSockets", ["10.1.1.1", "10.1.1.2"])).toEqual({ closed: 0, failures: [] });
    const peer = await Talker.connect(client, PORT, "10.1.1.1");
    await onVip.says("accepted");
    expect(await agent.call("killSockets", ["10.1.1.1"], { listening: true })).toEqual({ closed: 2, failures: [] });
    await peer.says("ECONNRESET");

    expect(await agent.call("connections", ["10.1.1.1", "10.1.1.9"])).toMatchObject([{ local: "10.1.1.9" }]);
    expect(await host.run("ss -Htnl")).toMatch(/^LISTEN .* 10\.1\.1\.9:2525 [^\n]*\n$/);
    await agent.call("killSockets", ["10.1.1.9"]);
    await ownPeer.says("ECONNRESET");
  });

  it("are closed in one go on ten thousand addresses", async () => {
    const addresses = Array.from({ length: 10_240 }, (_, i) => `10.7.${i >> 8}.${i & 255}`);
    await agent.call("add", addresses, place("route"));
    await client.run("ip route add 10.7.0.0/16 via 10.1.1.9");
    await Talker.listen(host, PORT, "0.0.0.0");
    const some = addresses.filter((_, i) => i % 41 === 0);
    const peers = await Talker.connect(client, PORT, ...some);

    expect(await agent.call("killSockets", addresses)).toEqual({ closed: some.length, failures: [] });
    for (const _ of some) await peers.says("ECONNRESET");
    expect(await agent.call("counters")).toMatchObject({ socketsKilled: some.length, socketsNotKilled: 0 });
  });
});

describe.skipIf(cannotRun !== null)(`a million addresses${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;

  beforeEach(async () => {
    host = await Namespace.create();
  });
  afterEach(() => host.close());

  it("may be asked for what is connected on them, and more are refused", async () => {
    const agent = await Agent.start(host);
    const program = await Talker.listen(host, PORT, "127.0.0.1");
    const peer = await Talker.connect(host, PORT, "127.0.0.1");
    await program.says("accepted");
    expect(await agent.call("connectionsOfMany", "127.0.0.1", MOST_ADDRESSES)).toBe(2);
    for (const method of ["connectionsOfMany", "killMany"] as const) {
      await expect(agent.call(method, "127.0.0.1", MOST_ADDRESSES + 1)).rejects.toThrow("needs (addresses: ");
    }
    expect(await agent.call("connectionsOfMany", "127.0.0.1", 1)).toBe(2);
    // The other end is on this host too, and ends by the reset.
    expect(await agent.call("killMany", "127.0.0.1", MOST_ADDRESSES)).toEqual({ closed: 1, failures: [] });
    expect(await peer.next()).toMatch(/^ECONN(RESET|ABORTED)$/);
  });
});

describe.skipIf(cannotRun !== null)(
  `sockets ahead of their address${cannotRun === null ? "" : ` (${cannotRun})`}`,
  () => {
    let host: Namespace;

    beforeEach(async () => {
      host = await Namespace.create();
    });
    afterEach(() => host.close());

    it.each([
      ["10.1.1.1", 32],
      ["fd00::1", 128],
    ])("listen on %s before it is there, so that a client is served as soon as it is", async (address, prefix) => {
      const agent = await Agent.start(host);
      expect(await agent.call("listenAhead", address, PORT)).toBe(null);
      expect(await host.run("ss -Htnl")).toContain(`:${PORT}`);
      await agent.call("add", [address], { ifindex: 1, plumbing: "address", prefix });
      const client = await Talker.connect(host, PORT, address);
      await client.says("end");
    });

    it("say which program to look for where the port is taken, and what to raise where descriptors are out", async () => {
      await Talker.listen(host, PORT, "0.0.0.0");
      const agent = await Agent.start(host, { wrap: ["prlimit", "--nofile=200", "--"] });
      expect(await agent.call("listenAhead", "10.1.1.1", PORT)).toMatch(/^EADDRINUSE: .*; another program listens/);
      const few = await agent.call("bindMany", 300);
      expect(few).toEqual({
        bound: expect.any(Number),
        between: few.bound,
        after: 0,
        texts: [expect.stringMatching(/^EMFILE: .*; raise LimitNOFILE=/)],
      });
      expect(few.bound).toBeGreaterThan(100);
    });

    it("are bound by the thousand in one call, and closed in one", async () => {
      const agent = await Agent.start(host, { wrap: ["prlimit", "--nofile=12000", "--"] });
      expect(await agent.call("bindMany", 10_240)).toEqual({ bound: 10_240, between: 10_240, after: 0, texts: [] });
      expect(await agent.call("counters")).toMatchObject({ socketsBound: 10_240 });
    });
  },
);

/**
 * A bridge with three ports: a client, the owner of an address, and the node that has it next.
 */
describe.skipIf(cannotRun !== null)(`a tickle${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let client: Namespace;
  let owner: Namespace;
  let heir: Namespace;

  beforeEach(async () => {
    client = await Namespace.create();
    owner = await Namespace.create(client);
    heir = await Namespace.create(client);
    await client.run("ip link add br0 type bridge");
    await client.run("ip link set br0 up");
    await client.run("ip address add 10.1.1.200/24 dev br0");
    await client.run("ip -6 address add fd00::200/64 dev br0 nodad");
    for (const [name, node, last] of [
      ["owner", owner, 8],
      ["heir", heir, 9],
    ] as const) {
      await client.run(`ip link add ${name} type veth peer name eth1 netns ${node.pid}`);
      await client.run(`ip link set ${name} master br0 up`);
      await node.run("ip link set eth1 up");
      await node.run(`ip address add 10.1.1.${last}/24 dev eth1`);
      await node.run(`ip -6 address add fd00::${last}/64 dev eth1 nodad`);
    }
  });
  afterEach(async () => {
    await Promise.all([client, owner, heir].map((namespace) => namespace.close()));
  });

  it.each([
    ["IPv4", "10.1.1.1", 32],
    ["IPv6", "fd00::1", 128],
  ])("has the peers of a dead owner reset by its heir: %s", async (_family, vip, prefix) => {
    const [before, after] = [await Agent.start(owner), await Agent.start(heir)];
    const linkOf = async (agent: Agent) => {
      const link = (await agent.call("links")).find(({ name }) => name === "eth1");
      if (link === undefined) throw new Error("no eth1");
      return link;
    };
    const plumbOn = async (agent: Agent) => {
      const { index } = await linkOf(agent);
      await agent.call("add", [vip], { ifindex: index, plumbing: "address", prefix });
    };
    await plumbOn(before);
    const server = await Talker.listen(owner, PORT, vip);
    const peers = await Talker.connect(client, PORT, vip, vip);
    await server.says("accepted");
    await server.says("accepted");
    const connections = await before.call("connections", [vip]);
    expect(connections).toHaveLength(2);

    // Cut off, as if its power had gone: neither a FIN nor a reset comes from it.
    await client.run("ip link set owner down");
    await plumbOn(after);
    await after.call("announce", [vip], { link: await linkOf(after), rounds: 1 });
    await client.run("ip neigh flush dev br0"); // what an announcement does, also where none reaches
    expect(await after.call("tickle", connections)).toEqual({ sent: 4, failed: 0, reason: null });

    await peers.says("ECONNRESET");
    await peers.says("ECONNRESET");
    expect(await after.call("counters")).toMatchObject({ ticklesSent: 4, ticklesFailed: 0 });
  });

  it("goes where it can, and says what the network refuses", async () => {
    const agent = await Agent.start(heir);
    const to = (remote: string, i: number) => ({ local: "10.1.1.1", localPort: 25, remote, remotePort: 1024 + i });
    const reachable = Array.from({ length: 300 }, (_, i) => to("10.1.1.200", i));
    expect(await agent.call("tickle", [...reachable, to("192.0.2.1", 1)])).toEqual({
      sent: 600,
      failed: 2,
      reason: "network is unreachable",
    });
  });
});
