import { describe, expect, it } from "vitest";
import { addressOf, alike, cluster, recorded, rested, started, vip, vips, watch } from "../scenario.js";

describe("a follower", () => {
  const entries = [vip(1), vip(2, { follows: addressOf(1) }), vip(3), vip(4, { follows: addressOf(3) })];

  it("goes where its leader goes, in one step", () => {
    const two = started(alike(["a", "b"], entries));
    const from = two.homes()[addressOf(1)] ?? "";
    const to = from === "a" ? "b" : "a";
    const steps = recorded(two);
    two.move("a", addressOf(1), to);
    rested(two);

    expect(two.homes()[addressOf(1)]).toBe(to);
    expect(two.homes()[addressOf(2)]).toBe(to);
    const jobs = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) =>
        output.kind === "acquire" || output.kind === "release" ? [[on, output.kind, output.addresses]] : [],
      ),
    );
    expect(jobs.slice(0, 2)).toEqual([
      [from, "release", [addressOf(1), addressOf(2)]],
      [to, "acquire", [addressOf(1), addressOf(2)]],
    ]);
  });

  it("takes its leader along when it is the one that is named in a move", () => {
    const two = started(alike(["a", "b"], entries));
    const to = two.homes()[addressOf(4)] === "a" ? "b" : "a";
    const id = two.move("a", addressOf(4), to);
    rested(two);

    expect(two.homes()[addressOf(3)]).toBe(to);
    expect(two.replies.get(id ?? 0)).toMatchObject({
      ok: true,
      moved: [{ address: addressOf(3) }, { address: addressOf(4) }],
    });
  });

  it("draws the unit to a node that has all of it", () => {
    const two = started(cluster({ a: [vip(1)], b: [vip(1), vip(2, { follows: addressOf(1) })] }));

    expect(two.homes()).toEqual({ [addressOf(1)]: "b", [addressOf(2)]: "b" });
  });

  it("that only a departed node let follow is nowhere twice when it leads itself again", () => {
    // Only `a` lets 2 follow 1, and its word counts first; without it, 2 is free, wherever it is plumbed.
    const three = started(cluster({ a: [vip(1), vip(2, { follows: addressOf(1) })], b: vips(2), c: vips(2) }));
    three.die("a", "killed");
    const seen = watch(three, 2, 3_000);
    rested(three);

    expect([...seen].every((plumbed) => plumbed <= 1)).toBe(true);
    expect(Object.keys(three.homes())).toHaveLength(2);
  });
});
