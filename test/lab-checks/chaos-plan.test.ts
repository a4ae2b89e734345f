import { describe, expect, it } from "vitest";
import { renderChaos } from "../../src/lab/chaos/report.js";
import { chaosPlan } from "../../src/lab/chaos/plan.js";
import { Random } from "../../src/sim/random.js";

const seeds = Array.from({ length: 20 }, (_, seed) => seed);

describe("the plan of chaos", () => {
  it("has 200 addresses under all three partition policies, whatever the seed", () => {
    for (const seed of seeds) {
      const plan = chaosPlan(3, new Random(seed));
      expect(plan.vips).toHaveLength(200);
      expect(plan.topologies.map(({ policy }) => policy).toSorted()).toEqual(["available", "majority", "strict"]);
    }
  });

  it("keeps strict addresses on a lifeline, since what is killed cannot let go of others", () => {
    for (const seed of seeds) {
      const strict = chaosPlan(3, new Random(seed)).topologies.filter(({ policy }) => policy === "strict");
      expect(strict.every(({ lifeline }) => lifeline)).toBe(true);
    }
  });

  it("has each node preferred as often as any other, so that balance is even", () => {
    const { vips, nodes } = chaosPlan(5, new Random(1));
    const counts = nodes.map((node) => vips.filter(({ preference }) => preference === node).length);
    expect(new Set(counts)).toEqual(new Set([10]));
  });

  it("is the same for the same seed", () => {
    const policies = (seed: number) => chaosPlan(3, new Random(seed)).topologies.map(({ policy }) => policy);
    for (const seed of seeds) expect(policies(seed)).toEqual(policies(seed));
  });
});

describe("the report of chaos", () => {
  it("counts a strike of two faults for both, and names what did not hold", () => {
    const strike = { faults: ["kill", "flush"], what: ["SIGKILL of n1"], servedMs: 100, balancedMs: 2_000 };
    const text = renderChaos({
      seed: 7,
      strikes: [strike, { ...strike, faults: ["kill"], servedMs: 300 }],
      mail: { accepted: 3, delivered: 3, twiceInDoubt: 0 },
      violations: [{ check: "answers-220", subject: "10.1.1.1", expected: "220 from n1", seen: "no answer" }],
    });
    expect(text).toMatch(/^kill +2 +300 ms +300 ms +2000 ms +2000 ms$/m);
    expect(text).toMatch(/^flush +1 +100 ms/m);
    expect(text).toContain("answers-220 10.1.1.1: expected 220 from n1; saw no answer");
  });
});
