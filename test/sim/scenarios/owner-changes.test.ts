/** Who had which address when, as each node tells it: one line for what goes from one to another for one reason. */
import { describe, expect, it } from "vitest";
import type { OwnerChange } from "../../../src/core/io.js";
import { addressesIn } from "../../../src/core/address.js";
import type { Cluster } from "../../../src/sim/cluster.js";
import { addressOf, alike, cluster, rested, row, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

/** All that each node tells from now on. */
function told(of: Cluster): Map<string, OwnerChange[]> {
  const all = new Map<string, OwnerChange[]>();
  const before = of.onStep;
  of.onStep = (daemon, input, outputs) => {
    before(daemon, input, outputs);
    const changes = outputs.flatMap((output) => (output.kind === "owners" ? [output.change] : []));
    all.set(daemon.name, [...(all.get(daemon.name) ?? []), ...changes]);
  };
  return all;
}

const line = ({ ranges, from, to, reason }: OwnerChange) =>
  `${[...addressesIn(ranges)].join(" ")}: ${from} > ${to}, ${reason}`;

describe("changes of owner", () => {
  it.each(["model", "channel"] as const)(
    "are told by every node: moves, a takeover and its end, over the %s",
    (engine) => {
      const three = started(alike(ABC, vips(2, { preferences: ["b"] }), { engine }));
      const lines = told(three);
      three.move("a", addressOf(1), "c");
      rested(three);
      three.die("c", "killed");
      rested(three);
      for (const node of ["a", "b"])
        expect(lines.get(node)?.map(line)).toEqual([
          `${addressOf(1)}: b > c, move`,
          `${addressOf(1)}: c > b, takeover`,
        ]);
      const [move, takeover] = lines.get("a") ?? [];
      expect(move?.epoch).toBeLessThan(takeover?.epoch ?? 0);
      expect(takeover?.epoch).toBe(row(three, "a", 1)?.epoch);
      for (const { gapMs } of [move, takeover].flatMap((change) => change ?? [])) {
        expect(gapMs).toBeGreaterThan(0);
        expect(gapMs).toBeLessThan(1_000);
      }
    },
  );

  it("say takeover where the owner dies in the middle of a move", () => {
    const three = started(alike(ABC, vips(1, { preferences: ["b"] })));
    const lines = told(three);
    three.move("a", addressOf(1), "c");
    three.runUntil(() => (row(three, "a", 1)?.phase === "releasing" ? null : "b does not let go"), 1_000, 1);
    three.die("b", "killed");
    rested(three);
    expect(lines.get("a")?.map(line)).toEqual([`${addressOf(1)}: b > c, takeover`]);
  });

  it("say why: preference, release, unpin, drain, balance, and that nobody had it", () => {
    const two = started(alike(["a", "b"], vips(1, { preferences: ["b"] })));
    const lines = told(two);
    const next = () => {
      rested(two);
      return lines.get("a")?.splice(0).map(line);
    };
    const one = addressOf(1);
    two.leave("b");
    expect(next()).toEqual([`${one}: b > a, release`]);
    two.start("b");
    expect(next()).toEqual([`${one}: a > b, preference`]);
    two.drain("b", true);
    expect(next()).toEqual([`${one}: b > a, drain`]);
    two.drain("b", false);
    expect(next()).toEqual([`${one}: a > b, preference`]);
    two.move("b", one, "a");
    two.run(500);
    two.unpin("a", one);
    expect(next()).toEqual([`${one}: b > a, move`, `${one}: a > b, unpin`]);
    two.unplug("b", ["10.1.0.0/16"]);
    expect(next()).toEqual([`${one}: b > a, health`]);
  });

  it("say what balance and failback move, and what is lost with a quorum", () => {
    const two = cluster({ a: vips(4, { policy: "majority" }), b: vips(4, { policy: "majority" }) });
    const lines = told(two);
    two.start("a");
    rested(two);
    expect(
      lines
        .get("a")
        ?.splice(0)
        .map(({ count, from, to, reason }) => [count, from, to, reason]),
    ).toEqual([[4, "", "a", "unowned"]]);
    two.start("b");
    rested(two);
    const balanced = lines.get("a")?.splice(0) ?? [];
    expect(new Set(balanced.map(({ from, to, reason }) => `${from} > ${to}, ${reason}`))).toEqual(
      new Set(["a > b, balance"]),
    );
    expect(balanced.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    two.die("a", "power");
    rested(two);
    expect(
      lines
        .get("b")
        ?.map(({ count, from, to, reason }) => [count, from, to, reason])
        .slice(-2),
    ).toEqual(expect.arrayContaining([[2, "b", "", "quorum"]]));

    const back = started(alike(["a", "b"], vips(1, { preferences: ["b"], failback: "1" })));
    back.die("b", "killed");
    rested(back);
    const after = told(back);
    back.start("b");
    rested(back);
    expect(after.get("a")?.map(line)).toEqual([`${addressOf(1)}: a > b, failback`]);
  });

  it("of a merge name the owner that this side had, and no gap", () => {
    const two = started(alike(["a", "b"], vips(2)));
    const homes = two.homes();
    const lines = told(two);
    two.cut(["a"], ["b"]);
    two.run(10_000);
    two.heal();
    rested(two);
    for (const node of ["a", "b"]) {
      const other = node === "a" ? "b" : "a";
      const lost = Object.entries(homes).find(([, home]) => home === other)?.[0] ?? "";
      const takeover = lines.get(node)?.[0];
      expect(takeover && line(takeover)).toBe(`${lost}: ${other} > ${node}, takeover`);
      const merges = lines.get(node)?.filter(({ reason }) => reason === "merge") ?? [];
      for (const { from, to, gapMs } of merges) expect([from, to, gapMs]).toEqual([node, other, null]);
    }
    expect([...lines.values()].flat().filter(({ reason }) => reason === "merge").length).toBeGreaterThan(0);
  });

  it("of many addresses come in few lines, each about many", () => {
    const two = started(alike(["a", "b"], vips(250, { preferences: ["a"] })));
    const lines = told(two);
    two.drain("a", true); // Lets go of some dozens at a time.
    rested(two);
    const changes = lines.get("b") ?? [];
    expect(changes.reduce((sum, { count }) => sum + count, 0)).toBe(250);
    expect(changes.length).toBeLessThanOrEqual(2);
    expect(changes.every(({ reason }) => reason === "drain")).toBe(true);
  });
});
