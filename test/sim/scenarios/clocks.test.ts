/** Clocks that nobody can agree on. */
import { describe, expect, it } from "vitest";
import { alike, loads, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a cluster whose clocks run at different rates", () => {
  it.each(["model", "channel"] as const)("spreads and heals as every other, over the %s", (engine) => {
    const clocks = new Map([
      ["a", { rate: 1.3, originMs: 5e8 }],
      ["b", { rate: 0.8, originMs: 0 }],
      ["c", { rate: 1, originMs: 7 }],
    ]);
    const three = started(alike(ABC, vips(9), { engine, clocks }));
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
    three.die("b", "power");
    rested(three);
    three.start("b");
    rested(three);

    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });
});

describe("a wall clock that jumps back between two runs of a daemon", () => {
  it("gives the new run a lower number, and the others take it for a new member all the same", () => {
    const three = started(alike(ABC, vips(9), { engine: "channel" }));
    three.die("b", "killed");
    rested(three);
    three.host("b").clock.jump(-3_600_000);
    three.start("b");
    rested(three);

    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });
});
