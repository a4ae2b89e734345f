import { describe, expect, it } from "vitest";
import { addressesToGive, DescriptorGuard, DescriptorWatch } from "../../src/node/descriptor-guard.js";
import type { NodeEvent } from "../../src/node/node.js";
import { poll } from "../../src/lab/poll.js";

describe("the watch over what is left of descriptors", () => {
  it("takes a burst for nothing, and is short once too few have been left for a second", () => {
    const watch = new DescriptorWatch();
    expect([watch.look(10, 0), watch.look(100, 500), watch.look(10, 1_000), watch.short]).toEqual([0, 0, 0, false]);
    expect([watch.look(10, 2_000), watch.short]).toEqual([54, true]);
  });

  it("makes room in steps while it is short, and is so until there has been enough for five seconds", () => {
    const watch = new DescriptorWatch();
    watch.look(0, 0);
    expect(watch.look(0, 1_000)).toBe(64);
    expect([watch.look(0, 1_500), watch.look(0, 2_000), watch.look(40, 3_000)]).toEqual([0, 64, 0]);
    watch.look(64, 4_000);
    watch.look(63, 8_000);
    watch.look(64, 8_500);
    expect([watch.look(64, 13_000), watch.short]).toEqual([0, true]);
    expect([watch.look(64, 13_500), watch.short]).toEqual([0, false]);
  });
});

describe("what a node that is short gives away", () => {
  const present = ["a", "b", "c", "d", "e"];

  it("is what holds the most connections, as much as is wanted and half at most", () => {
    const crowded = ["x", "d", "b", "a", "c"].map((address, i) => ({ address, connections: 50 - 10 * i }));
    expect(addressesToGive(present, crowded, 64)).toEqual(["d", "b"]);
    expect(addressesToGive(present, crowded, 30)).toEqual(["d"]);
    expect(addressesToGive(present, crowded, 900)).toEqual(["d", "b", "a"]);
    expect(addressesToGive(present, [], 30)).toEqual(["a", "b", "c"]);
  });
});

describe("a node whose descriptors run out", () => {
  async function run(others: boolean) {
    const events: NodeEvent[] = [];
    const given: string[] = [];
    const guard = new DescriptorGuard({
      mail: { crowded: async () => [{ address: "10.1.1.2", connections: 90 }] },
      sink: (event) => events.push(event),
      present: () => ["10.1.1.1", "10.1.1.2"],
      othersAreThere: () => others,
      giveUp: async (addresses) => void given.push(...addresses),
      descriptors: () => ({ open: 250, limit: 256 }),
    });
    guard.start();
    await poll(async () => (events.some(({ code }) => code === "descriptors-short") ? true : null), {
      everyMs: 20,
      limitMs: 20_000,
    });
    guard.stop();
    return { codes: events.map(({ code }) => code), given, refusal: guard.refusal() };
  }

  it("lets go of addresses and takes no more, where others are there", async () => {
    const { codes, given, refusal } = await run(true);
    expect(codes).toEqual(["descriptors-short", "descriptors-given-up"]);
    expect(given).toEqual(["10.1.1.2"]);
    expect(refusal).toBe("too few file descriptors are left");
  });

  it("says so and keeps what it has, where nobody else could have it", async () => {
    expect(await run(false)).toEqual({ codes: ["descriptors-short"], given: [], refusal: null });
  });
});
