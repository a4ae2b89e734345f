/** Nodes that are slow and not dead: a kernel that takes seconds, a daemon that is stopped for a while. */
import { describe, expect, it } from "vitest";
import { addressOf, alike, loads, recorded, rested, started, vips, watch } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a node whose kernel is slow", () => {
  it("keeps the others waiting for its own addresses only", () => {
    const three = started(alike(ABC, vips(9)));
    const slow = three.homes()[addressOf(1)] ?? "";
    three.host(slow).slowness = 2_000;
    const to = ABC.find((name) => name !== slow) ?? "";
    three.move("a", addressOf(1), to);
    const other = Object.entries(three.homes()).find(([, home]) => home === to)?.[0] ?? "";
    const third = ABC.find((name) => name !== slow && name !== to) ?? "";
    three.move("a", other, third);
    three.run(300);

    expect(three.homes()[other]).toBe(third);
    expect(watch(three, 1, 60_000)).not.toContain(2);
    three.host(slow).slowness = 1;
    rested(three);
    expect(three.homes()[addressOf(1)]).toBe(to);
  });
});

describe("a daemon that is stopped", () => {
  it.each(["model", "channel"] as const)("for less than the failure timeout changes nothing, over the %s", (engine) => {
    const three = started(alike(ABC, vips(9), { engine }));
    const steps = recorded(three);
    const before = three.homes();
    three.pause("b");
    three.run(200);
    three.resume("b");
    three.run(5_000);

    expect(three.homes()).toEqual(before);
    expect(steps.filter(({ input }) => input.kind === "view")).toEqual([]);
  });

  it.each(["model", "channel"] as const)(
    "for long is given up, and has one owner of each address once it is back, over the %s",
    (engine) => {
      const three = started(alike(ABC, vips(9), { engine }));
      three.pause("b");
      three.run(5_000);
      const others = Object.values(three.homes()).filter((home) => home !== "b");
      expect(others).toHaveLength(9); // Its kernel goes on answering for three of them.
      three.resume("b");
      rested(three);

      expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
    },
  );

  it("leaves the neighbours with the owner that remains", () => {
    const three = started(alike(ABC, vips(9)));
    three.pause("b");
    three.run(5_000);
    three.resume("b");
    rested(three);
    three.run(three.lan.settleMs);

    expect(three.lan.misled(new Map(Object.entries(three.homes())))).toBeNull();
  });
});
