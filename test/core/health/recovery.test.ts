import { describe, expect, it } from "vitest";
import { Recovery } from "../../../src/core/health/recovery.js";

const T = "10.1.0.0/16";
const down = (recovery: Recovery) => recovery.reasons.has(T);

describe("a Topology that is not well", () => {
  it("counts as down at once, and as well two seconds after the last trouble", () => {
    const recovery = new Recovery();
    recovery.tell(T, "has no carrier", 0);
    expect(recovery.reasons.get(T)).toBe("has no carrier");
    recovery.tell(T, null, 1_000);
    recovery.tell(T, "has no carrier", 2_900);
    recovery.tell(T, null, 3_000);
    expect(recovery.deadline).toBe(5_000);
    recovery.tell(T, null, 4_999);
    expect(down(recovery)).toBe(true);
    recovery.tell(T, null, 5_000);
    expect(down(recovery)).toBe(false);
    expect(recovery.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it("waits twice as long each time that it did not last, up to ten minutes, and as at first once it did", () => {
    const recovery = new Recovery();
    const waits: number[] = [];
    let at = 0;
    const fall = () => {
      recovery.tell(T, "has no carrier", at);
      recovery.tell(T, null, at);
      waits.push(recovery.deadline - at);
      at = recovery.deadline;
      recovery.tell(T, null, at);
    };
    for (let i = 0; i < 11; i++) fall();
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600].map((s) => 1_000 * s));
    at += 6_000_000;
    fall();
    expect(waits.at(-1)).toBe(2_000);
  });

  it("waits as long as the trouble asks for at the least", () => {
    const recovery = new Recovery();
    recovery.tell(T, "does not greet", 0, 10_000);
    recovery.tell(T, null, 0);
    expect(recovery.deadline).toBe(10_000);
  });
});
