import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { alike, cluster, loads, recorded, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
const BLOCK = "10.1.0.0/16";
/** By then a fault has shown, and what follows from it is done. */
const SHOWN_MS = 15_000;

function afterwards(some: Cluster): Record<string, number> {
  some.run(SHOWN_MS);
  return loads(rested(some));
}

describe.each(["deaf", "mute", "flushed"] as const)("a node that is %s on the network of its VIPs", (how) => {
  it.each(["model", "channel"] as const)(
    "hands them over, and has its share again when it is well, over the %s",
    (engine) => {
      const three = started(alike(ABC, vips(9), { engine }));
      three.ail("b", how, [BLOCK]);
      expect(afterwards(three)).toEqual({ a: 5, c: 4 });

      three.ail("b", how, []);
      expect(afterwards(three)).toEqual({ a: 3, b: 3, c: 3 });
    },
  );
});

describe("a node whose service does not greet", () => {
  it("hands its VIPs over, is tried again less and less often, and has its share again once it greets", () => {
    const three = started(alike(ABC, vips(9)));
    three.silence("b", true);
    three.run(SHOWN_MS);
    const steps = recorded(three);
    three.run(200_000);
    const told = (code: string) =>
      steps.filter(
        ({ on, outputs }) => on === "a" && outputs.some((output) => output.kind === "event" && output.code === code),
      ).length;
    expect(told("topology-up")).toBeGreaterThan(1);
    expect(told("topology-up")).toBeLessThan(6);

    three.silence("b", false);
    three.run(200_000);
    expect(loads(rested(three))).toEqual({ a: 3, b: 3, c: 3 });
  });
});

describe("nodes that cannot tell whose network fails", () => {
  it("keep all that they have when they are two, and say that they hear nobody", () => {
    const two = started(alike(["a", "b"], vips(8)));
    const before = two.homes();
    const steps = recorded(two);
    two.ail("a", "deaf", [BLOCK]);
    two.run(SHOWN_MS);
    rested(two);
    expect(two.homes()).toEqual(before);
    for (const name of ["a", "b"])
      expect(
        steps.some(
          ({ on, outputs }) =>
            on === name && outputs.some((output) => output.kind === "event" && output.code === "peers-unheard"),
        ),
      ).toBe(true);
  });

  it.each([3, 4, 5])("keep all that they have when the switch of all %i fails", (count) => {
    const names = ["a", "b", "c", "d", "e"].slice(0, count);
    const all = started(alike(names, vips(20)));
    const before = all.homes();
    for (const name of names) {
      all.ail(name, "deaf", [BLOCK]);
      all.run(10);
    }
    all.run(SHOWN_MS);
    rested(all);
    expect(all.homes()).toEqual(before);
  });
});

describe("a node that was found to be at fault", () => {
  it("stays so when there is nobody left who hears another, until it hears somebody", () => {
    const three = started(alike(ABC, vips(9)));
    three.ail("c", "deaf", [BLOCK]);
    expect(afterwards(three)["c"]).toBeUndefined();
    three.die("b", "killed");
    expect(afterwards(three)).toEqual({ a: 9 });

    three.ail("c", "deaf", []);
    expect(Object.keys(afterwards(three))).toEqual(["a", "c"]);
  });

  it("serves when there is nobody else", () => {
    const three = started(alike(ABC, vips(9)));
    three.ail("c", "deaf", [BLOCK]);
    expect(afterwards(three)["c"]).toBeUndefined();
    three.die("a", "killed");
    three.die("b", "killed");
    expect(afterwards(three)).toEqual({ c: 9 });
  });
});

describe("a node that is deaf when it joins", () => {
  it("finds out, for the others tell it whom they hear", () => {
    const three = alike(ABC, vips(9));
    three.start("a", "b");
    rested(three);
    three.ail("c", "deaf", [BLOCK]);
    three.start("c");
    expect(afterwards(three)).toEqual({ a: 5, b: 4 });
  });
});

describe("a network that flaps", () => {
  it("moves addresses less and less often", () => {
    const three = started(alike(ABC, vips(9)));
    const steps = recorded(three);
    for (let i = 0; i < 60; i++) {
      three.ail("b", "flushed", i % 2 === 0 ? [BLOCK] : []);
      three.run(5_000);
    }
    const ups = steps.filter(
      ({ on, outputs }) =>
        on === "a" && outputs.some((output) => output.kind === "event" && output.code === "topology-up"),
    );
    expect(ups.length).toBeGreaterThan(0);
    expect(ups.length).toBeLessThan(4);
  });
});

describe("a network that only some members have", () => {
  it("is judged by those alone", () => {
    const both = vips(6);
    const other = vips(6).map((entry, i) => ({
      ...entry,
      address: `10.2.0.${i + 1}`,
      names: [`w${i}`],
      topology: "10.2.0.0/16",
    }));
    const some = started(cluster({ a: [...both, ...other], b: [...both, ...other], c: both }));
    const before = some.homes();
    some.ail("a", "deaf", ["10.2.0.0/16"]);
    some.run(SHOWN_MS);
    rested(some);
    expect(some.homes()).toEqual(before);
  });
});
