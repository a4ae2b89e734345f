import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAddresses, formatAddress, formatIpv4 } from "../../../src/core/address.js";
import { ByteReader, ByteWriter, Malformed } from "../../../src/core/wire/bytes.js";
import { decodeMessage, encodeMessage, type WireMessage } from "../../../src/core/wire/messages.js";

const block = fc.constantFrom("", "20010db80000000000000000", "20010db80000000000000001");
const address = fc.record({ block, offset: fc.nat(0xffffffff) }).map(formatAddress);
/** What a set comes back as: each address once, in the order of numbers. */
const set = fc.uniqueArray(address, { maxLength: 40 }).map((list) => list.sort(compareAddresses));
const text = fc.string({ maxLength: 12, unit: "grapheme" });
const uint = fc.maxSafeNat();
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte, i) => (i === 0 ? byte & ~1 : byte).toString(16).padStart(2, "0")).join(":"));

/** What claims come back as: by kind, and there by address. */
const claims = fc
  .tuple(set, set)
  .map(([kept, releasing]) => [
    ...kept.map((one, i) => ({ address: one, epoch: 2 ** 40 - i, releasing: false, pinned: false, pinnedMs: 0 })),
    ...releasing.map((one, i) => ({ address: one, epoch: i, releasing: true, pinned: true, pinnedMs: i + 1 })),
  ]);

const message: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("announce" as const),
    incarnation: uint,
    version: text,
    endpoint: fc.record({ host: text, port: fc.nat(65535) }),
    mature: fc.boolean(),
    leaving: fc.boolean(),
    balanceSetSize: uint,
    weight: fc.integer({ min: 1, max: 1000 }),
    leaseMs: uint,
    fenceMs: uint,
    health: fc.record({ draining: fc.boolean(), paced: fc.boolean(), down: fc.array(fc.string()) }),
    flaps: fc.array(fc.record({ member: text, penalty: uint }), { maxLength: 3 }),
    speaks: fc.record({ least: uint, most: uint }),
    table: fc.nat(0xffffffff),
    catalogue: text,
    known: fc.array(text, { maxLength: 4 }),
    claims,
    doubts: fc.array(text, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("mature" as const), members: fc.array(text) }),
  fc.record({ kind: fc.constant("calm" as const), members: fc.array(text), regaining: fc.array(text) }),
  fc.record({ kind: fc.constant("request" as const), calm: fc.array(text), unpin: set }),
  fc.record({ kind: fc.constant("try" as const), topologies: fc.array(text) }),
  fc.record({ kind: fc.constant("balance" as const), moves: fc.array(fc.record({ to: text, leads: set })) }),
  fc.record({ kind: fc.constantFrom("released", "owned", "ready", "unpin"), leads: set }),
  fc.record({ kind: fc.constant("refused" as const), leads: set, reason: text }),
  fc.record({ kind: fc.constant("move" as const), command: uint, lead: address, to: text, forMs: uint }),
  fc.record({ kind: fc.constantFrom("drain", "lapsed", "check", "diverged") }),
  fc.record({ kind: fc.constant("digest" as const), table: fc.nat(0xffffffff) }),
  fc.record({ kind: fc.constant("catalogue" as const), bytes: fc.uint8Array() }),
  fc.record({
    kind: fc.constant("part" as const),
    number: uint,
    index: uint,
    last: fc.boolean(),
    bytes: fc.uint8Array(),
  }),
  fc.record({
    kind: fc.constant("beacon" as const),
    view: uint,
    number: uint,
    heard: fc.array(fc.record({ member: text, number: uint })),
  }),
  fc.record({ kind: fc.constant("hardware" as const), macs: fc.array(mac, { maxLength: 256 }) }),
  fc.record({
    kind: fc.constant("hearing" as const),
    hearing: fc.array(
      fc.record({ topology: text, addresses: fc.array(address, { maxLength: 4 }), heard: fc.array(text) }),
    ),
  }),
  fc.record({
    kind: fc.constant("share" as const),
    neighbours: fc.array(fc.record({ block: text, hosts: fc.array(fc.record({ address, mac })) })),
    busy: fc.array(fc.record({ level: fc.nat(52), addresses: set })),
  }),
);

