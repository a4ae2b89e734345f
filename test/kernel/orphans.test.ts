import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, cannotRun, Namespace } from "./namespace.js";

describe.skipIf(cannotRun !== null)(`a clean slate${cannotRun === null ? "" : ` (${cannotRun})`}`, () => {
  let host: Namespace;
  let ifindex: number;

  beforeEach(async () => {
    host = await Namespace.create();
    await host.run("ip link add eth1 type veth peer name peer1");
    await host.run("ip link set eth1 up");
    await host.run("ip address add 10.1.1.9/24 dev eth1");
  });
  afterEach(() => host.close());

  /** A predecessor that plumbed and was killed, and the agent that comes after it. */
  async function afterAKilledPredecessor(): Promise<Agent> {
    const predecessor = await Agent.start(host);
    ifindex = (await predecessor.call("links")).find(({ name }) => name === "eth1")?.index ?? 0;
    await predecessor.call("add", ["10.1.1.1", "10.1.1.2"], { ifindex, plumbing: "address", prefix: 32 });
    await predecessor.call("add", ["10.1.1.3"], { ifindex, plumbing: "route", prefix: 32 });
    await predecessor.sigkill();
    return Agent.start(host);
  }

  const left = async (agent: Agent) =>
    (await agent.call("addresses")).filter((one) => one.ifindex === ifindex && !one.address.includes(":"));

  it("takes what a killed predecessor left, configured or not, and nothing else", async () => {
    const agent = await afterAKilledPredecessor();
    await host.run("ip address add 10.1.1.60/32 dev eth1"); // a VIP, put there by hand
    await host.run("ip address add 10.1.1.61/32 dev eth1"); // none of ours
    const place = { ifindex, prefix: 32 };

    const { orphans, hostOwn, statuses } = await agent.call("cleanSlate", [
      ["10.1.1.1", place],
      ["10.1.1.60", place],
    ]);

    expect(orphans.map(({ address }) => address).sort()).toEqual(["10.1.1.1", "10.1.1.2", "10.1.1.3"]);
    expect(statuses).toEqual([0, 0, 0]);
    expect(hostOwn).toMatchObject([{ address: "10.1.1.60", protocol: 0, alias: true }]);
    expect((await left(agent)).map(({ address }) => address).sort()).toEqual(["10.1.1.60", "10.1.1.61", "10.1.1.9"]);
  });

  it("names a VIP that is the host's own address", async () => {
    const agent = await afterAKilledPredecessor();
    const { hostOwn } = await agent.call("cleanSlate", [["10.1.1.9", { ifindex, prefix: 32 }]]);
    expect(hostOwn).toMatchObject([{ address: "10.1.1.9", prefix: 24, protocol: 0 }]);
    expect((await left(agent)).map(({ address }) => address)).toEqual(["10.1.1.9"]);
  });
});
