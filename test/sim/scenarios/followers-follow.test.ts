/** Followers that did not follow (#5285 of the original): whatever happens, a unit is at one node. */
import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { addressOf, alike, rested, started, vip, watch } from "../scenario.js";

const ABC = ["a", "b", "c"];
/** 1, 3, 5 lead; 2, 4, 6 follow them. */
const units = [1, 3, 5].flatMap((n) => [vip(n), vip(n + 1, { follows: addressOf(n) })]);

function torn(some: Cluster): string[] {
  const homes = some.homes();
  return [1, 3, 5].flatMap((n) => {
    const [lead, follower] = [homes[addressOf(n)], homes[addressOf(n + 1)]];
    return lead === follower ? [] : [`${addressOf(n)} is at ${lead}, and what follows it at ${follower}`];
  });
}

describe("a follower", () => {
  it.each([
    ["a crash", (some: Cluster) => some.die("b", "killed")],
    ["a departure", (some: Cluster) => some.leave("b")],
    ["a drain", (some: Cluster) => void some.drain("b", true)],
    ["a move", (some: Cluster) => void some.move("a", addressOf(2), "c")],
    [
      "the loss of the follower alone",
      (some: Cluster) => some.host(some.homes()[addressOf(2)] ?? "").lose(addressOf(2)),
    ],
    ["a kernel that refuses the follower", (some: Cluster) => void (some.host("a").failing = new Set([addressOf(2)]))],
  ])("is where its leader is after %s", (_, happens) => {
    const three = started(alike(ABC, units));
    happens(three);
    rested(three);
    three.start(...ABC);
    rested(three);

    expect(torn(three)).toEqual([]);
    expect(Object.keys(three.homes())).toHaveLength(6);
  });

  it("is where its leader is after a partition, and never twice in a planned move", () => {
    const three = started(alike(ABC, units));
    three.cut(["a"], ["b", "c"]);
    three.run(5_000);
    three.heal();
    rested(three);
    expect(torn(three)).toEqual([]);

    three.move("a", addressOf(1), three.homes()[addressOf(1)] === "a" ? "b" : "a");
    expect([...watch(three, 2, 5_000)].every((plumbed) => plumbed <= 1)).toBe(true);
    expect(torn(three)).toEqual([]);
  });
});
