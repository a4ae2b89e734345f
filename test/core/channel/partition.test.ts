import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Row } from "../../../src/core/channel/frames.js";
import { componentOf, mutual } from "../../../src/core/channel/partition.js";
import { NO_ROUND, type RoundId } from "../../../src/core/channel/round.js";

const [v0, v1, v2, v3] = [9, 1, 2, 3].map((counter): RoundId => ({ counter, coordinator: "a", incarnation: 1 }));

/** @param reach names of one letter. */
function row(
  name: string,
  reach: string,
  view = NO_ROUND,
  promised = view,
  passed: readonly RoundId[] = [],
  past: readonly RoundId[] = [],
): Row {
  return {
    name,
    incarnation: 1,
    version: 1,
    reach: new Map(reach.split("").map((peer) => [peer, 1])),
    view,
    promised,
    passed,
    past,
  };
}

/** The whole partition, as "ac b". */
function partition(rows: readonly Row[]): string {
  return [...new Set(rows.map((row) => componentOf(row.name, rows).join("")))].sort().join(" ");
}

describe("the partition", () => {
  it("puts all that reach each other together", () => {
    expect(partition([row("c", "ab"), row("a", "bc"), row("b", "ac")])).toBe("abc");
  });

  it("counts a link only when both sides have it", () => {
    expect(partition([row("a", "b"), row("b", "")])).toBe("a b");
  });

  it("counts a link only to the run that the other side's row is of", () => {
    const rows = [row("a", "bc"), row("b", "ac"), row("c", "ab")];
    expect(partition([...rows.slice(0, 2), { ...rows[2]!, incarnation: 2 }])).toBe("ab c");
  });

  it("keeps companions together when somebody comes who reaches only some of them", () => {
    expect(partition([row("a", "c"), row("b", "c", v1), row("c", "ab", v1)])).toBe("a bc");
  });

  it("lets somebody in once he reaches all", () => {
    expect(partition([row("a", "bc"), row("b", "ac", v1), row("c", "ab", v1)])).toBe("abc");
  });

  it("takes from a view the badly connected node", () => {
    const rows = [row("a", "e", v1), row("b", "cde", v1), row("c", "bde", v1), row("d", "bce", v1)];
    expect(partition([...rows, row("e", "abcd", v1)])).toBe("a bcde");
  });

  it("knows companions also while some have the next view and others wait for it", () => {
    // a reaches c and d, but not b, which has the new view already.
    const rows = [row("a", "cd"), row("b", "cd", v2), row("c", "abd", v1, v2), row("d", "abc", v1, v2)];
    expect(partition(rows)).toBe("a bcd");
  });

  it("knows companions also while only some have promised the next view", () => {
    const rows = [row("a", "cd"), row("b", "cd", v1, v2), row("c", "abd", v1), row("d", "abc", v1)];
    expect(partition(rows)).toBe("a bcd");
  });

  it("knows companions also when some have the next view and others have gone on to promise the one after", () => {
    // c made b's view possible, and has answered a since; of a, which starts anew, b knows only that it reached c.
    const b = row("b", "ac", v2, v2, [], [v1!]);
    expect(partition([row("a", "c", NO_ROUND, v3), b, row("c", "ab", v1, v3, [v2!])])).toBe("a bc");
  });

  it("ties nobody to a view that he answered for on his way from elsewhere, once he has answered another", () => {
    // e, which starts, was asked by a and c first, and then by b and d, and reaches all of them; a does not reach b yet.
    const first = [row("a", "ce", v2), row("c", "abe", v2), row("b", "cde", v3), row("d", "be", v3)];
    expect(partition([...first, row("e", "abcd", NO_ROUND, v3, [v2!])])).toBe("ac bde");
  });

  it("lets nobody come between companions by a proposal, be it his first or not", () => {
    expect(partition([row("a", "c", NO_ROUND, v2), row("b", "c", v1), row("c", "ab", v1, v2)])).toBe("a bc");
    expect(partition([row("a", "c", v1, v3), row("b", "c", v2), row("c", "ab", v2, v3)])).toBe("a bc");
  });

  it("keeps who has just come to a view in it, though another of its members has answered a proposal without him", () => {
    // Seen by all but d before it answered a: b is in v2 with d and e, and e does not reach c.
    const b = [row("b", "acde", v2, v2, [], [v1!]), row("d", "abce", v1, v3, [v2!]), row("e", "abd", v2)];
    expect(partition([row("a", "bcde", v0, v3), row("c", "abd", v0), ...b])).toBe("ac bde");
  });

  it("knows companions also where all but the coordinator wait for their first view", () => {
    const waiting = [row("b", "acd", NO_ROUND, v2), row("c", "bd", NO_ROUND, v2), row("d", "bc", NO_ROUND, v2)];
    expect(partition([row("a", "b", v2), ...waiting])).toBe("a bcd");
  });

  it("lets the larger company take its choice of those without one", () => {
    expect(partition([row("a", "b"), row("b", "acd"), row("c", "bd", v1), row("d", "bc", v1)])).toBe("a bcd");
  });

  it("is the same whatever order the rows come in, has everybody once, and only cliques", () => {
    const names = "abcdef".split("");
    const round = fc.constantFrom(NO_ROUND, v1!, v2!);
    const one = (name: string) =>
      fc.record({
        name: fc.constant(name),
        reach: fc.subarray(names),
        view: round,
        promised: round,
        passed: fc.array(round, { maxLength: 2 }),
        past: fc.array(round, { maxLength: 2 }),
      });
    const graph = fc.tuple(...names.map(one));
    fc.assert(
      fc.property(graph, fc.nat(), (drawn, turn) => {
        const rows = drawn.map((row) => ({
          ...row,
          incarnation: 1,
          version: 1,
          reach: new Map(row.reach.map((peer) => [peer, 1])),
        }));
        const turned = rows.map((_, i) => rows[(i + turn) % rows.length]!).toReversed();
        const parts = new Set(rows.map((row) => componentOf(row.name, rows).join("")));
        expect([...parts].join("").split("").sort()).toEqual(names);
        for (const row of rows) {
          const part = componentOf(row.name, rows);
          expect(componentOf(row.name, turned)).toEqual(part);
          expect(part).toContain(row.name);
          const others = rows.filter((other) => part.includes(other.name) && other !== row);
          expect(others.every((other) => mutual(row, other))).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
