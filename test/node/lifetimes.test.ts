import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Hands } from "../../src/core/ownership/hands.js";
import { Lifetimes } from "../../src/node/lifetimes.js";
import type { Term } from "../../src/node/plumber.js";

const FOR_EVER = Number.POSITIVE_INFINITY;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

function lifetimes(held: readonly string[], { count = 3, dad = false } = {}) {
  const hands = new Hands();
  for (const address of held) hands.acquired(address);
  const until = new Map<string, number>();
  const extended: { addresses: readonly string[]; term: Term }[] = [];
  const plumbed: { addresses: readonly string[]; term: Term }[] = [];
  const log: string[] = [];
  const answer = { reason: null as string | null, wait: Promise.resolve() };
  const plumber = {
    plumb: async (addresses: readonly string[], term: Term) => {
      plumbed.push({ addresses, term });
      return [];
    },
    extend: async (addresses: readonly string[], term: Term) => {
      extended.push({ addresses, term });
      await answer.wait;
      return answer.reason === null ? [] : [{ address: addresses[0] ?? "", reason: answer.reason, foreign: false }];
    },
  };
  const core = { hands, until: (address: string) => until.get(address) ?? FOR_EVER };
  const sink = ({ code }: { readonly code: string }) => void log.push(code);
  const tested = new Lifetimes({ plumber, core, count, dad, sink });
  return { tested, until, extended, plumbed, log, answer };
}

/** What is done by promises alone is done. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe("lifetimes", () => {
  it("are those of each address, as long as its lease lasts and no longer, when it is plumbed", async () => {
    const { tested, until, plumbed } = lifetimes([]);
    const now = performance.now();
    until.set("10.1.1.1", now + 1_900);
    await tested.plumb(["10.1.1.1", "10.1.1.2"]);
    expect(plumbed).toEqual([
      { addresses: ["10.1.1.1"], term: { leased: true, notAfter: now + 1_900, validUntil: now + 1_900 } },
      { addresses: ["10.1.1.2"], term: { leased: false, notAfter: FOR_EVER, validUntil: now + 120_000 } },
    ]);
  });

  it("without a lease are renewed three times in their time, of what is held alone", async () => {
    const { tested, until, extended } = lifetimes(["10.1.1.1", "10.1.1.2"]);
    until.set("10.1.1.1", performance.now() + 1_900);
    tested.start();
    await vi.advanceTimersByTimeAsync(40_001);
    await settled();
    expect(extended.map(({ addresses }) => addresses)).toEqual([["10.1.1.2"]]);
    tested.stop();
    await vi.advanceTimersByTimeAsync(400_000);
    expect(extended).toHaveLength(1);
  });

  it("are extended one at a time, and to the last of what is said meanwhile", async () => {
    const { tested, extended, answer } = lifetimes([]);
    let go = () => {};
    answer.wait = new Promise((resolve) => (go = resolve));
    for (const until of [1_000, 2_000, 3_000]) tested.extend(["10.1.1.1"], performance.now() + until);
    expect(extended).toHaveLength(1);
    go();
    await settled();
    expect(extended.map(({ term }) => Math.round(term.notAfter - performance.now()))).toEqual([1_000, 3_000]);
  });

  it("last ten times as long as a renewal takes, and longer where that must take its time", async () => {
    const { tested, extended, answer } = lifetimes([]);
    let go = () => {};
    answer.wait = new Promise((resolve) => (go = resolve));
    tested.extend(["10.1.1.1"], performance.now() + 2_000);
    vi.advanceTimersByTime(1_500);
    go();
    await settled();
    tested.extend(["10.1.1.1"], performance.now() + 2_000);
    expect(extended[1]?.term.validUntil).toBe(performance.now() + 15_000);
    expect(extended[1]?.term.notAfter).toBe(performance.now() + 2_000);

    const termOf = async (options: { count?: number; dad?: boolean }) => {
      const other = lifetimes([], options);
      other.until.set("10.1.1.1", performance.now() + 2_000);
      await other.tested.plumb(["10.1.1.1", "10.1.1.2"]);
      return other.plumbed.map(({ term }) => Math.round(term.validUntil - performance.now()));
    };
    expect(await termOf({ count: 20_000 })).toEqual([20_000, 480_000]);
    expect(await termOf({ dad: true })).toEqual([30_000, 120_000]);
  });

  it("that cannot be extended are told once, until they can be again", async () => {
    const { tested, log, answer } = lifetimes([]);
    answer.reason = "No buffer space available";
    for (let i = 0; i < 3; i++) {
      tested.extend(["10.1.1.1"], FOR_EVER);
      await settled();
    }
    expect(log).toEqual(["lifetime-not-extended"]);
    answer.reason = null;
    tested.extend(["10.1.1.1"], FOR_EVER);
    await settled();
    answer.reason = "again";
    tested.extend(["10.1.1.1"], FOR_EVER);
    await settled();
    expect(log).toHaveLength(2);
  });
});
