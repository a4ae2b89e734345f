import { describe, expect, it } from "vitest";
import { formatIpv4 } from "../../src/core/address.js";
import type { Entry } from "../../src/core/catalogue/catalogue.js";
import type { NodeInput, NodeOutput } from "../../src/core/io.js";
import { NodeCore } from "../../src/core/node.js";
import { SLICE, type Slices } from "../../src/core/slices.js";
import { owned } from "../../src/core/ownership/table.js";
import { decodingCatalogue, encodeCatalogue } from "../../src/core/wire/catalogue.js";
import { decodeMessage, encodeMessage } from "../../src/core/wire/messages.js";
import { vip } from "../sim/scenario.js";

const MEMBERS = ["a", "b"];
const VIPS = 20 * SLICE;
const ENTRIES: Entry[] = Array.from({ length: VIPS }, (_, i) =>
  vip(1, { address: formatIpv4(0x0a010000 + i), names: [`v${i}`], policy: "strict" }),
);

function core(): NodeCore {
  return new NodeCore({
    self: "a",
    incarnation: 1,
    version: "0.1.0",
    endpoint: { host: "192.0.2.1", port: 4802 },
    entries: ENTRIES,
    balanceSetSize: 0,
    weight: 100,
    viewMatureTimeMs: 1_000,
    viewBalanceIntervalMs: 2_000,
    flapHalfLifeMs: 0,
    audit: true,
    drainRate: 0,
    peers: MEMBERS,
    leaseMs: 2_000,
    clockDriftMax: 0.01,
  });
}

/** Node a up to the message that makes its table, by which it is to have all that b does not claim. */
function aboutToSettle(): { core: NodeCore; last: NodeInput } {
  const a = core();
  const view = { seq: 1, leader: "a", members: MEMBERS, stayed: ["a"], quorate: true };
  const said = a.step({ kind: "view", at: 0, view }).flatMap((output) => (output.kind === "multicast" ? output : []));
  const own = said.map(({ payload }) => ({ payload, message: decodeMessage(payload) }));
  const announce = own.find(({ message }) => message !== null && message !== "unknown" && message.kind === "announce");
  if (announce === undefined || typeof announce.message !== "object" || announce.message?.kind !== "announce")
    throw new Error("a has not announced itself");
  for (const { payload } of own) a.step({ kind: "message", at: 1, from: "a", payload });
  const claims = ENTRIES.slice(0, VIPS / 2).map(({ address }) => {
    return { address, epoch: 1, releasing: false, pinned: false, pinnedMs: 0 };
  });
  const payload = encodeMessage({ ...announce.message, mature: true, claims });
  return { core: a, last: { kind: "message", at: 2, from: "b", payload } };
}

function slicesOf<T>(work: Slices<T>, between: () => void): { result: T; slices: number } {
  for (let slices = 1; ; slices++) {
    const { done, value } = work.next();
    if (done === true) return { result: value, slices };
    between();
  }
}

/** Kinds of the messages among them. */
function said(outputs: readonly NodeOutput[]): unknown[] {
  return outputs.flatMap((output) => {
    const message = output.kind === "multicast" ? decodeMessage(output.payload) : null;
    return message === null || message === "unknown" ? [] : [message.kind];
  });
}

describe("a table that is made anew", () => {
  it("is made in slices that grow in number and not in size, and comes out the same as at once", () => {
    const [atOnce, sliced] = [aboutToSettle(), aboutToSettle()];
    const expected = atOnce.core.step(atOnce.last);
    const { result, slices } = slicesOf(sliced.core.stepping(sliced.last), () => {});

    expect(result).toEqual(expected);
    expect(sliced.core.ownership.digest).toBe(atOnce.core.ownership.digest);
    // Names, order, definitions, units, claims, rows, loads, placement, homes: each of them walks all addresses.
    expect(slices).toBeGreaterThan((8 * VIPS) / SLICE);
  });

  it("is the old one or the new one to whoever looks in between", () => {
    const { core: a, last } = aboutToSettle();
    const seen = new Set<string>();
    slicesOf(a.stepping(last), () => {
      const { settled, rows, definitions, loads } = a.ownership;
      seen.add(`${settled} ${rows.size} ${definitions.units.size} ${loads.within("b", "10.1.0.0/16")}`);
    });

    expect([...seen].slice(0, 2)).toEqual([`false 0 0 0`, `true ${VIPS} ${VIPS} ${VIPS / 2}`]);
  });
});

describe("what walks through all addresses besides", () => {
  const manySlices = VIPS / SLICE - 1;

  it.each(["mature", "calm"] as const)("is in slices: members that are %s", (kind) => {
    const { core: a, last } = aboutToSettle();
    a.step(last);
    a.ownership.members.get("b")!.damped = true;
    const payload = encodeMessage({ kind, members: MEMBERS, regaining: [] });
    const { slices } = slicesOf(a.stepping({ kind: "message", at: 3, from: "a", payload }), () => {});
    expect(slices).toBeGreaterThan(manySlices);
  });

  it("is in slices: a plan of balance", () => {
    const { core: a, last } = aboutToSettle();
    a.step(last);
    a.step({ kind: "message", at: 3, from: "a", payload: encodeMessage({ kind: "mature", members: MEMBERS }) });
    for (const [lead, row] of a.ownership.rows) a.ownership.loads.change(lead, () => owned(row, row.target ?? ""));
    const { slices } = slicesOf(a.stepping({ kind: "wake", at: 10_000 }), () => {});
    expect(slices).toBeGreaterThan(manySlices);
  });

  it("is in slices: a catalogue that comes from another node", () => {
    const { result, slices } = slicesOf(decodingCatalogue(encodeCatalogue(ENTRIES)), () => {});
    expect(result).toEqual(ENTRIES);
    expect(slices).toBeGreaterThan(manySlices);
  });
});

describe("a lease that ends while a long step is under way", () => {
  it("is over before that step takes anything", () => {
    const answered = (elapsedTo: number) => {
      const { core: a, last } = aboutToSettle();
      a.step(last);
      const beacon = (from: string, number: number) =>
        encodeMessage({ kind: "beacon", view: 1, number, heard: from === "b" ? [{ member: "a", number: 1 }] : [] });
      for (const from of MEMBERS) a.step({ kind: "message", at: 3, from, payload: beacon(from, 1) });
      a.step({ kind: "message", at: 4, from: "a", payload: encodeMessage({ kind: "mature", members: MEMBERS }) });
      const lapsed = encodeMessage({ kind: "lapsed" });
      const work = a.stepping({ kind: "message", at: 5, from: "b", payload: lapsed });
      return said(slicesOf(work, () => a.elapsed(elapsedTo)).result);
    };

    expect(answered(6)).not.toContain("lapsed");
    expect(answered(10_000)).toContain("lapsed");
  });
});
