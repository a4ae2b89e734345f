/** What the kernel of a node has whose daemon is stopped, or was killed: by what the kernels tell themselves. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monotonicMs } from "../../src/lab/clock.js";
import { NODES, ThreeNodes } from "./three-nodes.js";

const VIPS = Array.from(
  { length: Number(process.env["STOPPED_OWNER_VIPS"] ?? 33) },
  (_, i) => `10.1.${i >> 8}.${i & 255}`,
);
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

/** The last that was told of the addresses of `three`, in milliseconds since a moment. */
function lastLost(since: number): number {
  return Math.max(...nodes.homes.changes.filter((one) => one.host === "three" && !one.has).map(({ at }) => at)) - since;
}

describe("a strict owner whose daemon is stopped", { timeout: LIMIT_MS }, () => {
  it.each([false, true])(
    "has its aliases taken away by the kernel when its lease is over, with a lifeline: %s",
    async (lifeline) => {
      await nodes.start({ plumbing: "address", lifeline, policy: "strict" });
      await nodes.untilShared();
      const stoppedAt = monotonicMs();
      nodes.signal("three", "SIGSTOP");
      try {
        await nodes.until(([, , three]) => three === 0, "the kernel has taken them away, of a daemon that is stopped");
        process.stderr.write(
          `aliases: last gone ${lastLost(stoppedAt).toFixed()} ms after SIGSTOP, overlaps ${nodes.homes.overlaps.length}\n`,
        );
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
    let goesOnAt = 0;
    try {
      await othersTake();
      // This is what no lifetime ends, as docs/CONFIGURATION.md says.
      expect(nodes.counts()[2]).toBe(VIPS.length / NODES.length);
    } finally {
      goesOnAt = monotonicMs();
      nodes.signal("three", "SIGCONT");
    }
    await nodes.until(([, , three]) => three === 0, "it has dropped them");
    process.stderr.write(`routes: last gone ${lastLost(goesOnAt).toFixed(1)} ms after SIGCONT\n`);
    await nodes.untilShared();
    await nodes.expectTrue();
    const log = await nodes.logged("three");
    const lapsed = log.findIndex(({ code }) => code === "lease-lapsed");
    expect(log[lapsed]).toMatchObject({ addresses: VIPS.length / NODES.length, lateMs: expect.any(Number) });
    // It is late by what the others wait for after the end of its lease, at least.
    expect(Number(log[lapsed]?.["lateMs"])).toBeGreaterThan(0);
    expect(Number(log[lapsed]?.["idleMs"])).toBeGreaterThan(Number(log[lapsed]?.["lateMs"]));
  });
});
