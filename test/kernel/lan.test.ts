import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Link } from "../../src/kernel/types.js";
import { type Frame, listen } from "./frames.js";
import { Agent, cannotRun, cannotTun, Namespace } from "./namespace.js";

const MAC = "02:00:00:00:00:0a";
const OTHER_MAC = "02:00:00:00:00:0b";
/** A switch that sends back what it gets. */
const REFLECT = `
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind((sys.argv[1], 0x0806))
print("ready", flush=True)
while True: wire.send(wire.recv(2048))
`;
const noTun = cannotTun === null ? "" : ` (${cannotTun})`;
const patient = { timeout: 20_000, interval: 50 };

describe.skipIf(cannotRun !== null)(`a LAN port${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let bystander: Namespace;
  let agent: Agent;
  let link: Link;

  /** Two hosts on a bridge in a namespace of its own, so that neither sees it as an interface of its own. */
  beforeEach(async () => {
    host = await Namespace.create();
    bystander = await Namespace.create(host);
    await host.run(
      `ip link add eth1 address ${MAC} type veth peer name eth1 address ${OTHER_MAC} netns ${bystander.pid}`,
    );
    await host.run("ip link set eth1 up");
    await bystander.run("ip link set eth1 up");
    await bystander.run("ip address add 10.1.1.2/16 dev eth1");
    await bystander.run("ip address add fd00::2/64 dev eth1 nodad");
    agent = await Agent.start(host);
    link = (await agent.call("links")).find(({ name }) => name === "eth1")!;
  });
  afterEach(async () => {
    await Promise.all([host.close(), bystander.close()]);
  });

  /** Makes the bystander ask who has the address. @returns its neighbour entry, once it is one or the other. */
  async function resolved(address: string): Promise<string> {
    await bystander.run(`ip neigh flush to ${address} dev eth1`);
    await once(bystander.start(["bash", "-c", `echo >/dev/udp/${address}/9`]), "exit");
    let entry = "";
    await vi.waitFor(async () => {
      entry = await bystander.run(`ip neigh show ${address} dev eth1`);
      expect(entry).toMatch(/lladdr|FAILED/);
    }, patient);
    return entry;
  }

  const routes = { plumbing: "route", prefix: 128 } as const;

  it("answers neighbour solicitations for local routes, which the kernel does not, until they are disowned", async () => {
    await agent.call("add", ["fd00::50", "fd00::51"], { ...routes, ifindex: link.index });
    expect(await resolved("fd00::50")).toContain("FAILED");

    await agent.call("openLan", link);
    await agent.call("own", ["fd00::50", "fd00::51"], false);
    const frames = await listen(bystander, "eth1");
    expect(await resolved("fd00::50")).toContain(MAC);
    const isAnswer = ({ form, target }: Frame) => form === "advertisement" && target === "fd00::50";
    expect(frames.filter(isAnswer)).toMatchObject([
      { to: OTHER_MAC, from: MAC, mac: MAC, source: "fd00::50", flags: "solicited override" },
    ]);
    expect(await agent.call("answers")).toBe(1);

    await agent.call("disown", ["fd00::50"]);
    expect(await resolved("fd00::50")).toContain("FAILED");
    expect(await resolved("fd00::51")).toContain(MAC);
    expect(await resolved("fd00::52")).toContain("FAILED");
  });

  it("leaves the answer to the kernel for addresses of the interface itself", async () => {
    await agent.call("add", ["fd00::50"], { plumbing: "address", prefix: 128, ifindex: link.index });
    await agent.call("openLan", link);
    await agent.call("own", ["fd00::50"], true);
    expect(await resolved("fd00::50")).toContain(MAC);
    expect(await agent.call("answers")).toBe(0);
  });

  it("tells a host that would take the address by autoconfiguration that it is not free", async () => {
    await agent.call("add", ["fd00::50"], { ...routes, ifindex: link.index });
    await agent.call("openLan", link);
    await agent.call("own", ["fd00::50"], false);
    await bystander.run("ip address add fd00::50/64 dev eth1");
    await vi.waitFor(
      async () => expect(await bystander.run("ip address show dev eth1")).toContain("dadfailed"),
      patient,
    );
    expect(await agent.call("sightings")).toMatchObject([{ kind: "prober", address: "fd00::50", mac: OTHER_MAC }]);
  });

  it.each([
    [0, 0],
    [1, 1],
    [8, 1],
  ])(
    "answers ARP for local routes where arp_ignore is %i and the kernel does not: %i answers",
    async (ignore, answers) => {
      await host.run("ip address add 10.1.1.1/16 dev eth1");
      await agent.call("add", ["10.1.7.50"], { plumbing: "route", prefix: 32, ifindex: 1 });
      await host.run(`sysctl -qw net.ipv4.conf.eth1.arp_ignore=${ignore}`);
      await agent.call("openLan", link);
      await agent.call("own", ["10.1.7.50"], false);
      const frames = await listen(bystander, "eth1");
      expect(await resolved("10.1.7.50")).toContain(MAC);
      await vi.waitFor(async () => expect(await agent.call("answers")).toBe(answers), patient);
      expect(frames.filter(({ form, source }) => form === "reply" && source === "10.1.7.50")).toMatchObject([
        { to: OTHER_MAC, from: MAC, mac: MAC },
      ]);
    },
  );

  it.skipIf(cannotTun !== null)(`answers for what stands on a lifeline${noTun}`, async () => {
    const ifindex = await agent.call("openLifeline", "hf0");
    await agent.call("add", ["fd00::50", "10.1.7.50"], { plumbing: "address", prefix: 128, ifindex });
    await agent.call("openLan", link);
    await agent.call("own", ["fd00::50", "10.1.7.50"], false);
    expect(await resolved("fd00::50")).toContain(MAC);
    expect(await resolved("10.1.7.50")).toContain(MAC);
  });

  it("tells who else uses an address of ours, and by which hardware address, but not within a second of taking it", async () => {
    const rival = await Agent.start(bystander);
    const rivalLink = (await rival.call("links")).find(({ name }) => name === "eth1")!;
    await agent.call("openLan", link);
    await agent.call("own", ["10.1.7.50", "fd00::50"], true);
    await rival.call("announce", ["10.1.7.50", "fd00::50", "10.1.7.51"], { link: rivalLink, rounds: 3 });
    await vi.waitFor(async () => {
      const seen = await agent.call("sightings");
      expect(new Set(seen.map(({ address }) => address)).size).toBe(2);
    }, patient);
    for (const { kind, address, mac } of await agent.call("sightings")) {
      expect([kind, mac]).toEqual(["rival", OTHER_MAC]);
      expect(["10.1.7.50", "fd00::50"]).toContain(address);
    }
    await vi.waitFor(
      async () => expect(await rival.call("counters")).toMatchObject({ announceFramesSent: 15 }),
      patient,
    );
    // Of three rounds one came too early: at most two frames of ARP a round, and one advertisement.
    const frames = (await agent.call("sightings")).reduce((sum, sighting) => sum + sighting.frames, 0);
    expect(frames).toBeLessThanOrEqual(6);
  });

  it("takes its own frames, and those of other hosts about other addresses, for no rival's", async () => {
    await agent.call("openLan", link);
    await agent.call("own", ["10.1.7.50"], true);
    const reflector = bystander.start(["python3", "-c", REFLECT, "eth1"]);
    await once(createInterface({ input: reflector.stdout }), "line");
    await agent.call("announce", ["10.1.7.50"], { link, rounds: 3 });
    const rival = await Agent.start(bystander);
    const rivalLink = (await rival.call("links")).find(({ name }) => name === "eth1")!;
    await rival.call("announce", ["10.1.7.51"], { link: rivalLink, rounds: 2 });
    await vi.waitFor(
      async () => expect(await agent.call("counters")).toMatchObject({ announceFramesSent: 6 }),
      patient,
    );
    await vi.waitFor(
      async () => expect(await rival.call("counters")).toMatchObject({ announceFramesSent: 4 }),
      patient,
    );
    await rival.call("announce", ["10.1.7.50"], { link: rivalLink, rounds: 1 });
    await vi.waitFor(async () => expect(await agent.call("sightings")).not.toEqual([]), patient);
    expect((await agent.call("sightings")).every(({ mac }) => mac === OTHER_MAC)).toBe(true);
  });

  it("tells who asks whether an address of ours is free, and the kernel answers", async () => {
    await agent.call("add", ["10.1.7.50"], { plumbing: "address", prefix: 32, ifindex: link.index });
    await agent.call("openLan", link);
    await agent.call("own", ["10.1.7.50"], true);
    const other = await Agent.start(bystander);
    const otherLink = (await other.call("links")).find(({ name }) => name === "eth1")!;
    expect(await other.call("probe", ["10.1.7.50", "10.1.7.51"], otherLink, 500)).toEqual([
      { address: "10.1.7.50", mac: MAC },
    ]);
    await vi.waitFor(
      async () =>
        expect(await agent.call("sightings")).toContainEqual(
          expect.objectContaining({ kind: "prober", address: "10.1.7.50", mac: OTHER_MAC }),
        ),
      patient,
    );
  });

  it("lets the lower hardware address have what two ask for at once, also when one has said its last", async () => {
    const other = await Agent.start(bystander);
    const otherLink = (await other.call("links")).find(({ name }) => name === "eth1")!;
    const addresses = ["10.1.7.60", "fd00::60"];
    const ask = (who: Agent) => who.call("probe", addresses, who === agent ? link : otherLink, 6_000);
    const heard = new Map([
      [agent, await listen(bystander, "eth1")],
      [other, await listen(host, "eth1")],
    ]);
    const asked = (who: Agent) => (heard.get(who) ?? []).filter(({ target }) => addresses.includes(target)).length;
    for (const [early, late] of [
      [agent, other],
      [other, agent],
    ] as const) {
      const before = asked(early);
      const first = ask(early);
      // Half of its wait is over, and nothing more would come of it.
      await vi.waitFor(() => expect(asked(early)).toBe(before + 2 * addresses.length), patient);
      const second = ask(late);
      const [lower, higher] = early === agent ? [first, second] : [second, first];
      expect(await lower).toEqual([]);
      const found = (await higher).toSorted((a, b) => (a.address < b.address ? -1 : 1));
      expect(found).toEqual(addresses.map((address) => ({ address, mac: MAC })));
    }
  });

  it("may be closed twice, and answers no more", async () => {
    await agent.call("add", ["fd00::50"], { ...routes, ifindex: link.index });
    await agent.call("openLan", link);
    await agent.call("own", ["fd00::50"], false);
    await agent.call("closeLan");
    await agent.call("closeLan");
    expect(await resolved("fd00::50")).toContain("FAILED");
  });
});