describe("a message", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
      }),
    );
  });

  it("is refused when it ends too early, and read as far as it is known when it ends later", () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (sent, at) => {
        const bytes = encodeMessage(sent);
        expect(decodeMessage(bytes.subarray(0, Math.floor(at * bytes.length)))).toBeNull();
        expect(decodeMessage(Uint8Array.of(...bytes, 0))).toEqual(sent); // A field of a newer version.
      }),
    );
  });

  it("about health is read without reasons where its sender has none to say", () => {
    const health = { kind: "health", draining: false, paced: true, down: ["10.1.0.0/16"] } as const;
    const reasons = [{ topology: "10.1.0.0/16", reason: "has no carrier" }];
    const bytes = encodeMessage({ ...health, reasons });
    const old = encodeMessage({ ...health, reasons: [] }).slice(0, -1);

    expect(decodeMessage(bytes)).toEqual({ ...health, reasons });
    expect(decodeMessage(old)).toEqual({ ...health, reasons: [] });
    expect(decodeMessage(bytes.subarray(0, -1))).toBeNull();
  });

  it("of a kind that only another version knows is unknown", () => {
    for (const kind of [22, 27, 200]) expect(decodeMessage(Uint8Array.of(kind))).toBe("unknown");
  });

  it("never makes the decoder throw, whatever the bytes", () => {
    fc.assert(
      fc.property(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (sent, changes) => {
        const bytes = encodeMessage(sent);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decodeMessage(bytes);
      }),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeMessage(bytes)));
  });

  it("carries names of any length that a configuration may hold", () => {
    const name = "x".repeat(5_000);
    const sent: WireMessage = { kind: "move", command: 1, lead: "10.0.0.1", to: name, forMs: 0 };

    expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
  });

  it("takes a few bytes for thousands of neighbouring addresses", () => {
    const leads = Array.from({ length: 10_000 }, (_, i) => formatIpv4(0x0a000001 + i));

    expect(encodeMessage({ kind: "owned", leads }).length).toBeLessThan(14);
  });

  it("takes a bit for each of thousands of addresses of which every other one is meant", () => {
    const leads = Array.from({ length: 10_000 }, (_, i) => formatIpv4(0x0a000000 + 2 * i));

    expect(encodeMessage({ kind: "owned", leads }).length).toBeLessThan(2_600);
  });

  /** A set in one block of IPv4, as its form and what is behind it. */
  const owned = (form: number, write: (out: ByteWriter) => void) => {
    const inner = new ByteWriter();
    write(inner);
    const out = new ByteWriter().byte(4).uint(1).uint(0).byte(form);
    return form === 0 ? out.bytes(inner.finish()).finish() : Uint8Array.of(...out.finish(), ...inner.finish());
  };

  it.each([
    [
      "stand for more addresses than any table has",
      owned(0, (out) =>
        out
          .uint(1)
          .uint(0)
          .uint(2 ** 21),
      ),
    ],
    [
      "stand for more than that in two ranges",
      owned(0, (out) =>
        out
          .uint(2)
          .uint(0)
          .uint(2 ** 20)
          .uint(0)
          .uint(1),
      ),
    ],
    ["go beyond the last address", owned(0, (out) => out.uint(1).uint(0xffffffff).uint(2))],
    ["go beyond the last address bit by bit", owned(1, (out) => out.uint(0xffffffff).bytes(Uint8Array.of(3)))],
    ["are of no known form", owned(2, (out) => out.uint(0))],
  ])("is refused when the bytes of a set %s", (_, bytes) => {
    expect(decodeMessage(bytes)).toBeNull();
  });

  it("of a kind that only a newer version has is no fault", () => {
    expect(decodeMessage(Uint8Array.of(200, 1, 2, 3))).toBe("unknown");
    expect(decodeMessage(new Uint8Array())).toBeNull();
  });
});

describe("a number", () => {
  it("below zero comes back", () => {
    const signed = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -200, max: 200 }));
    fc.assert(
      fc.property(signed, (value) => {
        expect(new ByteReader(new ByteWriter().int(value).finish()).int() === value).toBe(true);
      }),
    );
  });

  it.each([0, 0x7f, 0x80, 2 ** 32, Number.MAX_SAFE_INTEGER])("of %d comes back", (value) => {
    expect(new ByteReader(new ByteWriter().uint(value).finish()).uint()).toBe(value);
  });

  it.each([
    ["above what the reader allows", new ByteWriter().uint(10).finish(), 9],
    ["above 2^53-1", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), undefined],
    ["of too many bytes", Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0), undefined],
  ])("%s is refused", (_, bytes, max) => {
    expect(() => new ByteReader(bytes).uint(max)).toThrow(Malformed);
  });
});

describe("a text", () => {
  it("that is not UTF-8 is refused", () => {
    expect(() => new ByteReader(Uint8Array.of(1, 0xff)).string()).toThrow(Malformed);
  });
});
