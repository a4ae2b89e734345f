import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { explain } from "../../../src/core/ownership/explain.js";
import { plan } from "../../../src/core/ownership/plan.js";
import { announcement, cluster, entry, homes, rest } from "./clusters.js";

const NAMES = ["a", "b", "c", "d"];

/** Entries of a small cluster: some prefer a node, some follow the one before, and not all members have all of them. */
const catalogues = fc
  .array(
    fc.record({
      preference: fc.option(fc.constantFrom(...NAMES), { freq: 2 }),
      follows: fc.boolean(),
      second: fc.boolean(),
      lacking: fc.option(fc.constantFrom(...NAMES), { freq: 6 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((drafts) => {
    const all = drafts.map(({ preference, follows, second, lacking }, i): { entry: Entry; lacking: string | null } => {
      const topology = second ? "10.2.0.0/24" : "10.1.0.0/24";
      const along = follows && i > 0 && drafts[i - 1]?.follows === false;
      const leads = along ? `10.0.0.${i}` : null;
      const own = { preference: along ? null : preference, follows: leads, topology };
      return { entry: entry(`10.0.0.${i + 1}`, own), lacking };
    });
    return (name: string) => all.filter(({ lacking }) => lacking !== name).map((one) => one.entry);
  });

interface Situation {
  readonly entries: (name: string) => readonly Entry[];
  readonly weights: readonly number[];
  readonly node: string;
  readonly pins: readonly { readonly at: number; readonly to: string }[];
}

const situation: fc.Arbitrary<Situation> = fc.record({
  entries: catalogues,
  weights: fc.tuple(...NAMES.map(() => fc.constantFrom(50, 100, 300))),
  node: fc.constantFrom(...NAMES),
  pins: fc.array(fc.record({ at: fc.nat(19), to: fc.constantFrom(...NAMES) }), { maxLength: 5 }),
});

function started(
  { entries, weights, pins }: typeof situation extends fc.Arbitrary<infer T> ? T : never,
  names = NAMES,
) {
  const said = new Map(
    names.map((name) => [name, announcement(entries(name), { weight: weights[NAMES.indexOf(name)] ?? 100 })]),
  );
  const { ownership } = cluster(said);
  for (const { at, to } of pins) {
    const lead = [...ownership.rows.keys()][at];
    if (lead !== undefined && names.includes(to))
      ownership.deliver(to, { kind: "move", command: 1, lead, to, forMs: 0 });
  }
  rest(ownership);
  return ownership;
}

/** No member is damped here. */
const never = () => ({ calmMs: 0, regainsMs: 0 });

describe("a plan", () => {
  it("of a death is what then happens, and leaves everything as it is", () => {
    fc.assert(
      fc.property(situation, (given) => {
        const ownership = started(given);
        const before = homes(ownership);
        const planned = plan(ownership, { kind: "die", node: given.node });
        expect(homes(ownership)).toEqual(before);
        const stayed = NAMES.filter((name) => name !== given.node);
        ownership.enter({ seq: 2, leader: stayed[0] ?? "", members: stayed, stayed, quorate: true });
        if (!ownership.settled) return; // Only announcements tell who has what; the simulator follows that way.
        rest(ownership);
        const after = { ...before, ...Object.fromEntries(planned.moves.map(({ address, to }) => [address, to])) };
        for (const [address, home] of Object.entries(homes(ownership)))
          expect([address, home]).toEqual([address, after[address]]);
        for (const { node, after: load } of planned.loads)
          expect(load).toBe([...ownership.rows.values()].filter(({ owner }) => owner === node).length);
      }),
    );
  });

  it("of a drain is what then happens", () => {
    fc.assert(
      fc.property(situation, (given) => {
        const ownership = started(given);
        const before = homes(ownership);
        const { moves } = plan(ownership, { kind: "drain", node: given.node });
        ownership.deliver(given.node, { kind: "health", draining: true, paced: false, down: [] });
        rest(ownership);
        const after = { ...before, ...Object.fromEntries(moves.map(({ address, to }) => [address, to])) };
        expect(homes(ownership)).toEqual(after);
      }),
    );
  });

  it("of a join is what then happens", () => {
    fc.assert(
      fc.property(situation, (given) => {
        const others = NAMES.filter((name) => name !== given.node);
        const even = { ...given, weights: NAMES.map(() => 100) };
        const ownership = started(even, others);
        const before = homes(ownership);
        const { moves } = plan(ownership, { kind: "join", node: given.node, entries: given.entries(given.node) });
        const after = { ...before, ...Object.fromEntries(moves.map(({ address, to }) => [address, to])) };
        const said = new Map(
          NAMES.map((name) => {
            const claims = Object.entries(before)
              .filter(([, home]) => home === name)
              .map(([address]) => ({
                address,
                epoch: 1,
                releasing: false,
                pinned: isPinned(address, name),
                pinnedMs: 0,
              }));
            return [name, announcement(given.entries(name), { claims, mature: name !== given.node })];
          }),
        );
        function isPinned(address: string, name: string): boolean {
          const vip = ownership.definitions.vips.get(address);
          return ownership.rows.get(vip?.follows ?? address)?.pin === name || ownership.rows.get(address)?.pin === name;
        }
        const joined = cluster(said).ownership;
        joined.deliver("a", { kind: "mature", members: NAMES });
        rest(joined);
        for (const [address, home] of Object.entries(homes(joined)))
          expect([address, home]).toEqual([address, after[address] ?? null]);
      }),
    );
  });

  it("of a configuration with one address more gives that a home, and moves nothing else", () => {
    const entries = [entry("10.0.0.1"), entry("10.0.0.2")];
    const { ownership } = cluster(new Map(["a", "b"].map((name) => [name, announcement(entries)])));
    rest(ownership);

    const { moves } = plan(ownership, { kind: "config", node: "a", entries: [...entries, entry("10.0.0.3")] });
    expect(moves.map(({ address, from }) => [address, from])).toEqual([["10.0.0.3", null]]);
    const [first] = plan(ownership, { kind: "config", node: "a", entries: entries.slice(1) }).moves;
    expect(first).toMatchObject({ address: "10.0.0.1", to: null });
  });

  it("of the last member's death leaves nobody", () => {
    const { ownership } = cluster(new Map([["a", announcement([entry("10.0.0.1")])]]));
    rest(ownership);

    expect(plan(ownership, { kind: "die", node: "a" }).moves).toEqual([{ address: "10.0.0.1", from: "a", to: null }]);
  });
});

describe("an explanation", () => {
  const entries = [
    entry("10.0.0.1", { preferences: ["b"] }),
    entry("10.0.0.2", { follows: "10.0.0.1" }),
    entry("10.0.0.3"),
  ];
  function two() {
    const { ownership } = cluster(new Map(["a", "b"].map((name) => [name, announcement(entries)])));
    rest(ownership);
    return ownership;
  }

  it("names the rule, and what would happen without the owner", () => {
    expect(explain(two(), "10.0.0.2", never)).toMatchObject({
      lead: "10.0.0.1",
      home: "b",
      rule: "preferred",
      because: "b is its preferred node",
      otherwise: ["Without b it would go to a.", '"cluster duravip move 10.0.0.1 to a" would pin it there.'],
    });
  });

  it("says of each member why it may not have the address", () => {
    const ownership = two();
    ownership.deliver("b", { kind: "drain" });
    rest(ownership);

    expect(explain(ownership, "10.0.0.1", never)).toMatchObject({
      home: "a",
      rule: "stays",
      because: "a got it by load, and nothing calls it away; the preferred b is leaving",
      candidates: [
        { node: "a", within: 2, total: 2, weight: 100, out: null },
        { node: "b", within: 0, total: 0, weight: 100, out: "is leaving" },
      ],
      otherwise: ["Once b can have it, it goes there.", "Without a it would go to nobody."],
    });
  });

  it("tells of a pin, and of what nobody configures", () => {
    const ownership = two();
    ownership.deliver("a", { kind: "move", command: 1, lead: "10.0.0.1", to: "a", forMs: 0 });
    rest(ownership);

    expect(explain(ownership, "10.0.0.1", never)).toMatchObject({
      home: "a",
      rule: "pinned",
      because: "a move pinned it to a",
    });
    expect(explain(ownership, "10.9.9.9", never)).toBeNull();
  });

  it("of a broken address says so", () => {
    const torn = [entry("10.0.0.1", { names: ["x"] }), entry("10.0.0.2", { names: ["x"] })];
    const { ownership } = cluster(new Map([["a", announcement(torn)]]));

    expect(explain(ownership, "10.0.0.1", never)).toMatchObject({ home: null, rule: "broken" });
  });
});
