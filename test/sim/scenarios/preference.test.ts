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

  it("is not gone back to before its node has been up for the time that failback gives", () => {
    const two = started(alike(["a", "b"], vips(4, { preferences: ["b"], failback: "60" })));
    two.die("b", "killed");
    rested(two);
    two.start("b");
    two.runUntilCalm();
    const since = two.schedule.now;
    two.run(55_000);
    expect(loads(two)).toEqual({ a: 4 });
    two.runUntil(() => (loads(two)["b"] === 4 ? null : "b has not all"), 20_000);
    expect(two.schedule.now - since).toBeGreaterThan(55_000);
  });

  it("waits on when the leader dies that has counted the time", () => {
    const three = started(alike(ABC, vips(4, { preferences: ["c"], failback: "60" })));
    three.die("c", "killed");
    rested(three);
    three.start("c");
    three.runUntilCalm();
    three.run(50_000);
    three.die("a", "killed");
    three.runUntil(() => (loads(three)["c"] === 4 ? null : "c has not all"), 20_000);
  });

  it("is never gone back to by itself where failback says so, and by a move all the same", () => {
    const two = started(alike(["a", "b"], vips(2, { preferences: ["b"], failback: "never" })));
    two.die("b", "killed");
    rested(two);
    two.start("b");
    rested(two);
    two.run(600_000);
    expect(loads(two)).toEqual({ a: 2 });

    two.move("a", "10.1.0.1", "b");
    rested(two);
    expect(two.homes()).toEqual({ "10.1.0.1": "b", "10.1.0.2": "a" });
    two.die("a", "killed");
    rested(two);
    expect(loads(two)).toEqual({ b: 2 });
  });

  it("is gone back to at the hours that failback names", () => {
    // The clocks of the simulator start at midnight.
    const two = started(alike(["a", "b"], vips(2, { preferences: ["b"], failback: "01:00-02:00" })));
    two.die("b", "killed");
    rested(two);
    two.start("b");
    rested(two);
    two.run(50 * 60_000);
    expect(loads(two)).toEqual({ a: 2 });
    two.run(11 * 60_000);
    expect(loads(two)).toEqual({ b: 2 });
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
