import { describe, expect, it } from "vitest";
import { alike, loads, rested, started, vip, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a node that is drained", () => {
  it("gives everything away, gets nothing, and has its share again once it is undrained", () => {
    const three = started(alike(ABC, vips(9)));
    const id = three.drain("b", true);
    rested(three);
    expect(loads(three)).toEqual({ a: 5, c: 4 });
    expect(three.replies.get(id ?? 0)).toMatchObject({ ok: true, moved: { length: 3 } });

    three.die("a", "killed");
    rested(three);
    expect(loads(three)).toEqual({ c: 9 });

    three.drain("b", false);
    rested(three);
    expect(Math.abs((loads(three)["b"] ?? 0) - (loads(three)["c"] ?? 0))).toBeLessThanOrEqual(1);
  });

  it.each(["model", "channel"] as const)(
    "by and by gives so many a second, and stops when it is undrained, over the %s",
    (engine) => {
      const setups = new Map([["b", { drainRate: 8 }]]);
      const two = started(alike(["a", "b"], vips(80), { engine, setups }));
      const left = () => loads(two)["b"] ?? 0;
      const id = two.drain("b", true);
      two.run(2_500);
      expect(left()).toBeGreaterThan(10);
      expect(left()).toBeLessThan(30);
      two.drain("b", false);
      two.run(300);
      const kept = left();
      expect(kept).toBeGreaterThan(10);
      expect(two.replies.get(id ?? 0)).toMatchObject({ ok: true });

      const again = two.drain("b", true);
      two.run(500);
      expect(two.replies.get(again ?? 0)).toBeUndefined();
      two.runUntil(() => (left() === 0 ? null : "b has some yet"), 20_000);
      two.run(500);
      expect(two.replies.get(again ?? 0)).toMatchObject({ ok: true });
    },
  );

  it("by and by is given nothing, keeps its pace whoever comes meanwhile, and has all gone at once where a carrier is", () => {
    const setups = new Map([["b", { drainRate: 4 }]]);
    const three = alike(ABC, vips(40), { setups });
    three.start("a", "b");
    rested(three);
    three.drain("b", true);
    three.run(1_000);
    three.start("c");
    three.run(1_500);
    expect(loads(three)["b"]).toBeGreaterThan(8);
    three.unplug("b", ["10.1.0.0/16"]);
    three.run(200);
    expect(loads(three)["b"]).toBeUndefined();
  });

  it("keeps what nobody else can have, until somebody can", () => {
    const two = started(alike(["a", "b"], vips(4)));
    two.die("a", "killed");
    rested(two);
    const id = two.drain("b", true);
    rested(two);
    expect(loads(two)).toEqual({ b: 4 });
    expect(two.replies.get(id ?? 0)).toMatchObject({ ok: true, moved: [] });

    two.start("a");
    rested(two);
    expect(loads(two)).toEqual({ a: 4 });
  });

  it("and that all prefer keeps them from balance while it is there, empty as it is", () => {
    const three = alike(ABC, vips(6, { preferences: ["c"] }));
    three.start("a", "c");
    rested(three);
    three.drain("c", true);
    rested(three);
    three.start("b");
    rested(three);
    expect(loads(three)).toEqual({ a: 6 });

    three.die("c", "killed");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3 });
  });

  it("is so for members that join later, and no more after its own restart", () => {
    const three = alike(ABC, vips(9));
    three.start("a", "b");
    rested(three);
    three.drain("b", true);
    three.start("c");
    rested(three);
    expect(loads(three)["b"]).toBeUndefined();

    three.die("b", "killed");
    rested(three);
    three.start("b");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });
});

describe("an interface without carrier", () => {
  it("takes the addresses of its Topology elsewhere, and brings them back", () => {
    const entries = [...vips(3, { preferences: ["a"] }), vip(4, { preferences: ["a"], topology: "10.2.0.0/16" })];
    const two = started(alike(["a", "b"], entries));
    two.unplug("a", ["10.1.0.0/16"]);
    rested(two);
    expect(loads(two)).toEqual({ a: 1, b: 3 });

    two.unplug("a", []);
    rested(two);
    expect(loads(two)).toEqual({ a: 4 });
  });

  it("takes nothing away when no member has one", () => {
    const two = started(alike(["a", "b"], vips(4)));
    for (const name of ["a", "b"]) two.unplug(name, ["10.1.0.0/16"]);
    const before = two.homes();
    two.run(10);
    rested(two);
    expect(Object.keys(two.homes()).sort()).toEqual(Object.keys(before).sort());
  });

  it("is known to those that join after it broke", () => {
    const two = alike(["a", "b"], vips(4));
    two.unplug("a", ["10.1.0.0/16"]);
    started(two);
    expect(loads(two)).toEqual({ b: 4 });
  });
});
