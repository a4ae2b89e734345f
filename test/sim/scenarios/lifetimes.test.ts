import { describe, expect, it } from "vitest";
import { LATENESS_MS, PLAIN_LIFETIME_MS } from "../../../src/sim/host.js";
import { addressOf, alike, cluster, loads, recorded, rested, started, type Step, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
const strict = (count: number) => vips(count, { policy: "strict" });
const ROUNDING_MS = 1_000;

function lost(steps: readonly Step[]): number {
  return steps.filter(({ input }) => input.kind === "lost").length;
}

describe("what a kernel keeps by lifetimes", () => {
  it("is under strict nothing, once the lease of a stopped daemon is over", () => {
    const three = started(alike(ABC, strict(9)));
    three.pause("c");
    expect(three.hosts.get("c")?.plumbed().size).toBe(3);
    three.run(three.options.leaseMs + ROUNDING_MS + LATENESS_MS);
    expect(three.hosts.get("c")?.plumbed().size).toBe(0);

    three.run(10_000);
    expect(loads(three)).toMatchObject({ a: expect.any(Number), b: expect.any(Number) });
    three.resume("c");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("is until then all of it: a lifetime takes nothing from who may have it", () => {
    const three = started(alike(ABC, strict(9)));
    three.pause("c");
    // The last proof before it was stopped was made so long ago, at most: the next beacon was due.
    three.run(three.options.leaseMs - three.options.leaseMs / 5 - 100);
    expect(three.hosts.get("c")?.plumbed().size).toBe(3);
  });

  it("is all that runs and is held, under a lease or not, for as long as nothing fails", () => {
    const both = [...vips(9).slice(0, 6), ...strict(9).slice(6)];
    const three = started(cluster(Object.fromEntries(ABC.map((name) => [name, both]))));
    const steps = recorded(three);
    three.run(3 * PLAIN_LIFETIME_MS);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
    expect(lost(steps)).toBe(0);
  });

  it("is what a killed daemon leaves for two minutes, and not for ever", () => {
    const three = started(alike(ABC, vips(3)));
    three.die("c", "killed");
    three.run(10_000);
    expect([...(three.hosts.get("c")?.plumbed() ?? [])]).toHaveLength(1);
    three.run(PLAIN_LIFETIME_MS + LATENESS_MS);
    expect([...(three.hosts.get("c")?.plumbed() ?? [])]).toHaveLength(0);
    expect(loads(three)).toMatchObject({ a: expect.any(Number), b: expect.any(Number) });
  });

  it("stays where an address is under a lease no longer, since who had it so is configured anew", () => {
    // a says strict, the others do not: that is what counts for as long as a is there.
    const plain = vips(3, { preferences: ["b"] });
    const wanted = vips(3, { preferences: ["b"], policy: "strict" });
    const three = started(cluster({ a: wanted, b: plain, c: plain }));
    expect(three.daemons.get("b")?.core.until(addressOf(1))).toBeLessThan(Number.POSITIVE_INFINITY);
    const steps = recorded(three);
    three.leave("a");
    three.run(5_000);
    three.configure("a", plain);
    three.start("a");
    rested(three);
    expect(three.daemons.get("b")?.core.until(addressOf(1))).toBe(Number.POSITIVE_INFINITY);
    three.run(PLAIN_LIFETIME_MS);
    expect(three.hosts.get("b")?.plumbed().size).toBe(3);
    expect(lost(steps)).toBe(0);
  });
});
