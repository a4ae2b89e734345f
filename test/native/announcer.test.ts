import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Announcer } from "../../src/kernel/announcer.js";
import type { Link } from "../../src/kernel/types.js";

const LINK: Link = {
  index: 3,
  name: "eth1",
  altnames: [],
  mac: "02:00:00:00:00:0a",
  mtu: 1500,
  up: true,
  carrier: true,
  kind: null,
  master: 0,
};

interface Sent {
  readonly at: number;
  readonly address: string;
}

/** An announcer with a device that takes everything, on vitest's clock. */
function announcerAt(rate: number): { announcer: Announcer; sent: Sent[] } {
  const sent: Sent[] = [];
  const start = performance.now();
  const announcer = new Announcer(async (_link, mac, packed) => {
    expect([...mac]).toEqual([2, 0, 0, 0, 0, 10]);
    for (let i = 0; i < packed.length; i += 4) {
      sent.push({ at: performance.now() - start, address: packed.subarray(i, i + 4).join(".") });
    }
    return { sent: packed.length / 2, failed: 0 };
  }, rate);
  return { announcer, sent };
}

const range = (third: number, count: number) =>
  Array.from({ length: count }, (_, i) => `10.${third}.${i >> 8}.${i & 255}`);

describe("an announcement", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("goes out at once, and again in each round no sooner than 1.1 s after the last", async () => {
    const { announcer, sent } = announcerAt(10_000);
    announcer.announce(["10.1.1.1"], { link: LINK, rounds: 3 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent.map(({ address }) => address)).toEqual(["10.1.1.1", "10.1.1.1", "10.1.1.1"]);
    const times = sent.map(({ at }) => at);
    expect(times[0]).toBe(0);
    for (const i of [1, 2]) {
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(1100);
      expect(times[i]! - times[i - 1]!).toBeLessThan(1120);
    }
    expect(announcer.counters).toEqual({ arpFramesSent: 6, arpFramesFailed: 0, announceSkipped: 0 });
  });

  it("keeps all addresses together within the budget of frames", async () => {
    const { announcer, sent } = announcerAt(1000);
    announcer.announce(range(1, 1000), { link: LINK, rounds: 2 });
    announcer.announce(range(2, 1000), { link: LINK, rounds: 2 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sent).toHaveLength(4000);
    for (let from = 0; from < 8000; from += 500) {
      const frames = 2 * sent.filter(({ at }) => at >= from && at < from + 1000).length;
      expect(frames).toBeLessThanOrEqual(1000 + 50);
    }
    // Two frames an address, two rounds: 8,000 frames at 1,000/s, less what the burst at the start saves.
    expect(sent.at(-1)!.at).toBeGreaterThanOrEqual(7900);
    expect(sent.at(-1)!.at).toBeLessThanOrEqual(8200);
    const firstRounds = new Set(sent.slice(0, 2000).map(({ address }) => address));
    expect(firstRounds.size, "a repeated round went before a first one").toBe(2000);
  });

  it("of the latest request goes before what is still waiting", async () => {
    const { announcer, sent } = announcerAt(1000);
    announcer.announce(range(1, 1000), { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(500);
    const before = sent.length;
    announcer.announce(range(2, 10), { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(100);
    const next = sent.slice(before, before + 10).map(({ address }) => address);
    expect(next).toEqual(range(2, 10));
    await vi.advanceTimersByTimeAsync(5000);
    expect(new Set(sent.map(({ address }) => address)).size).toBe(1010);
    expect(sent).toHaveLength(1010);
  });

  it("stops for an address that leaves, and for that one alone", async () => {
    const { announcer, sent } = announcerAt(10_000);
    announcer.announce(["10.1.1.1", "10.1.1.2"], { link: LINK, rounds: 3 });
    await vi.advanceTimersByTimeAsync(500);
    announcer.cancel(["10.1.1.1"]);
    await vi.advanceTimersByTimeAsync(5000);
    const count = (wanted: string) => sent.filter(({ address }) => address === wanted).length;
    expect([count("10.1.1.1"), count("10.1.1.2")]).toEqual([1, 3]);
  });

  it("that is asked for again starts its rounds again and drops the old ones", async () => {
    const { announcer, sent } = announcerAt(10_000);
    announcer.announce(["10.1.1.1"], { link: LINK, rounds: 3 });
    await vi.advanceTimersByTimeAsync(1500);
    announcer.announce(["10.1.1.1"], { link: LINK, rounds: 3 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toHaveLength(2 + 3);
  });

  it("is skipped and counted for IPv6 and on an interface without a hardware address", async () => {
    const { announcer, sent } = announcerAt(10_000);
    announcer.announce(["fd00::1", "10.1.1.1"], { link: LINK, rounds: 1 });
    announcer.announce(["10.1.1.2"], { link: { ...LINK, mac: null }, rounds: 1 });
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.map(({ address }) => address)).toEqual(["10.1.1.1"]);
    expect(announcer.counters.announceSkipped).toBe(2);
  });

  it("leaves no timer behind once the announcer is closed", async () => {
    const { announcer, sent } = announcerAt(100);
    announcer.announce(range(1, 100), { link: LINK, rounds: 3 });
    await vi.advanceTimersByTimeAsync(200);
    await announcer.close();
    const before = sent.length;
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent).toHaveLength(before);
  });
});
