import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HealthySince } from "../../../src/core/ownership/healthy-since.js";
import { inWords, isDue, mostReluctant } from "../../../src/core/ownership/failback.js";
import type { Ownership } from "../../../src/core/ownership/ownership.js";
import { announcement } from "./clusters.js";

const at = (hour: number, minute = 0) => ({ healthyMs: 0, msOfDay: (hour * 60 + minute) * 60_000 });

describe("failback", () => {
  it("after some time counts the time that the node has been healthy", () => {
    expect(isDue("300", { healthyMs: 299_999, msOfDay: null })).toBe(false);
    expect(isDue("300", { healthyMs: 300_000, msOfDay: null })).toBe(true);
  });

  it("at a time of day begins with its first minute and ends before its last", () => {
    const due = (hour: number, minute: number) => isDue("02:00-04:30", at(hour, minute));
    expect([due(1, 59), due(2, 0), due(4, 29), due(4, 30)]).toEqual([false, true, true, false]);
  });

  it("at a time of day may go over midnight", () => {
    const due = (hour: number) => isDue("22:00-04:00", at(hour));
    expect([due(21), due(22), due(0), due(3), due(4)]).toEqual([false, true, true, true, false]);
  });

  it("at a time of day is never due where nobody has said what time it is", () => {
    expect(isDue("00:00-23:59", { healthyMs: 1e9, msOfDay: null })).toBe(false);
  });

  it("that a newer version has written is kept to as never", () => {
    expect(isDue("mondays", { healthyMs: 1e9, msOfDay: 0 })).toBe(false);
  });

  it("is the most reluctant of those that members have, in whatever order they are named", () => {
    const inOrder = ["immediate", "30", "300", "02:00-04:00", "03:00-04:00", "never"];
    const some = fc.subarray(inOrder, { minLength: 1 });
    fc.assert(
      fc.property(some, fc.nat(5), (failbacks, turn) => {
        const turned = [...failbacks.slice(turn), ...failbacks.slice(0, turn)];
        expect(mostReluctant(turned)).toBe(failbacks.at(-1));
      }),
    );
  });

  it("says in words when it is", () => {
    expect(["never", "300", "02:00-04:30"].map(inWords)).toEqual([
      "only by a move (failback = never)",
      "once that has been up for 300 s (failback)",
      "between 02:00 and 04:30 (failback)",
    ]);
  });
});

describe("the time that a member has been healthy", () => {
  const member = (draining = false) => {
    return {
      announcement: announcement([]),
      mature: true,
      leaving: false,
      damped: false,
      regains: false,
      health: { draining, paced: false, down: [] },
    };
  };
  const view = (members: Ownership["members"]) => ({ members, settled: true });

  it("begins when it is first seen so, and again after each drain and each absence", () => {
    const since = new HealthySince();
    since.look(view(new Map([["a", member()]])), 100);
    since.look(view(new Map([["a", member()]])), 200);
    expect(since.ms("a", 300)).toBe(200);
    since.look(view(new Map([["a", member(true)]])), 300);
    expect(since.ms("a", 400)).toBe(0);
    since.look(view(new Map([["a", member()]])), 400);
    expect(since.ms("a", 500)).toBe(100);
    since.look(view(new Map()), 500);
    since.look(view(new Map([["a", member()]])), 600);
    expect(since.ms("a", 700)).toBe(100);
  });

  it("goes on while the members announce themselves, when nothing is known of anybody", () => {
    const since = new HealthySince();
    since.look(view(new Map([["a", member()]])), 100);
    since.look({ ...view(new Map()), settled: false }, 200);
    expect(since.ms("a", 300)).toBe(200);
  });
});
