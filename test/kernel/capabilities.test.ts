import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Agent, cannotRun, Namespace } from "./namespace.js";

describe.skipIf(cannotRun !== null)(
  `a process without capabilities${cannotRun === null ? "" : ` (${cannotRun})`}`,
  () => {
    let host: Namespace;
    let agent: Agent;

    beforeEach(async () => {
      host = await Namespace.create();
      agent = await Agent.start(host, { wrap: ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] });
    });
    afterEach(() => host.close());

    it("is told which it lacks", async () => {
      expect(await agent.call("missingCapabilities")).toEqual(["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"]);
    });

    it("may look", async () => {
      expect((await agent.call("links")).map(({ name }) => name)).toContain("lo");
      expect((await agent.call("addresses")).map(({ address }) => address)).toContain("127.0.0.1");
    });

    it("may not plumb, and hears why, and what to do", async () => {
      await expect(
        agent.call("add", ["10.1.1.1"], { ifindex: 1, plumbing: "address", prefix: 32 }),
      ).rejects.toMatchObject({
        code: "ERR_CAPABILITY_MISSING",
        message: expect.stringMatching(
          /^cannot add 1 addresses: this process lacks CAP_NET_ADMIN, .*AmbientCapabilities=/,
        ),
      });
    });

    it("may not close the sockets of others, nor speak in their name", async () => {
      const toldWhy = (doing: string) => ({
        code: "ERR_CAPABILITY_MISSING",
        message: expect.stringMatching(`^${doing}: this process lacks CAP_NET_ADMIN`),
      });
      await expect(agent.call("killSockets", ["10.1.1.1"])).rejects.toMatchObject(
        toldWhy("cannot close the sockets on 1 addresses"),
      );
      const connection = { local: "10.1.1.1", localPort: 25, remote: "10.1.1.2", remotePort: 40_000 };
      await expect(agent.call("tickle", [connection])).rejects.toMatchObject(toldWhy("cannot tickle 1 peers"));
      expect(await agent.call("connections", ["10.1.1.1"])).toEqual([]);
    });

    it("may not announce, and the frames are counted as failed", async () => {
      const [link] = await agent.call("links");
      if (link === undefined) throw new Error("no link");
      await agent.call("announce", ["10.1.1.1"], { link, rounds: 1 });
      await vi.waitFor(async () => expect(await agent.call("counters")).toMatchObject({ announceFramesFailed: 2 }));
    });
  },
);
