/** What an alias is added with: whether the kernel probes for it, and whether it chooses it as a source. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent, cannotRun, Namespace } from "./namespace.js";

const OURS = 104;
const EADDRINUSE = -98;
const ECANCELED = -125;

describe.skipIf(cannotRun !== null)(`an alias${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let other: Namespace;
  let agent: Agent;
  let ifindex: number;
  const ours = async () => (await agent.call("addresses", { protocol: OURS })).map(({ address }) => address).sort();
  const shown = (address: string) => host.run(`ip address show dev eth1 to ${address}`);
  /** The address that a connection to a host of the network would come from. */
  const sourceTo = async (address: string) =>
    / src (\S+)/.exec(await host.run(`ip -o route get ${address}`))?.[1] ?? "none";

  beforeAll(async () => {
    host = await Namespace.create();
    other = await Namespace.create(host);
    await host.run(`ip link add eth1 type veth peer name eth1 netns ${other.pid}`);
    for (const one of [host, other]) {
      await one.run("sysctl -q -w net.ipv6.conf.eth1.keep_addr_on_down=1");
      await one.run("ip link set eth1 up");
    }
    await other.run("ip address add fd00::7/64 dev eth1 nodad");
    agent = await Agent.start(host);
    ifindex = (await agent.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
  });
  afterAll(async () => {
    await other.close();
    await host.close();
  });

  it("is usable at once where nothing else is asked for", async () => {
    expect((await agent.call("add", ["fd00::1"], { ifindex, plumbing: "address" })).statuses).toEqual([0]);
    expect(await shown("fd00::1")).not.toMatch(/tentative|deprecated/);
    await agent.call("cleanSlate", []);
  });

  it("with dad is usable once it is added, or was another host's and has not stayed", async () => {
    const target = { ifindex, plumbing: "address", dad: true } as const;
    const { statuses, texts } = await agent.call("add", ["fd00::5", "fd00::7", "10.1.1.5", "fd00::6"], target);
    expect(statuses).toEqual([0, EADDRINUSE, 0, 0]);
    expect(texts).toEqual([[EADDRINUSE, "Address already in use: another host on the link answers for it"]]);
    expect(await ours()).toEqual(["10.1.1.5", "fd00::5", "fd00::6"]);
    expect(await shown("fd00::5")).not.toMatch(/tentative/);
    await agent.call("cleanSlate", []);
  });

  it("with dad on a link without carrier, where nobody can be asked, does not stay when the wait is cancelled", async () => {
    await other.run("ip link set eth1 down");
    const target = { ifindex, plumbing: "address", dad: true } as const;
    const { statuses, texts } = await agent.call("addFollowed", ["fd00::5", "10.1.1.5"], target, 2);
    expect(statuses).toEqual([ECANCELED, 0]);
    expect(texts).toEqual([[ECANCELED, expect.stringContaining("Operation canceled")]]);
    expect(await ours()).toEqual(["10.1.1.5"]);
    await other.run("ip link set eth1 up");
    await agent.call("cleanSlate", []);
  });

  it("with dad on a lifeline, where there is nobody to ask, is there at once", async ({ skip }) => {
    const tun = await agent.call("openLifeline", "hf3").catch(() => null);
    if (tun === null) return skip("needs root: /dev/net/tun is not open to other users");
    const target = { ifindex: tun, plumbing: "address", dad: true } as const;
    expect((await agent.call("add", ["fd00::5"], target)).statuses).toEqual([0]);
    await agent.call("closeLifeline", "hf3");
  });

  it("with source hygiene is never chosen as a source, and takes and makes connections all the same", async () => {
    const vips = ["10.1.1.5", "fd00::4:5"];
    const own = ["10.1.1.9", "fd00::9"];
    const strangers = ["10.2.0.1", "fd00::4:6"]; // behind a route without a source; nearer to the VIP than to the own
    const addOwn = async () => {
      await host.run("ip address add 10.1.1.9/24 dev eth1");
      await host.run("ip address add fd00::9/64 dev eth1 nodad");
      await host.run("ip route replace 10.2.0.0/16 dev eth1");
    };
    const sources = async () => Promise.all(strangers.map(sourceTo));

    await agent.call("add", vips, { ifindex, plumbing: "address" });
    await addOwn();
    expect(await sources()).toEqual(vips);
    await agent.call("cleanSlate", []);
    await host.run("ip address flush dev eth1 scope global");

    await agent.call("add", vips, { ifindex, plumbing: "address", sourceHygiene: true });
    await addOwn();
    expect(await sources()).toEqual(own);
    const found = await agent.call("addresses", { protocol: OURS });
    expect(found.map(({ alias }) => alias)).toEqual([true, true]); // as one of a kernel without tags would be found

    await other.run("ip address add 10.1.1.2/24 dev eth1");
    for (const [from, vip] of [
      ["10.1.1.2", "10.1.1.5"],
      ["fd00::7", "fd00::4:5"],
    ] as const) {
      expect(await connection(host, vip, other, from)).toEqual({ from, to: vip });
      expect(await connection(other, from, host, vip)).toEqual({ from: vip, to: from });
    }
    expect((await agent.call("remove", vips, { ifindex, plumbing: "address" })).statuses).toEqual([0, 0]);
    expect(await ours()).toEqual([]);
  });
});

const SERVE = `
  const server = require("net").createServer((socket) => {
    console.log(JSON.stringify({ from: socket.remoteAddress, to: socket.localAddress }));
    socket.destroy();
    server.close();
  });
  server.listen(2525, process.argv[1], () => console.log("ready"));
`;
const CONNECT = `require("net").connect({ port: 2525, host: process.argv[1], localAddress: process.argv[2] }).resume()`;

/** Connects from an address of one host to one of another. @returns what the server saw. */
async function connection(server: Namespace, to: string, client: Namespace, from: string): Promise<unknown> {
  const serving = server.start([process.execPath, "-e", SERVE, to]);
  const lines = createInterface({ input: serving.stdout });
  await once(lines, "line");
  const seen = once(lines, "line");
  client.start([process.execPath, "-e", CONNECT, to, from]);
  const [line] = await seen;
  return JSON.parse(String(line));
}
