import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openHeartbeat, ReplayGuard, sealHeartbeat } from "../../../src/group/embedded/heartbeat.js";

const key = new Uint8Array(32).fill(7);
const heartbeat = { name: "a", incarnation: 5, counter: 9 };

describe("a heartbeat", () => {
  it("opens with the key that sealed it, and with no other", () => {
    const sealed = sealHeartbeat(key, heartbeat);
    expect(openHeartbeat(key, sealed)).toEqual(heartbeat);
    expect(openHeartbeat(new Uint8Array(32), sealed)).toBeNull();
  });

  it("does not open when any byte of it is another, or missing", () => {
    const sealed = sealHeartbeat(key, heartbeat);
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.map((byte, at) => (at === i ? byte ^ 1 : byte));
      expect(openHeartbeat(key, changed)).toBeNull();
      expect(openHeartbeat(key, sealed.subarray(0, i))).toBeNull();
    }
  });

  it("never comes out of other bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => openHeartbeat(key, bytes) === null));
  });
});

describe("the guard against replay", () => {
  it("takes each heartbeat of the run that is followed once, and none that is older", () => {
    const guard = new ReplayGuard();
    guard.follow("a", 5);
    expect(guard.judge(heartbeat)).toBe("fresh");
    expect(guard.judge(heartbeat)).toBe("replayed");
    expect(guard.judge({ ...heartbeat, counter: 8 })).toBe("replayed");
    expect(guard.judge({ ...heartbeat, counter: 12 })).toBe("fresh");
  });

  it("is not reset by recordings of another run, nor by a new connection of the same one", () => {
    const guard = new ReplayGuard();
    guard.follow("a", 5);
    guard.judge(heartbeat);
    expect(guard.judge({ ...heartbeat, incarnation: 4 })).toBe("stray");
    guard.follow("a", 5);
    expect(guard.judge(heartbeat)).toBe("replayed");
    guard.follow("a", 6);
    expect(guard.judge({ ...heartbeat, incarnation: 6, counter: 1 })).toBe("fresh");
  });
});
