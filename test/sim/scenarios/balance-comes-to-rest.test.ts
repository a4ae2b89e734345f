/** Ping-pong of balance (#1327 of the original), flip-flop (#2262), a balance that counted those who had gone (#1463). */
import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { alike, cluster, loads, rested, started, vip, vips } from "../scenario.js";

/** How many addresses changed hands while the cluster had time for `rounds` rounds of balance. */
function movesIn(some: Cluster, rounds: number): number {
  const moves = () => some.measures.addresses(some.schedule.now).reduce((sum, { moves }) => sum + moves, 0);
  const before = moves();
  some.run(rounds * some.options.viewBalanceIntervalMs);
  return moves() - before;
}

describe("balance", () => {
  it.each([
    ["an even share", [30, 3]],
    ["an uneven share", [31, 3]],
    ["fewer addresses than nodes", [2, 3]],
    ["one address and many nodes", [1, 5]],
  ] as const)("comes to rest, and stays there: %s", (_, [count, nodes]) => {
    const names = ["a", "b", "c", "d", "e"].slice(0, nodes);
    const some = started(alike(names, vips(count)));

    expect(movesIn(some, 100)).toBe(0);
  });

  it("comes to rest where nodes configure different addresses", () => {
    const three = started(cluster({ a: vips(12), b: vips(12), c: vips(12).slice(9) }));
    rested(three);

    expect(movesIn(three, 100)).toBe(0);
  });

  it("comes to rest where nodes have different weights", () => {
    const setups = new Map([
      ["a", { weight: 1 }],
      ["b", { weight: 150 }],
    ]);
    const three = started(alike(["a", "b", "c"], vips(20), { setups }));

    expect(movesIn(three, 100)).toBe(0);
  });

  it("moves each address once at most when a node comes", () => {
    const three = alike(["a", "b", "c"], vips(30), { balanceSetSize: 1 });
    three.start("a", "b");
    rested(three);
    const before = new Map(three.measures.addresses(three.schedule.now).map(({ address, moves }) => [address, moves]));
    three.start("c");
    three.run(60_000);

    expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
    const moved = three.measures.addresses(three.schedule.now);
    expect(moved.every(({ address, moves }) => moves <= (before.get(address) ?? 0) + 1)).toBe(true);
  });

  it("counts those that are left, when one goes in the middle of it", () => {
    const four = alike(["a", "b", "c", "d"], vips(24), { balanceSetSize: 1 });
    four.start("a", "b");
    rested(four);
    four.start("c", "d");
    four.run(6_000);
    four.die("d", "power");
    four.run(60_000);

    expect(loads(four)).toEqual({ a: 8, b: 8, c: 8 });
    expect(movesIn(four, 100)).toBe(0);
  });

  it("leaves alone what a preference and a pin hold on its way", () => {
    const two = started(alike(["a", "b"], [...vips(4, { preferences: ["a"] }), vip(5), vip(6)]));
    two.move("a", vip(5).address, "a");
    rested(two);

    expect(movesIn(two, 100)).toBe(0);
    expect(loads(two)).toEqual({ a: 5, b: 1 });
  });
});
