import { describe, expect, it } from "vitest";
import { alike, loads, recorded, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a leaving node", () => {
  it("gives everything away first", () => {
    const three = started(alike(ABC, vips(9)));
    const steps = recorded(three);
    three.leave("b");
    three.runUntil(() => (three.daemons.has("b") ? "b is still there" : null), 5_000, 0.1);

    expect(loads(three)).toEqual({ a: 5, c: 4 });
    // The others had everything before the view without it came.
    expect(steps.map(({ input }) => input.kind)).not.toContain("view");
    const measures = three.measures.addresses(three.schedule.now);
    expect(Math.max(...measures.map(({ overlapMs }) => overlapMs))).toBe(0);
    expect(Math.max(...measures.map(({ longestGapMs }) => longestGapMs))).toBeLessThan(60);
  });

  it("that is the last one lets go all the same", () => {
    const one = started(alike(["a"], vips(3)));
    one.leave("a");
    one.runUntil(() => (one.daemons.has("a") ? "a is still there" : null), 5_000);

    expect(one.hosts.get("a")?.plumbed().size).toBe(0);
  });

  it("leaves also when it is told to in the middle of a change of view", () => {
    const three = started(alike(ABC, vips(9)));
    three.die("c", "killed");
    rested(three);
    const steps = recorded(three);
    three.start("c");
    three.runUntil(
      () => (steps.some(({ on, input }) => on === "b" && input.kind === "view") ? null : "no view"),
      2_000,
      0.1,
    );
    expect(three.daemons.get("b")?.core.ownership.settled).toBe(false);
    three.leave("b");
    three.runUntil(() => (three.daemons.has("b") ? "b is still there" : null), 5_000);

    expect(Object.keys(three.homes())).toHaveLength(9);
  });

  it("is given nothing any more, and may come back", () => {
    const two = started(alike(["a", "b"], vips(4, { preferences: ["b"] })));
    two.leave("b");
    two.run(2_000);
    expect(loads(two)).toEqual({ a: 4 });

    two.start("b");
    rested(two);
    expect(loads(two)).toEqual({ b: 4 });
  });
});
