import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Beacon, Fence, Lease, type LeaseTerms } from "../../../src/core/ownership/lease.js";
import { isQuorate } from "../../../src/core/quorum.js";

const TERMS: LeaseTerms = { peers: ["a", "b", "c"], leaseMs: 1_000, clockDriftMax: 0.01 };

function leaseOf(self: string, terms = TERMS): Lease {
  const lease = new Lease(self, terms);
  lease.enter(1);
  return lease;
}

/** What `from` would say that has heard so much of a. */
function answer(heard: number, different: Partial<Beacon> = {}): Beacon {
  return { view: 1, number: 1, heard: [{ member: "a", number: heard }], ...different };
}

describe("a lease", () => {
  it("lasts from the time when what a majority has answered was made, and not from the answer", () => {
    const lease = leaseOf("a");
    const beacon = lease.beacon(5_000);
    expect(lease.hear("a", beacon)).toBe(false);
    lease.beacon(5_200);
    expect(lease.hear("b", answer(1))).toBe(true);

    expect(lease.end).toBe(6_000);
  });

  it("is renewed by the latest beacon that enough have answered, whoever they are", () => {
    const lease = leaseOf("a", { ...TERMS, peers: ["a", "b", "c", "d", "e"] });
    for (const at of [100, 200, 300]) lease.hear("a", lease.beacon(at));
    lease.hear("b", answer(3));
    expect(lease.end).toBe(Number.NEGATIVE_INFINITY);
    lease.hear("d", answer(2));

    expect(lease.end).toBe(1_200);
  });

  it.each([
    ["an answer of another view", "b", answer(1, { view: 2 })],
    ["an answer to what was never said", "b", answer(2)],
    ["a beacon that answers nobody", "b", answer(1, { heard: [] })],
    ["an answer of somebody who is no peer", "z", answer(1)],
  ])("is not begun by %s", (_, from, beacon) => {
    const lease = leaseOf("a");
    lease.hear("a", lease.beacon(0));

    expect(lease.hear(from, beacon)).toBe(false);
  });

  it("forgets with each view what was answered in the one before", () => {
    const lease = leaseOf("a");
    lease.hear("a", lease.beacon(0));
    lease.hear("b", answer(1));
    lease.enter(2);
    lease.hear("a", lease.beacon(500));

    expect(lease.hear("b", answer(0, { view: 2 }))).toBe(false);
    expect(lease.end).toBe(1_000);
  });

  it("of a node without peers is renewed by itself", () => {
    const lease = leaseOf("a", { ...TERMS, peers: ["a"] });
    lease.hear("a", lease.beacon(700));

    expect(lease.end).toBe(1_700);
  });
});

describe("a fence", () => {
  it("outlasts every lease of whoever is left behind, however the clocks run", () => {
    const rate = fc.double({ min: 0.99, max: 1.01, noNaN: true });
    fc.assert(
      fc.property(rate, rate, fc.integer({ min: 500, max: 600_000 }), (holder, taker, leaseMs) => {
        const parted = 1_000; // True time of the last answer, by which the latest proof was made.
        const leaseEnds = parted + leaseMs / holder;
        const fence = new Fence({ ...TERMS, leaseMs });
        fence.parted(parted * taker);
        expect(fence.until / taker).toBeGreaterThan(leaseEnds + leaseMs * 0.2);
      }),
    );
  });

  it("counts the longest lease of anybody that it has met", () => {
    const fence = new Fence(TERMS);
    fence.met(60_000, 0, 0);
    fence.parted(0);

    expect(fence.until).toBeGreaterThan(60_000);
  });

  it("stands as long as that of a member that it meets, stretched by the drift of both clocks", () => {
    const fence = new Fence(TERMS);
    fence.met(1_000, 800, 10_000);

    expect(fence.until).toBeCloseTo(10_000 + (800 * 1.01) / 0.99);
  });
});

describe("a quorum", () => {
  it("has a member in common with every other", () => {
    const peers = ["c", "a", "d", "b"];
    const sets = Array.from({ length: 16 }, (_, bits) => peers.filter((_, i) => (bits >> i) & 1));
    const quorums = sets.filter((set) => isQuorate(set, peers));

    expect(quorums.length).toBe(8);
    for (const one of quorums) for (const other of quorums) expect(one.some((peer) => other.includes(peer))).toBe(true);
  });

  it("of two is the first by name, with or without the other", () => {
    expect(isQuorate(["n1"], ["n2", "n1"])).toBe(true);
    expect(isQuorate(["n2"], ["n2", "n1"])).toBe(false);
  });

  it("does not count who is no peer", () => {
    expect(isQuorate(["a", "y", "z"], ["a", "b", "c"])).toBe(false);
  });
});
