import { describe, expect, it } from "vitest";
import type { NodeOutput } from "../../../src/core/io.js";
import { decodeMessage } from "../../../src/core/wire/messages.js";
import type { Cluster } from "../../../src/sim/cluster.js";
import { alike, loads, recorded, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("after a merge", () => {
  function merged(): { two: Cluster; announced: string[] } {
    const two = started(alike(["a", "b"], vips(10)));
    two.cut(["a"], ["b"]);
    two.run(3_000);
    expect(loads(two)).toEqual({ "a+b": 10 });
    const steps = recorded(two);
    two.heal();
    rested(two);
    const announced = steps.flatMap(({ outputs }) =>
      outputs.flatMap((output) => (output.kind === "announce" ? output.addresses : [])),
    );
    return { two, announced };
  }

  it("two owners become one, and balance is found again", () => {
    const { two } = merged();

    expect(Object.keys(two.homes())).toHaveLength(10);
    expect(loads(two)).toEqual({ a: 5, b: 5 });
  });

  it("the owner tells the LAN of every address again at once, and again when the others have let go", () => {
    const { announced } = merged();

    expect(new Set(announced)).toEqual(new Set(vips(10).map(({ address }) => address)));
    expect(announced).toHaveLength(20);
  });

  it("the preferred one of two owners keeps the address", () => {
    const two = started(alike(["a", "b"], vips(4, { preferences: ["b"] })));
    two.cut(["a"], ["b"]);
    two.run(3_000);
    const steps = recorded(two);
    two.heal();
    rested(two);

    expect(loads(two)).toEqual({ b: 4 });
    expect(steps.filter(({ on, outputs }) => on === "b" && outputs.some(({ kind }) => kind === "release"))).toEqual([]);
  });

  it("a cut in one direction only splits the cluster on both sides, and heals", () => {
    const three = started(alike(ABC, vips(9)));
    three.cut(["c"], ["a", "b"], true);
    three.run(3_000);
    expect(loads(three)["c"]).toBeUndefined();
    expect(Object.values(three.homes()).every((home) => home.endsWith("+c"))).toBe(true);

    three.heal();
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("a holder that is the next owner too says once that it has let go, though the owner's word comes in between", () => {
    // Said again it would be the word of a target that gives back what it has begun to plumb, and a third would begin.
    const said = Array.from({ length: 20 }, (_, seed) => {
      const network = { delayMs: 20, jitterMs: 40, loss: 0 };
      const host = { batchMs: 10, addressMs: 0, drainMs: 60 };
      const three = started(alike(ABC, vips(9), { seed, network, host }));
      three.cut(["a"], ["b", "c"]);
      three.run(3_000);
      three.drain("a", true);
      three.run(1_000);
      three.heal();
      const steps = recorded(three);
      rested(three);
      expect(Object.keys(loads(three))).toEqual(["b", "c"]);
      return steps.flatMap(({ on, outputs }) => outputs.flatMap((output) => releasedBy(on, output)));
    });

    for (const one of said) expect(one).toEqual([...new Set(one)]);
  });
});

function releasedBy(member: string, output: NodeOutput): string[] {
  const message = output.kind === "multicast" ? decodeMessage(output.payload) : null;
  if (message === null || message === "unknown" || message.kind !== "released") return [];
  return message.leads.map((lead) => `${member} ${lead}`);
}
