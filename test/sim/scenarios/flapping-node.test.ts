/** A node that comes and goes all the time (L4): what it has moves with it, and nothing else does. */
import { describe, expect, it } from "vitest";
import { alike, loads, rested, started, vips } from "../scenario.js";

describe("a node that dies and comes back over and over again", () => {
  it.each(["model", "channel"] as const)("moves nothing of the others' among them, over the %s", (engine) => {
    const three = started(alike(["a", "b", "c"], vips(30), { engine }));
    for (let i = 0; i < 20; i++) {
      three.die("c", i % 2 === 0 ? "killed" : "power");
      three.run(2_000);
      three.start("c");
      three.run(8_000);
    }
    rested(three);

    expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
    // Each time away, and back by balance: what a and b had at the beginning has hardly moved.
    const moves = three.measures.addresses(three.schedule.now).map((address) => address.moves);
    expect(Math.max(...moves)).toBeLessThanOrEqual(2 * 20);
    expect(moves.filter((count) => count === 0).length).toBeGreaterThanOrEqual(10);
  });

  it("is given nothing while it stays for less than it takes to mature", () => {
    const three = started(alike(["a", "b", "c"], vips(30)));
    three.die("c", "killed");
    rested(three);
    const before = three.homes();
    for (let i = 0; i < 10; i++) {
      three.start("c");
      three.run(three.options.viewMatureTimeMs * 0.5);
      three.die("c", "killed");
      three.run(500);
    }

    expect(three.homes()).toEqual(before);
  });
});
