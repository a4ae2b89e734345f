import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dampedMembers, FlapCounter } from "../../../src/core/ownership/flaps.js";

const HALF_LIFE_MS = 300_000;

function flapped(times: number, apartMs: number): FlapCounter {
  const flaps = new FlapCounter(HALF_LIFE_MS);
  for (let i = 0; i < times; i++) flaps.departed("x", i * apartMs);
  return flaps;
}

describe("a member that goes without leaving", () => {
  it("is damped from the third time on in a short time, and not from twice, nor from once an hour", () => {
    const damped = (times: number, apartMs: number) =>
      dampedMembers([flapped(times, apartMs).told((times - 1) * apartMs)]).has("x");
    expect([1, 2, 3, 4].map((times) => damped(times, 10_000))).toEqual([false, false, true, true]);
    expect(damped(50, 3_600_000)).toBe(false);
  });

  it("is calm again at the latest two half-lives after the last time, however often it went", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 100 }), fc.integer({ min: 1, max: 60_000 }), (times, apartMs) => {
        const flaps = flapped(times, apartMs);
        const last = (times - 1) * apartMs;
        if (!dampedMembers([flaps.told(last)]).has("x")) return;
        const calmMs = flaps.calmAt("x") - last;
        expect(calmMs).toBeGreaterThan(HALF_LIFE_MS);
        expect(calmMs).toBeLessThanOrEqual(2 * HALF_LIFE_MS);
      }),
    );
  });

  it("is damped for what the one who saw most of it says, and all know so from then on", () => {
    const told = [[{ member: "x", penalty: 3_000 }], [{ member: "x", penalty: 500 }], []];
    expect([...dampedMembers(told)]).toEqual(["x"]);
    const newcomer = new FlapCounter(HALF_LIFE_MS);
    newcomer.settle(told, 1_000);
    expect(newcomer.told(1_000)).toEqual([{ member: "x", penalty: 3_000 }]);
    expect(newcomer.told(1_000 + HALF_LIFE_MS)).toEqual([{ member: "x", penalty: 1_500 }]);
  });

  it("does not count where nobody wants that, and what a peer makes up counts no more than the most there is", () => {
    const off = new FlapCounter(0);
    for (let i = 0; i < 10; i++) off.departed("x", i);
    expect(off.told(10)).toEqual([]);
    const flaps = new FlapCounter(HALF_LIFE_MS);
    flaps.settle([[{ member: "x", penalty: Number.MAX_SAFE_INTEGER }]], 0);
    expect(flaps.calmAt("x")).toBe(2 * HALF_LIFE_MS);
  });
});
