import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { addressesFor, define, unitOf } from "../../../src/core/ownership/definitions.js";

function entry(address: string, different: Partial<Entry> = {}): Entry {
  const plain = {
    services: ["multivip"],
    preferences: [],
    follows: null,
    policy: "available" as const,
    failback: "immediate",
    topology: "10.0.0.0/24",
  };
  return { address, names: [`at ${address}`], ...plain, ...different };
}

function said(catalogues: Record<string, readonly Entry[]>) {
  return define(new Map(Object.entries(catalogues)));
}

const [ONE, TWO, THREE] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;

describe("definitions", () => {
  it("do not depend on the order in which members spoke", () => {
    const a = [entry(ONE, { preferences: ["a"] }), entry(TWO, { follows: ONE })];
    const b = [entry(TWO), entry(ONE, { preferences: ["b"], services: [] })];

    expect(said({ a, b })).toEqual(said({ b, a }));
  });

  it("let nobody own what one name stands for at two addresses", () => {
    const { vips, units } = said({ a: [entry(ONE, { names: ["x"] }), entry(TWO, { names: ["x"] }), entry(THREE)] });

    expect([...vips.values()].map(({ broken }) => broken)).toEqual([true, true, false]);
    expect([...units.values()].map(({ electorate }) => electorate)).toEqual([[], [], ["a"]]);
  });

  it("bear that one member knows more names of an address than another", () => {
    const { vips } = said({ a: [entry(ONE, { names: ["x", "y"] })], b: [entry(ONE, { names: ["x"] })] });

    expect(vips.get(ONE)?.broken).toBe(false);
  });

  it("bear that a member has a listener where another has a binding, and call it unsafe", () => {
    const listener = entry(ONE, { names: [], services: ["ESMTP:25"] });
    const { vips } = said({ a: [entry(ONE)], b: [listener] });

    expect(vips.get(ONE)).toMatchObject({ broken: false, unsafe: true, conflict: false });
  });

  it("see no conflict between a preference and none", () => {
    const { vips } = said({ a: [entry(ONE, { preferences: ["b"] })], b: [entry(ONE)] });

    expect(vips.get(ONE)).toMatchObject({ preferences: ["b"], conflict: false });
  });

  it("give each address an electorate of its own", () => {
    const { units } = said({ a: [entry(ONE), entry(TWO)], b: [entry(TWO), entry(THREE)] });

    expect([...units.values()].map(({ electorate }) => electorate)).toEqual([["a"], ["a", "b"], ["b"]]);
  });
});

describe("a member that departs", () => {
  const some = fc.subarray([
    entry(ONE, { preferences: ["a"] }),
    entry(TWO, { follows: ONE }),
    entry(THREE, { topology: "10.0.0.0/8" }),
  ]);
  const other = fc.subarray([
    entry(ONE, { preferences: ["b"], services: [] }),
    entry(TWO, { topology: "10.0.0.0/8" }),
    entry(THREE, { names: [`at ${ONE}`] }),
  ]);

  it("is struck off with the same result as though it had never said anything, or definitions are made anew", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(some, other), { minLength: 2, maxLength: 6 }), fc.nat(5), (catalogues, who) => {
        const names = catalogues.map((_, i) => String.fromCharCode(97 + i));
        const gone = names[who % names.length] ?? "a";
        const all = new Map(names.map((name, i) => [name, catalogues[i] ?? []]));
        const definitions = define(all);
        const struck = definitions.strike(gone);
        const before = struck ? definitions : define(all);
        all.delete(gone);
        expect([...definitions.vips]).toEqual([...before.vips]);
        if (!struck) return;
        const anew = define(all);
        expect([...definitions.vips]).toEqual([...anew.vips]);
        expect([...definitions.units]).toEqual([...anew.units]);
        expect(definitions.found).toEqual(anew.found);
      }),
    );
  });

  it("is struck off where another says the same", () => {
    const definitions = said({ a: [entry(ONE)], b: [entry(ONE)], c: [entry(ONE), entry(TWO)] });

    expect(definitions.strike("c")).toBe(false);
    expect(definitions.strike("b")).toBe(true);
    expect(definitions.units.get(ONE)?.electorate).toEqual(["a", "c"]);
    expect(definitions.strike("a")).toBe(false);
  });
});

describe("a unit", () => {
  it("is an address with all that follow it, wherever it is looked for", () => {
    const definitions = said({ a: [entry(ONE), entry(TWO, { follows: ONE }), entry(THREE, { follows: ONE })] });

    for (const address of [ONE, TWO, THREE]) expect(unitOf(definitions, address)?.lead.address).toBe(ONE);
    expect([...definitions.units.keys()]).toEqual([ONE]);
  });

  it("goes to those that know all of it, and to those that know its leader where nobody does", () => {
    const follower = entry(TWO, { follows: ONE });
    const other = entry(THREE, { follows: ONE });

    expect(said({ a: [entry(ONE)], b: [entry(ONE), follower] }).units.get(ONE)?.electorate).toEqual(["b"]);
    expect(said({ a: [entry(ONE), other], b: [entry(ONE), follower] }).units.get(ONE)?.electorate).toEqual(["a", "b"]);
  });

  it("is for each member what that member configures of it", () => {
    const { units } = said({ a: [entry(ONE)], b: [entry(ONE), entry(TWO, { follows: ONE })] });
    const unit = units.get(ONE);

    expect(unit && addressesFor(unit, "a")).toEqual([ONE]);
    expect(unit && addressesFor(unit, "b")).toEqual([ONE, TWO]);
  });

  it("of an address whose leader nobody knows is that address alone", () => {
    expect([...said({ a: [entry(TWO, { follows: ONE })] }).units.keys()]).toEqual([TWO]);
  });

  it("is no chain: who follows a follower leads itself", () => {
    const { units } = said({ a: [entry(ONE), entry(TWO, { follows: ONE })], b: [entry(THREE, { follows: TWO })] });

    expect([...units.keys()]).toEqual([ONE, THREE]);
  });
});
