import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressesIn, formatIpv4 } from "../../src/core/address.js";
import { parseRanges } from "../../src/core/address-ranges.js";
import { EventLimiter, type LimitedEvent, type LogLine, WINDOW_MS } from "../../src/daemon/event-limiter.js";

function rival(mac: string, address: string, frames = 1): LimitedEvent {
  return { code: "vip-rival", level: "warn", facts: { mac, addresses: address, frames, defences: 1 } };
}

interface Written extends LogLine {
  readonly at: number;
}

/** Events with their times through a limiter, and what is left at the end; `due` is asked when it is due. */
function play(events: readonly (readonly [at: number, event: LimitedEvent])[]): Written[] {
  const limiter = new EventLimiter();
  const written: Written[] = [];
  for (const [at, event] of events) {
    while (limiter.deadline <= at) {
      const { deadline } = limiter;
      written.push(...limiter.due(deadline).map((line) => ({ ...line, at: deadline })));
    }
    const line = limiter.offer(event, at);
    if (line !== null) written.push({ ...line, at });
  }
  return [...written, ...limiter.flush().map((line) => ({ ...line, at: Number.POSITIVE_INFINITY }))];
}

const standsFor = ({ facts }: LogLine) => (typeof facts["merged"] === "number" ? facts["merged"] : 1);

const flood = fc
  .array(
    fc.record({
      wait: fc.integer({ min: 0, max: 700 }),
      code: fc.constantFrom("vip-rival", "vip-lost", "view"),
      level: fc.constantFrom("info", "warn"),
      peer: fc.integer({ min: 0, max: 40 }),
      host: fc.integer({ min: 0, max: 30 }),
    }),
    { maxLength: 300 },
  )
  .map((all) => {
    let at = 0;
    return all.map(({ wait, code, level, peer, host }): [number, LimitedEvent] => {
      const facts = { peer: `n${peer}`, addresses: formatIpv4(0x0a_01_01_00 + host), count: 1 };
      return [(at += wait), { code, level, facts }];
    });
  });

describe("the limiter of events", () => {
  it("writes the first of a class at once and the others of its second as one line, with sums and ranges", () => {
    const events = Array.from({ length: 1_030 }, (_, i): [number, LimitedEvent] => [
      i * 0.5,
      rival(`02:00:00:00:00:0${i % 3}`, `10.1.1.${(i % 60) + 1}`, 2),
    ]);
    expect(play(events)).toEqual([
      {
        at: 0,
        code: "vip-rival",
        level: "warn",
        facts: { mac: "02:00:00:00:00:00", addresses: "10.1.1.1", frames: 2, defences: 1 },
      },
      {
        at: Number.POSITIVE_INFINITY,
        code: "vip-rival",
        level: "warn",
        facts: {
          mac: ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:00"],
          addresses: "10.1.1.1-10.1.1.60",
          frames: 2_058,
          defences: 1,
          merged: 1_029,
        },
      },
    ]);
  });

  it("writes at most one line a second for each class, and seventeen for each code and level", () => {
    fc.assert(
      fc.property(flood, (events) => {
        const lines = play(events).filter(({ at }) => at !== Number.POSITIVE_INFINITY);
        for (const { at, code, level } of lines) {
          const near = lines.filter(
            (line) => line.code === code && line.level === level && line.at >= at && line.at < at + WINDOW_MS,
          );
          expect(near.length).toBeLessThanOrEqual(17);
          const peers = near.filter(({ facts }) => facts["merged"] === undefined).map(({ facts }) => facts["peer"]);
          expect(new Set(peers).size).toBeGreaterThanOrEqual(peers.length - 1);
        }
      }),
    );
  });

  it("loses no event and no address", () => {
    fc.assert(
      fc.property(flood, (events) => {
        const lines = play(events);
        expect(lines.reduce((sum, line) => sum + standsFor(line), 0)).toBe(events.length);
        expect(lines.reduce((sum, { facts }) => sum + Number(facts["count"]), 0)).toBe(events.length);
        const texts = lines.map(({ facts }) => String(facts["addresses"])).join(" ");
        const said = new Set(addressesIn(parseRanges(texts) ?? []));
        expect(said).toEqual(new Set(events.map(([, { facts }]) => facts["addresses"])));
      }),
    );
  });

  it("keeps members apart, and shows four examples of what else differs", () => {
    const event = (peer: string, reason: string): LimitedEvent => ({
      code: "peer-lost",
      level: "warn",
      facts: { peer, reason },
    });
    const reasons = ["a", "b", "c", "d", "e", "f"].map((reason): [number, LimitedEvent] => [1, event("n1", reason)]);
    expect(play([[0, event("n1", "x")], [0, event("n2", "x")], ...reasons]).map(({ facts }) => facts)).toEqual([
      { peer: "n1", reason: "x" },
      { peer: "n2", reason: "x" },
      { peer: "n1", reason: ["a", "b", "c", "d", "..."], merged: 6 },
    ]);
  });

  it("merges nothing of the mail log", () => {
    const delivery: LimitedEvent = { code: "delivery", level: "info", facts: { id: "1" } };
    expect(
      play([
        [0, delivery],
        [0, delivery],
        [0, delivery],
      ]),
    ).toHaveLength(3);
  });

  it("cuts long facts, and says how much is missing", () => {
    const sparse = Array.from({ length: 1_000 }, (_, i) => formatIpv4(0x0a_00_00_00 + 2 * i)).join(" ");
    const [line] = play([
      [0, { code: "vip-lost", level: "warn", facts: { addresses: sparse, reason: "r".repeat(3_000) } }],
    ]);
    const shown = String(line?.facts["addresses"]).split(" ");
    expect(String(line?.facts["addresses"]).length).toBeLessThanOrEqual(2_000);
    expect(shown.length + Number(line?.facts["addressesLeftOut"])).toBe(1_000);
    expect(line?.facts["reason"]).toMatch(/^r{2000}\.\.\. \(1000 more characters\)$/);
  });

  it("stays small whatever comes", () => {
    const limiter = new EventLimiter();
    for (let i = 0; i < 100_000; i++) limiter.offer(rival(`mac ${i}`, formatIpv4(0x0a_00_00_00 + 2 * i)), 0);
    const [line] = limiter.flush();
    expect(JSON.stringify(line).length).toBeLessThan(4_000);
    const shown = String(line?.facts["addresses"]).split(" ").length;
    expect(shown + Number(line?.facts["addressesLeftOut"])).toBe(99_999);
  });
});
