import { describe, expect, it } from "vitest";
import { Condition, type Sense } from "../../../src/core/health/condition.js";

const T = "10.1.0.0/16";
/** Of two that part, one finds out so much later at the most. */
const SKEW_MS = 4_000;

function sense(heard: readonly string[], asked: readonly string[], troubles: Sense["troubles"] = []): Sense {
  return { everyMs: 1_000, troubles, hearing: [{ topology: T, addresses: ["10.1.0.3"], heard, asked }] };
}

/** Node c, whose companions a and b hear each other. */
function among(others: Record<string, readonly string[]>): Condition {
  const condition = new Condition("c");
  condition.enter([]);
  for (const [member, heard] of Object.entries(others))
    condition.told(member, [{ topology: T, addresses: [`10.1.0.${member === "a" ? 1 : 2}`], heard }]);
  return condition;
}

describe("a node that hears none of those that hear each other", () => {
  it("is down once the others would know too, if it were not the only one", () => {
    const condition = among({ a: ["b"], b: ["a"] });
    condition.feels(sense([], ["a", "b"]));
    expect(condition.look(0)?.down).toEqual([]);
    expect(condition.look(SKEW_MS - 1)).toBeNull();
    expect(condition.deadline).toBe(SKEW_MS);
    expect(condition.look(SKEW_MS)?.reasons).toEqual([{ topology: T, reason: "hears none of a b" }]);
  });

  it("is not when they say in time that they hear nobody either", () => {
    const condition = among({ a: ["b"], b: ["a"] });
    condition.feels(sense([], ["a", "b"]));
    condition.look(0);
    for (const member of ["a", "b"]) condition.told(member, [{ topology: T, addresses: [], heard: [] }]);
    condition.look(2_000);
    const news = condition.look(2 * SKEW_MS);
    expect(news?.down).toEqual([]);
    expect(news?.events.map(([code]) => code)).toEqual(["peers-unheard"]);
  });

  it("is not where it cannot ask any of them", () => {
    const condition = among({ a: ["b"], b: ["a"] });
    condition.feels(sense([], []));
    condition.look(0);
    expect(condition.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it("is well two seconds after it hears one of them", () => {
    const condition = among({ a: ["b"], b: ["a"] });
    condition.feels(sense([], ["a", "b"]));
    condition.look(0);
    condition.look(SKEW_MS);
    condition.feels(sense(["a"], ["a", "b"]));
    expect(condition.look(10_000)?.down).toEqual([T]);
    expect(condition.look(12_000)?.down).toEqual([]);
  });
});

describe("what is wrong with a Topology", () => {
  it("is told by its first reason: the carrier, then what was looked at", () => {
    const condition = among({});
    condition.links([T]);
    condition.feels(sense([], [], [{ topology: T, reason: "has lost its own address 10.1.0.3" }]));
    expect(condition.look(0)?.reasons).toEqual([{ topology: T, reason: "has no carrier" }]);
    condition.links([]);
    expect(condition.look(1)?.reasons).toEqual([{ topology: T, reason: "has lost its own address 10.1.0.3" }]);
  });
});

describe("what members say of their addresses", () => {
  it("is kept as long as they stay, and not of this node itself", () => {
    const condition = among({ a: [], b: [] });
    condition.told("c", [{ topology: T, addresses: ["10.1.0.3"], heard: [] }]);
    expect([...condition.addressesOf(T)]).toEqual([
      ["a", ["10.1.0.1"]],
      ["b", ["10.1.0.2"]],
    ]);
    condition.enter(["b", "c"]);
    expect([...condition.addressesOf(T).keys()]).toEqual(["b"]);
  });
});
