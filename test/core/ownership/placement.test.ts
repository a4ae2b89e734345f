import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { define } from "../../../src/core/ownership/definitions.js";
import { balance } from "../../../src/core/ownership/balance.js";
import { Loads } from "../../../src/core/ownership/loads.js";
import { place as changes, type PlacementInput } from "../../../src/core/ownership/placement.js";
import type { Standing } from "../../../src/core/ownership/scales.js";
import { emptyRow, type Row } from "../../../src/core/ownership/table.js";

const TOPOLOGIES = ["10.1.0.0/24", "10.2.0.0/24"];

/** A cluster in which each of `members` configures each address; `owners` says who has which. */
function situation(
  members: readonly string[],
  owners: readonly (string | null)[],
  preferences: readonly string[] = [],
): PlacementInput {
  const entries = owners.map((_, i): Entry => {
    const topology = i % 2;
    const address = `10.${topology + 1}.${i >> 9}.${(i >> 1) & 255}`;
    const network = { topology: TOPOLOGIES[topology] ?? "", policy: "available" as const, failback: "immediate" };
    return { address, names: [`v${i}`], services: [], preferences, follows: null, ...network };
  });
  const { units } = define(new Map(members.map((member) => [member, entries])));
  const rows = new Map(
    entries.map(({ address }, i): [string, Row] => [address, { ...emptyRow(), owner: owners[i] ?? null }]),
  );
  return { units, rows, loads: new Loads(units, rows), able: equals(members), quorate: true };
}

/** The home of each given unit, whether it is another one or not. */
function place(input: PlacementInput, leads: Iterable<string>): Map<string, string | null> {
  const homes = new Map([...leads].map((lead) => [lead, input.rows.get(lead)?.owner ?? null]));
  for (const { lead, home } of changes(input, [...homes.keys()])) homes.set(lead, home);
  return homes;
}

function standing(different: Partial<Standing> = {}): Standing {
  return {
    weight: 1,
    draining: false,
    paced: false,
    damped: false,
    regains: false,
    down: new Set(),
    doubtful: new Map(),
    ...different,
  };
}

/** Members of one weight. */
function equals(members: readonly string[]) {
  return new Map(members.map((member) => [member, standing()]));
}

