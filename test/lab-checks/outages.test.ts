import { describe, expect, it } from "vitest";
import { outages, spread } from "../../src/lab/outages.js";
import type { ProbeEvent } from "../../src/lab/prober.js";

const A = "10.1.1.1";
const bad = (since: number): ProbeEvent => ({ event: "bad", address: A, reason: "no answer", since, at: since + 40 });
const good = (node: string, since: number): ProbeEvent => ({ event: "good", address: A, node, since, at: since + 100 });
const BEFORE = new Map([[A, "n1"]]);

describe("an outage", () => {
  it("lasts from the first connection that failed to the first that was greeted", () => {
    expect(outages([bad(1_000), good("n2", 1_030)], BEFORE)).toEqual([
      { address: A, from: "n1", to: "n2", acceptingMs: 30, answeringMs: 130 },
    ]);
  });

  it("counts from the fault where the fault hit the address's home", () => {
    const fault = { at: 990, addresses: [A] };
    expect(outages([bad(1_000), good("n2", 1_030)], BEFORE, fault)).toMatchObject([
      { acceptingMs: 40, answeringMs: 140 },
    ]);
  });

  it("adds up when the address goes away again", () => {
    const events = [bad(1_000), good("n2", 1_030), bad(2_000), good("n3", 2_010)];
    expect(outages(events, BEFORE)).toMatchObject([{ to: "n3", acceptingMs: 40, answeringMs: 240 }]);
  });

  it("has no end while the address is still away", () => {
    expect(outages([bad(1_000)], BEFORE)).toEqual([
      { address: A, from: "n1", to: null, acceptingMs: null, answeringMs: null },
    ]);
  });

  it("is too short to be seen where an address changes its node without failing", () => {
    expect(outages([good("n2", 1_000)], BEFORE)).toMatchObject([{ from: "n1", to: "n2", acceptingMs: 0 }]);
  });
});

describe("the spread of values", () => {
  it("is their least, middle and greatest", () => {
    expect(spread([30, 10, 20])).toEqual({ min: 10, median: 20, max: 30 });
  });

  it("is null for none", () => {
    expect(spread([])).toBeNull();
  });
});
