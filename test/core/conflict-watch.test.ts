import { describe, expect, it } from "vitest";
import {
  ConflictWatch,
  DEFEND_INTERVAL_MS,
  MOST_GIVEN,
  REPEAT_INTERVAL_MS,
  REPEATS,
  type Rival,
} from "../../src/core/conflict-watch.js";

const A = "10.1.1.1";
const B = "10.1.1.2";
const MAC = "02:00:00:00:00:0c";
const rival = (address: string, mac = MAC): Rival => ({ kind: "rival", address, mac });
const member = (address: string): Rival => ({ kind: "rival", address, mac: MAC, member: true });
const nothing = { defend: [], give: [] };

describe("the conflict watch", () => {
  it("defends an address at once, then at most once in ten seconds", () => {
    const watch = new ConflictWatch({ limit: 3, action: "defend" });
    expect(watch.hear([rival(A)], 0)).toEqual({ defend: [A], give: [] });
    expect(watch.wait(0)).toBe(Number.POSITIVE_INFINITY);
    expect(watch.hear([rival(A)], 4000)).toEqual(nothing);
    expect(watch.wait(4000)).toBe(DEFEND_INTERVAL_MS - 4000);
    expect(watch.due(9999)).toEqual(nothing);
    expect(watch.due(10_000)).toEqual({ defend: [A], give: [] });
    expect(watch.due(30_000), "the rival has been silent since").toEqual(nothing);
  });

  it("judges each address by itself", () => {
    const watch = new ConflictWatch({ limit: 3, action: "defend" });
    watch.hear([rival(A)], 0);
    expect(watch.hear([rival(A), rival(B)], 5000)).toEqual({ defend: [B], give: [] });
  });

  it("goes on for ever where it is to defend", () => {
    const watch = new ConflictWatch({ limit: 2, action: "defend" });
    for (let i = 0; i < 10; i++) {
      expect(watch.hear([rival(A)], i * DEFEND_INTERVAL_MS)).toEqual({ defend: [A], give: [] });
      expect(watch.defences(A)).toBe(i + 1);
    }
  });

  it("gives an address up after its defences were in vain where it is to yield", () => {
    const watch = new ConflictWatch({ limit: 2, action: "yield" });
    expect(watch.hear([rival(A)], 0)).toEqual({ defend: [A], give: [] });
    expect(watch.hear([rival(A)], 10_000)).toEqual({ defend: [A], give: [] });
    expect(watch.hear([rival(A)], 15_000)).toEqual(nothing);
    expect(watch.due(20_000)).toEqual({ defend: [], give: [A] });
    expect(watch.due(60_000)).toEqual(nothing);
  });

  it("counts anew after a quiet minute, and for an address that has gone meanwhile", () => {
    const watch = new ConflictWatch({ limit: 1, action: "yield" });
    expect(watch.hear([rival(A), rival(B)], 0)).toEqual({ defend: [A, B], give: [] });
    watch.forget([B]);
    expect(watch.hear([rival(B)], 10_000)).toEqual({ defend: [B], give: [] });
    expect(watch.hear([rival(A)], 60_000)).toEqual({ defend: [A], give: [] });
  });

  it("has the last word against a member, whose late frames are no conflict and never make it yield", () => {
    const watch = new ConflictWatch({ limit: 1, action: "yield" });
    expect(watch.hear([member(A)], 0)).toEqual({ defend: [A], give: [] });
    expect(watch.hear([member(A)], 500)).toEqual(nothing);
    expect(watch.wait(500)).toBe(REPEAT_INTERVAL_MS - 500);
    expect(watch.due(REPEAT_INTERVAL_MS)).toEqual({ defend: [A], give: [] });
    expect(watch.hear([member(A)], 30_000)).toEqual({ defend: [A], give: [] });
    expect(watch.defences(A)).toBe(0);
  });

  it("holds nothing of what was heard before it was cleared against what comes after", () => {
    const watch = new ConflictWatch({ limit: 3, action: "defend" });
    watch.hear([rival(A)], 0);
    watch.hear([rival(A)], 100);
    watch.clear();
    expect(watch.wait(100)).toBe(Number.POSITIVE_INFINITY);
    expect(watch.hear([rival(A)], 200)).toEqual({ defend: [A], give: [] });
  });

  it("gives nothing up to a crowd: only what one and the same rival claims at every defence", () => {
    const watch = new ConflictWatch({ limit: 2, action: "yield" });
    for (let i = 0; i < 10; i++) {
      expect(watch.hear([rival(A, `02:00:00:00:01:0${i}`)], i * DEFEND_INTERVAL_MS)).toEqual({ defend: [A], give: [] });
    }
    expect(watch.defences(A)).toBe(10);
    expect(watch.hear([rival(A, "02:00:00:00:01:09")], 100_000).give, "one defence against this one").toEqual([]);
    expect(watch.hear([rival(A, "02:00:00:00:01:09")], 110_000).give).toEqual([A]);
  });

  it("gives up no more than a few addresses in an interval, and defends the others", () => {
    const watch = new ConflictWatch({ limit: 1, action: "yield" });
    const all = Array.from({ length: 200 }, (_, i) => rival(`10.1.2.${i}`));
    watch.hear(all, 0);
    const { give, defend } = watch.hear(all, 10_000);
    expect([give.length, defend.length]).toEqual([MOST_GIVEN, 200 - MOST_GIVEN]);
    watch.forget(give);
    const left = all.filter(({ address }) => !give.includes(address));
    expect(watch.hear(left, 15_000).give).toEqual([]);
    expect(watch.due(20_000).give).toHaveLength(MOST_GIVEN);
  });

  it("deals with a member that never ends as slowly as with a host outside", () => {
    const watch = new ConflictWatch({ limit: 1, action: "yield" });
    for (let i = 0; i < REPEATS; i++) {
      expect(watch.hear([member(A)], i * REPEAT_INTERVAL_MS)).toEqual({ defend: [A], give: [] });
    }
    const last = (REPEATS - 1) * REPEAT_INTERVAL_MS;
    expect(watch.hear([member(A)], last + REPEAT_INTERVAL_MS)).toEqual(nothing);
    expect(watch.due(last + DEFEND_INTERVAL_MS)).toEqual({ defend: [A], give: [] });
  });

  it("does nothing about those who only ask whether an address is free", () => {
    const watch = new ConflictWatch({ limit: 1, action: "yield" });
    expect(watch.hear([{ ...rival(A), kind: "prober" }], 0)).toEqual(nothing);
  });
});
