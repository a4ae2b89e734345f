import { describe, expect, it } from "vitest";
import { Activity } from "../../src/mail/activity.js";

function used(uses: Record<string, number>): Activity {
  const activity = new Activity();
  for (const [address, times] of Object.entries(uses)) for (let i = 0; i < times; i++) activity.used(address);
  return activity;
}

describe("the activity of addresses", () => {
  it("is told by levels, the busiest first", () => {
    expect(used({ "10.1.0.1": 1, "10.1.0.2": 9, "10.1.0.3": 15, "10.1.0.4": 2 }).take(10)).toEqual([
      { level: 3, addresses: ["10.1.0.2", "10.1.0.3"] },
      { level: 1, addresses: ["10.1.0.4"] },
      { level: 0, addresses: ["10.1.0.1"] },
    ]);
  });

  it("names no more than were asked for, and leaves out those that are used least", () => {
    expect(used({ "10.1.0.1": 1, "10.1.0.2": 8, "10.1.0.3": 9, "10.1.0.4": 16 }).take(2)).toEqual([
      { level: 4, addresses: ["10.1.0.4"] },
      { level: 3, addresses: ["10.1.0.2"] },
    ]);
  });

  it("fades: what is not used any more is forgotten in the end", () => {
    const activity = used({ "10.1.0.1": 5 });
    expect(Array.from({ length: 4 }, () => activity.take(10)[0]?.level)).toEqual([2, 1, 0, undefined]);
  });

  it("does not outlive the service of the address", () => {
    const activity = used({ "10.1.0.1": 5, "10.1.0.2": 1 });
    activity.forget("10.1.0.1");
    expect(activity.take(10)).toEqual([{ level: 0, addresses: ["10.1.0.2"] }]);
  });
});
