/** What the kernel of a node has whose daemon is stopped, or was killed: by what the kernels tell themselves. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NODES, ThreeNodes } from "./three-nodes.js";

const VIPS = Array.from({ length: 33 }, (_, i) => `10.1.0.${i}`);
const run = promisify(execFile);
const LIMIT_MS = 300_000;

let nodes: ThreeNodes;

beforeEach(async () => {
  nodes = await ThreeNodes.create(VIPS);
});

afterEach(() => nodes.remove());

/** What `three` had, and the others have now. */
async function othersTake(): Promise<void> {
  await nodes.until(([one = 0, two = 0]) => one + two === VIPS.length, "the others have all");
}

describe("a strict owner whose daemon is stopped", { timeout: LIMIT_MS }, () => {
  it.each([false, true])(
    "has its aliases taken away by the kernel when its lease is over, with a lifeline: %s",
    async (lifeline) => {
      await nodes.start({ plumbing: "address", lifeline, policy: "strict" });
      await nodes.untilShared();
      nodes.signal("three", "SIGSTOP");
      try {
        await nodes.until(([, , three]) => three === 0, "the kernel has taken them away, of a daemon that is stopped");
        await othersTake();
      } finally {
        nodes.signal("three", "SIGCONT");
      }
      // What it believed to hold others have now: it takes none of it back but by their word.
      await nodes.untilShared();
      await nodes.expectTrue();
      const [lapsed] = (await nodes.logged("three")).filter(({ code }) => code === "lease-lapsed");
      expect(lapsed).toMatchObject({ addresses: VIPS.length / NODES.length });
    },
  );

  it("keeps its routes until it runs again, and drops them before it does anything else", async () => {
    await nodes.start({ plumbing: "route", lifeline: true, policy: "strict" });
    await nodes.untilShared();
    nodes.signal("three", "SIGSTOP");
    try {
      await othersTake();
      // This is what no lifetime ends, as docs/CONFIGURATION.md says.
      expect(nodes.counts()[2]).toBe(VIPS.length / NODES.length);
    } finally {
      nodes.signal("three", "SIGCONT");
    }
    await nodes.until(([, , three]) => three === 0, "it has dropped them");
    await nodes.untilShared();
    await nodes.expectTrue();
    const log = await nodes.logged("three");
    const lapsed = log.find(({ code }) => code === "lease-lapsed");
    expect(lapsed).toMatchObject({ addresses: VIPS.length / NODES.length });
    // It is late by what the others wait for after the end of its lease, at least.
    expect(Number(lapsed?.["lateMs"])).toBeGreaterThan(0);
    expect(Number(lapsed?.["idleMs"])).toBeGreaterThan(Number(lapsed?.["lateMs"]));
  });
});

describe("a daemon that was killed, without a lifeline", { timeout: LIMIT_MS }, () => {
  it("leaves strict aliases behind that go by themselves", async () => {
    await nodes.start({ plumbing: "address", lifeline: false, policy: "strict" });
    await nodes.untilShared();
    nodes.signal("three", "SIGKILL");
    await nodes.daemons.get("three")?.exited;
    await nodes.until(([, , three]) => three === 0, "the kernel has taken them away");
    await othersTake();
  });

  it("leaves other aliases behind with an end, too", async () => {
    await nodes.start({ plumbing: "address", lifeline: false, policy: "available" });
    await nodes.untilShared();
    nodes.signal("three", "SIGKILL");
    await nodes.daemons.get("three")?.exited;
    for (const vip of VIPS.filter((one) => nodes.homes.of(one).includes("three"))) {
      const { stdout } = await run("ip", ["-n", nodes.network.namespace("three"), "address", "show", "to", vip]);
      expect(stdout).toMatch(/valid_lft [0-9]+sec/);
    }
  });
});
