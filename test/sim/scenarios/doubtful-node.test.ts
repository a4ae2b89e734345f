/** A node that cannot plumb what it is given: it is given nothing that others can have, until it has shown that it can. */
import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { addressOf, alike, loads, rested, started, vip, vips } from "../scenario.js";

const ALL = Array.from({ length: 42 }, (_, i) => addressOf(i + 1));

const host = (cluster: Cluster, name: string) => {
  const found = cluster.hosts.get(name);
  if (found === undefined) throw new Error(`no host ${name}`);
  return found;
};

/** From now on the kernel takes none of them, and what it had is gone. */
function breakKernel(cluster: Cluster, name: string, failing: readonly string[] = ALL): void {
  host(cluster, name).failing = new Set(failing);
  for (const address of failing) host(cluster, name).lose(address);
}

const moves = (cluster: Cluster) => cluster.measures.addresses(cluster.schedule.now).map((address) => address.moves);
const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
const doubtful = (cluster: Cluster, on: string, name: string) =>
  [...(cluster.daemons.get(on)?.core.ownership.doubts.of(name).keys() ?? [])].length > 0;

describe("a node whose every plumb fails", () => {
  it.each([
    ["by load", {}],
    ["that is preferred", { preferences: ["b"] }],
  ])("interrupts hardly anything of what the others have, in addresses %s", (_, different) => {
    const three = started(alike(["a", "b", "c"], vips(42, different)));
    breakKernel(three, "b");
    three.run(3_000);
    const before = moves(three);
    three.run(103_000);
    const since = moves(three).map((count, i) => count - (before[i] ?? 0));
    // A trial after 1, 2, 4, 8, 16, 32 s and so on: there and back each.
    expect(sum(since)).toBeLessThanOrEqual(16);
    expect(Math.max(...since)).toBeLessThanOrEqual(4);
    expect(doubtful(three, "a", "b")).toBe(true);
    expect(loads(three)["b"]).toBeUndefined();
    expect(Object.keys(three.homes())).toHaveLength(42);

    host(three, "b").failing = new Set();
    three.runUntil(() => (doubtful(three, "a", "b") ? "b is doubtful yet" : null), 400_000);
    rested(three);
    expect(loads(three)["b"]).toBe("preferences" in different ? 42 : 14);
  });

  it("stays doubtful for who joins later", () => {
    const four = alike(["a", "b", "c", "d"], vips(42));
    four.start("a", "b", "c");
    rested(four);
    breakKernel(four, "b");
    four.run(5_000);
    four.start("d");
    four.runUntil(() => (four.daemons.get("d")?.core.ownership.settled === true ? null : "d has not settled"), 30_000);
    expect(doubtful(four, "d", "b")).toBe(true);
    rested(four);
    expect(loads(four)["b"]).toBeUndefined();
  });

  it("is given what nobody else can have, and is trusted once it has taken it", () => {
    const two = started(alike(["a", "b"], vips(6)));
    breakKernel(two, "b");
    two.run(5_000);
    expect(doubtful(two, "a", "b")).toBe(true);
    host(two, "b").failing = new Set();
    two.die("a", "killed");
    two.run(60_000);
    expect(loads(two)).toEqual({ b: 6 });
    expect(doubtful(two, "b", "b")).toBe(false);
  });
});

describe("a node that can never have one address", () => {
  it("is given all the others as ever", () => {
    const three = started(alike(["a", "b", "c"], [vip(1, { preferences: ["b"] }), ...vips(30).slice(1)]));
    breakKernel(three, "b", [addressOf(1)]);
    three.run(60_000);
    expect(doubtful(three, "a", "b")).toBe(false);
    expect(three.homes()[addressOf(1)]).not.toBe("b");
    three.die("c", "killed");
    three.run(3_000);
    expect(loads(three)["b"]).toBe(15);
  });

  it("gets on to another one, where trials begin with that one", () => {
    const three = started(alike(["a", "b", "c"], vips(12, { preferences: ["b"] })));
    breakKernel(three, "b");
    three.run(5_000);
    expect(doubtful(three, "a", "b")).toBe(true);
    host(three, "b").failing = new Set([addressOf(1), addressOf(2), addressOf(3)]);
    three.runUntil(() => (loads(three)["b"] === 9 ? null : `b has ${loads(three)["b"]}`), 900_000);
  });
});
