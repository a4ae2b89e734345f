import { describe, expect, it } from "vitest";
import { addressOf, alike, cluster, loads, recorded, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("after a crash", () => {
  it("the survivors take over without a message round", () => {
    const three = started(alike(ABC, vips(30)));
    const steps = recorded(three);

    three.die("b", "killed");
    three.runUntilCalm();

    for (const name of ["a", "c"]) {
      const own = steps.filter(({ on }) => on === name);
      const view = own.findIndex(({ input }) => input.kind === "view");
      expect(own.slice(0, view).map(({ input }) => input.kind)).not.toContain("message");
      expect(own[view]?.outputs.map(({ kind }) => kind)).toEqual(["event", "acquire", "homes"]);
    }
    expect(steps.flatMap(({ outputs }) => outputs.filter(({ kind }) => kind === "multicast"))).toHaveLength(2); // OWNED.
  });

  it("a kernel that outlives its daemon gives nothing back before the new daemon has cleared it", () => {
    const two = started(alike(["a", "b"], vips(10)));
    two.die("b", "killed");
    expect(two.hosts.get("b")?.plumbed().size).toBe(5);

    two.run(20);
    two.start("b");
    two.run(20);
    expect(two.hosts.get("b")?.plumbed().size).toBe(0);
    rested(two);
    expect(loads(two)).toEqual({ a: 5, b: 5 });
  });

  it("addresses on a lifeline go with their daemon", () => {
    const two = started(alike(["a", "b"], vips(10), { lifelines: new Set(["b"]) }));
    two.die("b", "killed");

    expect(two.hosts.get("b")?.plumbed().size).toBe(0);
  });

  it("nobody is left to serve an address that only the dead node configured", () => {
    const two = started(cluster({ a: vips(2), b: vips(3) }));
    expect(two.homes()[addressOf(3)]).toBe("b");

    two.die("b", "killed");
    rested(two);
    expect(two.homes()).toEqual({ [addressOf(1)]: "a", [addressOf(2)]: "a" });
  });
});
