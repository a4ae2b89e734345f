import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatMapped, MAPPED_BYTES } from "../../src/kernel/address.js";
import { Announcer } from "../../src/kernel/announcer.js";
import { Budget } from "../../src/kernel/budget.js";
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
  readonly told: string;
}

const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** An announcer with a device that takes everything, on vitest's clock. `hosts` are who is known on the LAN. */
function announcerAt(rate: number, refreshMs = 0, hosts: () => string[] | null = () => []) {
  const sent: Sent[] = [];
  const lookups: number[] = [];
  const start = performance.now();
  const announcer = new Announcer(
    async (_link, mac, to, packed) => {
      expect([...mac]).toEqual([2, 0, 0, 0, 0, 10]);
      const told = Array.from({ length: to.length / 6 }, (_, i) =>
        [...to.subarray(6 * i, 6 * i + 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
      );
      let frames = 0;
      for (let i = 0; i < packed.length; i += MAPPED_BYTES) {
        const address = formatMapped(packed, i);
        sent.push({ at: performance.now() - start, address, told: told.join(" ") });
        frames += told.length * (address.includes(":") ? 1 : 2);
      }
      return { sent: frames, failed: 0 };
    },
    async () => {
      lookups.push(performance.now() - start);
      return hosts();
    },
    new Budget(rate, performance.now()),
    refreshMs,
  );
  return { announcer, sent, lookups };
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
    expect(announcer.counters).toEqual({ announceFramesSent: 6, announceFramesFailed: 0, announceSkipped: 0 });
  });

  it("is not repeated while it is hushed, nor later where it was cancelled meanwhile; what is new goes", async () => {
    const { announcer, sent } = announcerAt(10_000, 4_000);
    announcer.announce(["10.1.1.1", "10.1.1.2"], { link: LINK, rounds: 3 });
    await vi.advanceTimersByTimeAsync(500);
    announcer.hush(true);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sent, "a round or a refresh went").toHaveLength(2);
    announcer.announce(["10.1.1.3"], { link: LINK, rounds: 2 });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sent.slice(2).map(({ address }) => address)).toEqual(["10.1.1.3"]);
    announcer.cancel(["10.1.1.1"]);
    announcer.hush(false);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(sent.slice(3).filter(({ address }) => address === "10.1.1.1")).toEqual([]);
    expect(sent.slice(3).filter(({ address }) => address === "10.1.1.2").length).toBeGreaterThanOrEqual(2);
    await announcer.close();
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

  it("is skipped and counted on an interface without a hardware address", async () => {
    const { announcer, sent } = announcerAt(10_000);
    announcer.announce(["10.1.1.2", "fd00::1"], { link: { ...LINK, mac: null }, rounds: 1 });
    await vi.advanceTimersByTimeAsync(100);
    expect(sent).toEqual([]);
    expect(announcer.counters.announceSkipped).toBe(2);
  });

  it("keeps the order of its addresses of both families, in which IPv6 takes one frame for two", async () => {
    const { announcer, sent } = announcerAt(1000);
    const mixed = range(1, 500).flatMap((address, i) => [address, `fd00::${(i + 1).toString(16)}`]);
    announcer.announce(mixed, { link: LINK, rounds: 2 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent.map(({ address }) => address)).toEqual([...mixed, ...mixed]);
    expect(announcer.counters.announceFramesSent).toBe(3000);
    expect(sent.at(-1)!.at).toBeGreaterThanOrEqual(2900);
    expect(sent.at(-1)!.at).toBeLessThanOrEqual(3200);
  });

  it("of very many addresses is taken in over several turns, in their order, and none that was cancelled goes out", async () => {
    const { announcer, sent } = announcerAt(10_000_000);
    const many = range(1, 20_000);
    announcer.announce(many, { link: LINK, rounds: 1 });
    announcer.cancel(many.slice(10_000));
    announcer.announce(range(2, 1), { link: LINK, rounds: 1 });
    const before = sent.map(({ address }) => address);
    expect(before.length).toBeLessThan(20_000);
    await vi.advanceTimersByTimeAsync(1000);
    const after = sent.map(({ address }) => address).slice(before.length);
    expect(before).toEqual(many.slice(0, before.length));
    expect(after).toEqual([...range(2, 1), ...many.slice(before.length, 10_000)]);
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

describe("a refresh", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("announces every address once a period, spread evenly over it", async () => {
    const { announcer, sent } = announcerAt(10_000, 60_000);
    announcer.announce(range(1, 600), { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(60_500);
    const first = sent.slice(600, 1200);
    expect(new Set(first.map(({ address }) => address)).size).toBe(600);
    // 10 a second, one or the other on this side of the second's end or on that.
    for (let from = 0; from < 60_000; from += 1000) {
      const within = first.filter(({ at }) => at >= from && at < from + 1000).length;
      expect(within).toBeGreaterThanOrEqual(9);
      expect(within).toBeLessThanOrEqual(11);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(new Set(sent.slice(1200, 1800).map(({ address }) => address)).size).toBe(600);
  });

  it("never comes where the period is 0, and needs no timer then", async () => {
    const { announcer, sent } = announcerAt(10_000, 0);
    announcer.announce(["10.1.1.1"], { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(vi.getTimerCount()).toBe(0);
    expect(sent).toHaveLength(1);
  });

  it("stops for an address that leaves, and goes on for the others", async () => {
    const { announcer, sent } = announcerAt(10_000, 10_000);
    announcer.announce(range(1, 4), { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(25_000);
    announcer.cancel(["10.1.0.1", "10.1.0.3"]);
    const before = sent.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(new Set(sent.slice(before).map(({ address }) => address))).toEqual(new Set(["10.1.0.0", "10.1.0.2"]));
    expect(sent.slice(before)).toHaveLength(4);
    announcer.cancel(range(1, 4));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits while anything else is to be announced, and has its share of the same budget", async () => {
    const { announcer, sent } = announcerAt(1000, 10_000);
    announcer.announce(range(1, 10_000), { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(15_000);
    announcer.announce(range(2, 1000), { link: LINK, rounds: 2 });
    await vi.advanceTimersByTimeAsync(30_000);
    // 500 addresses a second, so the period cannot be kept: 20 s for the first round, of which 5 were to come.
    const count = (third: string) => sent.filter(({ address }) => address.startsWith(`10.${third}.`)).length;
    const urgent = sent.findIndex(({ address }) => address.startsWith("10.2."));
    expect(new Set(sent.slice(urgent, urgent + 1000).map(({ address }) => address)).size).toBe(1000);
    expect(count("1")).toBeGreaterThan(10_000);
    for (let from = 0; from < 45_000; from += 500) {
      const frames = 2 * sent.filter(({ at }) => at >= from && at < from + 1000).length;
      expect(frames).toBeLessThanOrEqual(1000 + 50);
    }
  });

  it("is not made up for after the process was stopped", async () => {
    const { announcer, sent } = announcerAt(10_000, 10_000);
    announcer.announce(range(1, 1000), { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(2000);
    const before = sent.length;
    const real = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => real() + 600_000);
    await vi.advanceTimersByTimeAsync(50);
    expect(sent.length - before).toBeLessThanOrEqual(1 + 1000 / 100);
    vi.restoreAllMocks();
  });

  it("takes a new address in, and drops none, while addresses come and go", async () => {
    const { announcer, sent } = announcerAt(10_000, 1000);
    announcer.announce(range(1, 500), { link: LINK, rounds: 1 });
    for (let turn = 0; turn < 20; turn++) {
      await vi.advanceTimersByTimeAsync(100);
      announcer.cancel(range(1, 500).slice(turn * 20, turn * 20 + 10));
      announcer.announce([`10.3.0.${turn}`], { link: LINK, rounds: 1 });
    }
    const before = sent.length;
    await vi.advanceTimersByTimeAsync(1100);
    const left = range(1, 500).filter((_, i) => i >= 400 || i % 20 >= 10);
    expect(new Set(sent.slice(before).map(({ address }) => address))).toEqual(new Set([...left, ...range(3, 20)]));
  });
});

describe("an announcement to known hosts only", () => {
  const A = "02:00:00:00:00:01";
  const B = "02:00:00:00:00:02";
  const toKnown = { link: LINK, rounds: 1, allHosts: false };
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("goes to each of them, and one to all goes to the broadcast address", async () => {
    const { announcer, sent } = announcerAt(10_000, 0, () => [A, B]);
    announcer.announce(["10.1.1.1"], toKnown);
    announcer.announce(["10.1.1.2"], { link: LINK, rounds: 1 });
    await vi.advanceTimersByTimeAsync(100);
    expect(sent).toMatchObject([
      { address: "10.1.1.2", told: BROADCAST },
      { address: "10.1.1.1", told: `${A} ${B}` },
    ]);
    expect(announcer.counters.announceFramesSent).toBe(2 + 4);
  });

  it("finds who is known anew for each round and each refresh, and not for each address", async () => {
    let known: string[] | null = [];
    const { announcer, sent, lookups } = announcerAt(10_000, 5000, () => known);
    announcer.announce(range(1, 100), { ...toKnown, rounds: 2 });
    await vi.advanceTimersByTimeAsync(500);
    expect(sent.every(({ told }) => told === "")).toBe(true);
    known = [A];
    await vi.advanceTimersByTimeAsync(1500);
    expect(sent.at(-1)?.told).toBe(A);
    known = null; // The kernel does not answer: who was known is told all the same.
    await vi.advanceTimersByTimeAsync(3000);
    expect(sent.at(-1)?.told).toBe(A);
    known = [B];
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent.at(-1)?.told).toBe(B);
    for (const [i, at] of lookups.slice(1).entries()) expect(at - lookups[i]!).toBeGreaterThanOrEqual(1000);
  });

  it("takes its frames, one pair a host, from the same budget", async () => {
    const hosts = Array.from({ length: 100 }, (_, i) => `02:00:00:00:01:${i.toString(16).padStart(2, "0")}`);
    const { announcer, sent } = announcerAt(1000, 0, () => hosts);
    announcer.announce(range(1, 50), toKnown);
    await vi.advanceTimersByTimeAsync(20_000);
    // 200 frames an address, more than the budget ever holds: 5 addresses a second.
    expect(sent).toHaveLength(50);
    expect(sent.at(-1)!.at).toBeGreaterThanOrEqual(9500);
    expect(sent.at(-1)!.at).toBeLessThanOrEqual(10_500);
  });

  it("reaches besides who the caller names, each host once and never itself, and one to all goes to them too", async () => {
    const { announcer, sent } = announcerAt(10_000, 0, () => [A]);
    const hosts = [A, B, B, LINK.mac!].map((mac, i) => ({ address: `10.9.0.${i}`, mac }));
    announcer.announce(["10.1.1.1"], { ...toKnown, hosts });
    await vi.advanceTimersByTimeAsync(100);
    announcer.announce(["10.1.1.2"], { link: LINK, rounds: 1, hosts });
    await vi.advanceTimersByTimeAsync(100);
    expect(sent).toMatchObject([
      { address: "10.1.1.1", told: `${A} ${B}` },
      { address: "10.1.1.2", told: `${BROADCAST} ${A} ${B}` },
    ]);
    expect(announcer.counters.announceFramesSent).toBe(2 * (2 + 3));
  });

  it("is not sent for an address that leaves while the kernel is asked who is known", async () => {
    const { announcer, sent } = announcerAt(10_000, 0, () => [A]);
    announcer.announce(["10.1.1.1", "10.1.1.2"], toKnown);
    announcer.cancel(["10.1.1.1"]);
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.map(({ address }) => address)).toEqual(["10.1.1.2"]);
  });
});