function loads({ units, able }: PlacementInput, homes: ReadonlyMap<string, string | null>, topology: string): number[] {
  const own = [...units].filter(([, { lead }]) => lead.topology === topology).map(([lead]) => homes.get(lead));
  return [...able.keys()].map((member) => own.filter((home) => home === member).length);
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

const members = fc.constantFrom(["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d", "e"]);
const withOwners = members.chain((names) =>
  fc.tuple(fc.constant(names), fc.array(fc.option(fc.constantFrom(...names)), { minLength: 1, maxLength: 40 })),
);

describe("placement", () => {
  it("leaves what has a home where it is, and gives the rest a home", () => {
    fc.assert(
      fc.property(withOwners, ([names, owners]) => {
        const input = situation(names, owners);
        const homes = place(input, input.units.keys());
        for (const [lead, row] of input.rows) expect(homes.get(lead)).toBe(row.owner ?? homes.get(lead) ?? "nobody");
        expect(homes.size).toBe(owners.length);
      }),
    );
  });

  it("spreads what is new evenly in each Topology", () => {
    fc.assert(
      fc.property(members, fc.integer({ min: 1, max: 60 }), (names, count) => {
        const input = situation(
          names,
          Array.from({ length: count }, () => null),
        );
        const homes = place(input, input.units.keys());
        for (const topology of TOPOLOGIES) expect(spread(loads(input, homes, topology))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("finds the same homes again when everything starts anew", () => {
    const input = situation(
      ["a", "b", "c"],
      Array.from({ length: 30 }, () => null),
    );

    expect(place(input, input.units.keys())).toEqual(place(input, input.units.keys()));
  });

  it("does not depend on the order in which units, members and entries are named", () => {
    fc.assert(
      fc.property(withOwners, fc.infiniteStream(fc.nat()), ([names, owners], draws) => {
        const input = situation(names, owners);
        const shuffled = <T>(items: Iterable<T>): T[] =>
          [...items]
            .map((item) => ({ item, at: draws.next().value }))
            .sort((a, b) => a.at - b.at)
            .map(({ item }) => item);
        const rows = new Map(shuffled(input.rows));
        const other = { ...input, rows, loads: new Loads(input.units, rows), able: equals(shuffled(names)) };
        const sorted = (homes: Map<string, string | null>) => [...homes].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(place(other, shuffled(input.units.keys())))).toEqual(sorted(place(input, input.units.keys())));
      }),
    );
  });

  it("gives each member load by its weight, and balance then has nothing to move", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 5 }),
        fc.nat(80),
        (weights, count) => {
          const names = weights.map((_, i) => `n${i}`);
          const owners = Array.from({ length: count }, () => null);
          const able = new Map(names.map((name, i) => [name, standing({ weight: weights[i] ?? 1 })]));
          const input = { ...situation(names, owners), able };
          const homes = place(input, input.units.keys());
          for (const topology of TOPOLOGIES) {
            const found = loads(input, homes, topology);
            for (const [i, load] of found.entries())
              for (const [j, other] of found.entries())
                expect(load / (weights[i] ?? 1)).toBeLessThanOrEqual((other + 1) / (weights[j] ?? 1));
          }
          const rows = new Map([...homes].map(([lead, owner]) => [lead, { ...emptyRow(), owner }]));
          expect(balance({ ...input, rows, loads: new Loads(input.units, rows) }).size).toBe(0);
        },
      ),
    );
  });

  it("goes by pin, then by preferences in their order, then by present owner", () => {
    const input = situation(["a", "b", "c", "d"], ["a"], ["x", "b", "d"]);
    const row = input.rows.get("10.1.0.0");
    const home = () => place(input, ["10.1.0.0"]).get("10.1.0.0");

    Object.assign(row ?? {}, { pin: "c" });
    expect(home()).toBe("c");
    Object.assign(row ?? {}, { pin: null });
    expect(home()).toBe("b");
    Object.assign(row ?? {}, { refusedBy: new Set(["b"]) });
    expect(home()).toBe("d");
    Object.assign(row ?? {}, { refusedBy: new Set(["b", "d"]) });
    expect(home()).toBe("a");
  });

  it("gives a damped member nothing new, be it preferred, and takes nothing away from it", () => {
    const damped = { able: new Map([...equals(["a", "c"]), ["b", standing({ damped: true })]]) };
    const orphans = { ...situation(["a", "b", "c"], [null, null, null, null, null, null]), ...damped };
    expect(new Set(place(orphans, orphans.units.keys()).values())).toEqual(new Set(["a", "c"]));
    const preferred = { ...situation(["a", "b", "c"], ["a", "b", null], ["b", "c"]), ...damped };
    const homes = place(preferred, preferred.units.keys());
    expect([homes.get("10.1.0.0"), homes.get("10.2.0.0"), homes.get("10.1.0.1")]).toEqual(["c", "b", "c"]);
    expect(balance({ ...situation(["a", "b"], ["a", "a", "a", "a", "a", "a"]), ...damped }).size).toBe(0);
    const alone = { ...situation(["b"], [null]), ...damped };
    expect([...place(alone, alone.units.keys()).values()]).toEqual(["b"]);
  });

  it("gives nothing to those that are not able, and nobody has what nobody can have", () => {
    const input = { ...situation(["a", "b"], ["a", null]), able: equals(["b"]) };
    expect([...place(input, input.units.keys()).values()]).toEqual(["b", "b"]);

    const none = { ...input, able: equals([]) };
    expect([...place(none, none.units.keys()).values()]).toEqual([null, null]);
  });
});

describe("balance", () => {
  it("ends with no two members of a Topology more than one apart, and with no move too many", () => {
    fc.assert(
      fc.property(withOwners, ([names, owners]) => {
        const input = situation(
          names,
          owners.map((owner) => owner ?? names[0] ?? "a"),
        );
        const moves = balance(input);
        const homes = new Map([...input.rows].map(([lead, { owner }]) => [lead, moves.get(lead) ?? owner]));
        let needed = 0;
        for (const topology of TOPOLOGIES) {
          expect(spread(loads(input, homes, topology))).toBeLessThanOrEqual(1);
          const before = loads(input, new Map([...input.rows].map(([lead, { owner }]) => [lead, owner])), topology);
          const after = loads(input, homes, topology);
          needed += before.reduce((sum, count, i) => sum + Math.max(0, count - (after[i] ?? 0)), 0);
        }
        expect(moves.size).toBe(needed);
      }),
    );
  });

  it("is a plan of which each beginning makes it more even", () => {
    const input = situation(
      ["a", "b", "c"],
      Array.from({ length: 21 }, (_, i) => (i < 15 ? "a" : "b")),
    );
    const homes = new Map([...input.rows].map(([lead, { owner }]) => [lead, owner]));
    const apart = () => TOPOLOGIES.map((topology) => spread(loads(input, homes, topology)));

    for (const [lead, to] of balance(input)) {
      const before = apart();
      homes.set(lead, to);
      for (const [i, after] of apart().entries()) expect(after).toBeLessThanOrEqual(before[i] ?? 0);
    }
  });

  it("is found for tens of thousands of addresses, when a member joins", () => {
    const owners = Array.from({ length: 40_000 }, (_, i) => ["a", "b", "c"][i % 3] ?? "a");
    const input = situation(["a", "b", "c", "d"], owners);
    const moves = balance(input);
    expect([...new Set(moves.values())]).toEqual(["d"]);
    expect(Math.abs(moves.size - 10_000)).toBeLessThanOrEqual(TOPOLOGIES.length);
  });

  it("moves neither what is preferred nor what is pinned nor what is on its way", () => {
    expect(balance(situation(["a", "b"], ["a", "a", "a", "a"], ["a"])).size).toBe(0);
    const pinned = situation(["a", "b"], ["a", "a", "a", "a", "a", "a"]);
    for (const row of pinned.rows.values()) row.pin = "a";
    expect(balance(pinned).size).toBe(0);
    const moving = situation(["a", "b"], ["a", "a", "a", "a", "a", "a"]);
    for (const row of moving.rows.values()) row.phase = "releasing";
    expect(balance(moving).size).toBe(0);
  });
});
