import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monotonicMs } from "../../src/lab/clock.js";
import { LEASE_MS, ThreeNodes } from "./three-nodes.js";

const VIPS = Array.from({ length: 9 }, (_, i) => `10.1.1.${i + 1}`);

let nodes: ThreeNodes;

beforeEach(async () => {
  nodes = await ThreeNodes.create(VIPS);
});

afterEach(() => nodes.remove());

/** As soon as two kernels have had one address it is over. */
const noOverlaps = () => expect(nodes.homes.overlaps, "an address that two kernels had").toEqual([]);

describe("three nodes under the policy strict, in real kernels", () => {
  it.each(["address", "route"] as const)(
    "have no %s twice at any moment, while one of them is cut off, gives up by itself what others take, and comes back",
    async (plumbing) => {
      await nodes.start({ plumbing, lifeline: true, policy: "strict" });
      await nodes.untilShared(noOverlaps);
      await nodes.expectTrue();

      const { homes, network } = nodes;
      const lost = VIPS.filter((vip) => homes.of(vip).includes("three"));
      const cutAt = monotonicMs();
      await network.cut("three");
      const majority = ([one = 0, two = 0, three]: readonly number[]) => three === 0 && one + two === VIPS.length;
      await nodes.until(majority, "the majority has all", noOverlaps);
      await nodes.expectTrue();
      // Nobody tells the majority that it has let go: that its lease is over is all that they know.
      const taken = homes.changes.filter(({ at, has, host }) => at > cutAt && has && host !== "three");
      expect(new Set(lost)).toEqual(new Set(taken.map(({ address }) => address)));
      expect(Math.min(...taken.map(({ at }) => at)) - cutAt).toBeGreaterThan(LEASE_MS);

      await network.heal("three");
      await nodes.untilShared(noOverlaps);
      await nodes.expectTrue();
    },
  );
});
