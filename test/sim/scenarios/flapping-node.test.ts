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

  it.each(["a", "c"])("is given nothing more after the third time, until it has stayed for a while: %s", (flapping) => {
    const three = started(alike(["a", "b", "c"], vips(30), { flapHalfLifeMs: 300_000 }));
    for (let i = 0; i < 3; i++) {
      three.die(flapping, "killed");
      three.run(2_000);
      three.start(flapping);
      three.run(20_000);
    }
    const since = three.schedule.now;
    three.run(250_000);
    expect(loads(three)[flapping]).toBeUndefined();
    three.runUntil(() => (loads(three)[flapping] === 10 ? null : `${flapping} has not its share`), 400_000);
    expect(three.schedule.now - since).toBeGreaterThan(250_000);
  });

  it("that is damped keeps what it has, takes what nobody else can have, and is no different from others that are", () => {
    const two = started(alike(["a", "b"], vips(4), { flapHalfLifeMs: 300_000 }));
    for (let i = 0; i < 3; i++) {
      two.die("b", "killed");
      two.run(2_000);
      two.start("b");
      two.run(10_000);
    }
    two.die("a", "killed");
    two.run(5_000);
    expect(loads(two)).toEqual({ b: 4 });
    two.start("a");
    two.run(20_000);
    expect(loads(two)).toEqual({ a: 2, b: 2 }); // Balance takes from it, as from anybody.
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
