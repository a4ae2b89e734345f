/** A power failure of the whole rack; an upgrade by somebody in a hurry. */
import { describe, expect, it } from "vitest";
import { alike, loads, rested, started, vips } from "../scenario.js";

const NAMES = ["a", "b", "c", "d", "e"];

describe("all nodes that start at the same moment", () => {
  it.each(["power", "killed"] as const)("after %s become one view, and serve everything once", (how) => {
    const five = started(alike(NAMES, vips(25), { engine: "channel" }));
    for (const name of NAMES) five.die(name, how);
    expect(five.homes()).toEqual({});
    five.run(500);
    five.start(...NAMES);
    rested(five);

    expect(loads(five)).toEqual({ a: 5, b: 5, c: 5, d: 5, e: 5 });
    expect(five.measures.counts["overlap"] ?? 0).toBe(0);
  });

  it("and are told to leave at the same moment all end, with nothing plumbed", () => {
    const five = started(alike(NAMES, vips(25)));
    for (const name of NAMES) five.leave(name);
    five.runUntil(() => (five.daemons.size > 0 ? "some are there" : null), 20_000);

    for (const host of five.hosts.values()) expect(host.plumbed().size).toBe(0);
  });
});
