import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, cannotTun, Namespace } from "./namespace.js";

const range = (third: number) => Array.from({ length: 200 }, (_, i) => `10.${third}.0.${i}`);

describe.skipIf(cannotTun !== null)(`a lifeline${cannotTun === null ? "" : ` (${cannotTun})`}`, () => {
  let host: Namespace;
  let holder: Agent;

  beforeEach(async () => {
    host = await Namespace.create();
    holder = await Agent.start(host);
  });
  afterEach(() => host.close());

  async function plumbOnLifeline(prefix = 32): Promise<number> {
    const ifindex = await holder.call("openLifeline", "hf0");
    const aliases = await holder.call("add", range(1), { ifindex, plumbing: "address", prefix });
    const routes = await holder.call("add", range(2), { ifindex, plumbing: "route", prefix });
    expect([...aliases.statuses, ...routes.statuses].every((status) => status === 0)).toBe(true);
    return ifindex;
  }

  it("is up and empty when it opens", async () => {
    const ifindex = await holder.call("openLifeline", "hf0");
    const link = (await holder.call("links")).find(({ name }) => name === "hf0");
    expect(link).toMatchObject({ index: ifindex, kind: "tun", mac: null, up: true, carrier: true });
    expect(
      (await holder.call("addresses")).filter((one) => one.ifindex === ifindex && !one.address.includes(":")),
    ).toEqual([]);
  });

  it("takes its addresses and routes with it when its process is killed", async () => {
    await plumbOnLifeline();
    await holder.sigkill();
    const witness = await Agent.start(host);
    expect(await witness.call("addresses", { protocol: 104 })).toEqual([]);
    expect((await witness.call("links")).map(({ name }) => name)).not.toContain("hf0");
  });

  it("is not kept alive by a child of its process", async () => {
    await plumbOnLifeline();
    const child = await holder.call("startChild");
    await holder.sigkill();
    const witness = await Agent.start(host);
    try {
      expect((await witness.call("links")).map(({ name }) => name)).not.toContain("hf0");
    } finally {
      process.kill(child ?? 0, "SIGKILL");
    }
  });

  it("is gone with all that sat on it once it is closed", async () => {
    await plumbOnLifeline();
    await holder.call("closeLifeline", "hf0");
    expect(await holder.call("addresses", { protocol: 104 })).toEqual([]);
  });

  it("carries host addresses only, so that no network is led into it", async () => {
    const ifindex = await plumbOnLifeline(24);
    const prefixes = new Set((await holder.call("addresses", { protocol: 104 })).map(({ prefix }) => prefix));
    expect([...prefixes]).toEqual([32]);
    expect(await host.run("ip -4 route show dev hf0")).toBe("");
    expect((await holder.call("remove", range(1), { ifindex, plumbing: "address", prefix: 24 })).statuses).toEqual(
      range(1).map(() => 0),
    );
  });

  it("is refused under a name that another process holds", async () => {
    await plumbOnLifeline();
    const second = await Agent.start(host);
    await expect(second.call("openLifeline", "hf0")).rejects.toMatchObject({
      code: "ERR_LIFELINE",
      message: expect.stringMatching(/hf0.*another process holds it.*Device or resource busy/),
    });
  });
});
