import { describe, expect, it } from "vitest";
import { alike, cluster, loads, marks, rested, started, vip, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a preference", () => {
  it("gives a preferred owner its addresses back once it is mature", () => {
    const three = started(alike(ABC, vips(6, { preferences: ["b"] })));
    expect(loads(three)).toEqual({ b: 6 });
    three.die("b", "killed");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, c: 3 });

    const since = three.schedule.now;
    three.start("b");
    three.run(three.options.viewMatureTimeMs);
    expect(loads(three)["b"]).toBeUndefined();
    three.runUntil(() => (loads(three)["b"] === 6 ? null : "b has not all"), 5_000);
    expect(three.schedule.now - since).toBeLessThan(three.options.viewMatureTimeMs + 1_000);
  });

  it("for several nodes goes to the first that is there, and from one to the next as they come and go", () => {
    const four = started(alike([...ABC, "d"], vips(4, { preferences: ["c", "b"] })));
    expect(loads(four)).toEqual({ c: 4 });
    four.die("c", "killed");
    rested(four);
    expect(loads(four)).toEqual({ b: 4 });
    four.die("b", "killed");
    rested(four);
    expect(loads(four)).toEqual({ a: 2, d: 2 });
    four.start("b");
    rested(four);
    expect(loads(four)).toEqual({ b: 4 });
    four.start("c");
    rested(four);
    expect(loads(four)).toEqual({ c: 4 });
  });

  it("is not given up for the sake of balance", () => {
    const two = started(alike(["a", "b"], [...vips(6, { preferences: ["a"] }), vip(7), vip(8)]));

    expect(loads(two)).toEqual({ a: 6, b: 2 });
  });

  it("that nodes disagree on marks CONFLICT and elects normally, and agreeing again clears it", () => {
    const three = started(
      cluster({
        a: vips(3, { preferences: ["a"] }),
        b: vips(3, { preferences: ["b"] }),
        c: vips(3, { preferences: ["a"] }),
      }),
    );
    expect(marks(three, "a", 1)).toEqual(["conflict"]);
    expect(loads(three)).toEqual({ a: 1, b: 1, c: 1 });

    three.die("b", "killed"); // Who is left agrees.
    rested(three);
    expect(marks(three, "a", 1)).toEqual([]);
    expect(loads(three)).toEqual({ a: 3 });
  });

  it("in another order of the same nodes is another preference", () => {
    const two = started(cluster({ a: vips(2, { preferences: ["a", "b"] }), b: vips(2, { preferences: ["b", "a"] }) }));

    expect(marks(two, "a", 1)).toEqual(["conflict"]);
    expect(loads(two)).toEqual({ a: 1, b: 1 });
  });

  it("for a node that does not configure the address is without effect", () => {
    const two = started(cluster({ a: vips(2, { preferences: ["b"] }), b: [] }));

    expect(loads(two)).toEqual({ a: 2 });
  });
});
