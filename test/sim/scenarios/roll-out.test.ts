/**
 * A configuration that is rolled out node by node: conflicts that stayed (#1721 of the original), nodes that disagreed
 * after reloading at once (#4831), new addresses (#4578), an old alias that stayed plumbed (#4751), removed ones (BZ1514).
 */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import type { Cluster } from "../../../src/sim/cluster.js";
import { addressOf, alike, loads, marks, rested, started, vip, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

/** These nodes get the configuration and start anew with it, all at once. */
function rollOut(some: Cluster, names: readonly string[], entries: readonly Entry[]): void {
  for (const name of names) {
    some.configure(name, entries);
    some.leave(name);
  }
  some.runUntil(() => (names.some((name) => some.daemons.has(name)) ? "they have not left" : null), 20_000);
  some.start(...names);
  rested(some);
}

describe("a new preference", () => {
  it("is a conflict while a part of the nodes has it, and none as soon as all have", () => {
    const three = started(alike(ABC, vips(3, { preferences: ["a"] })));
    const next = [vip(1, { preferences: ["b"] }), ...vips(3, { preferences: ["a"] }).slice(1)];
    rollOut(three, ["c"], next);
    expect(marks(three, "a", 1)).toEqual(["conflict"]);
    expect([three.homes()[addressOf(2)], three.homes()[addressOf(3)]]).toEqual(["a", "a"]);

    rollOut(three, ["a"], next);
    rollOut(three, ["b"], next);
    for (const name of ABC) expect(marks(three, name, 1)).toEqual([]);
    expect(three.homes()[addressOf(1)]).toBe("b");
  });
});

describe("new addresses", () => {
  it("are served as soon as the first node has them, and hold nothing up", () => {
    const three = started(alike(ABC, vips(6)));
    rollOut(three, ["b"], vips(9));
    expect(Object.keys(three.homes())).toHaveLength(9);
    for (const n of [7, 8, 9]) expect(three.homes()[addressOf(n)]).toBe("b");

    rollOut(three, ["a", "c"], vips(9));
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("that all nodes get at once are agreed on without a word of the administrator", () => {
    const three = started(alike(ABC, vips(6)));
    rollOut(three, ABC, vips(12));

    expect(loads(three)).toEqual({ a: 4, b: 4, c: 4 });
  });
});

describe("addresses that go", () => {
  it("are gone from a node with its restart, and from the cluster with the last one", () => {
    const three = started(alike(ABC, vips(9)));
    rollOut(three, ["a", "b"], vips(6));
    expect([7, 8, 9].map((n) => three.homes()[addressOf(n)])).toEqual(["c", "c", "c"]);

    rollOut(three, ["c"], vips(6));
    expect(loads(three)).toEqual({ a: 2, b: 2, c: 2 });
    for (const host of three.hosts.values()) expect(host.plumbed().has(addressOf(7))).toBe(false);
  });

  it("leave no alias behind when a binding gets another address, though its daemon was killed", () => {
    const two = started(alike(["a", "b"], [vip(1)]));
    const owner = two.homes()[addressOf(1)] ?? "";
    const next = [vip(2, { names: ["v1"] })];
    for (const name of ["a", "b"]) {
      two.configure(name, next);
      two.die(name, "killed");
    }
    expect(two.hosts.get(owner)?.plumbed().has(addressOf(1))).toBe(true);
    two.start("a", "b");
    rested(two);

    expect(Object.keys(two.homes())).toEqual([addressOf(2)]);
    for (const host of two.hosts.values()) expect(host.plumbed().has(addressOf(1))).toBe(false);
  });
});

describe("a binding that gets another address", () => {
  it("is BROKEN under both while nodes differ, and everything else is served all the time", () => {
    const three = started(alike(ABC, vips(9)));
    rollOut(three, ["a"], [...vips(9).slice(1), vip(20, { names: ["v1"] })]);

    expect(marks(three, "b", 1)).toEqual(["broken"]);
    expect(marks(three, "b", 20)).toEqual(["broken"]);
    expect(Object.keys(three.homes())).toHaveLength(8);
  });
});
