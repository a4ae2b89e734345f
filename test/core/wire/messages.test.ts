import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAddresses, formatAddress, formatIpv4 } from "../../../src/core/address.js";
import { POLICIES } from "../../../src/core/ownership/policy.js";
import { ByteReader, ByteWriter, Malformed } from "../../../src/core/wire/bytes.js";
import { decodeMessage, encodeMessage, type OwnershipMessage } from "../../../src/core/wire/messages.js";

const block = fc.constantFrom("", "20010db80000000000000000", "20010db80000000000000001");
const address = fc.record({ block, offset: fc.nat(0xffffffff) }).map(formatAddress);
/** What a set comes back as: each address once, in the order of numbers. */
const set = fc.uniqueArray(address, { maxLength: 40 }).map((list) => list.sort(compareAddresses));
const text = fc.string({ maxLength: 12, unit: "grapheme" });
const uint = fc.maxSafeNat();

const entry = fc.record({
  address,
  names: fc.array(text, { maxLength: 3 }),
  services: fc.array(text, { maxLength: 3 }),
  preference: fc.option(fc.string({ minLength: 1, maxLength: 8 })),
  follows: fc.option(address),
  topology: text,
  policy: fc.constantFrom(...POLICIES),
});
const claim = fc.record({ address, epoch: uint, releasing: fc.boolean(), pinned: fc.boolean() });

const message: fc.Arbitrary<OwnershipMessage> = fc.oneof(
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
    entries: fc.array(entry, { maxLength: 8 }),
    claims: fc.array(claim, { maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant("mature" as const), members: fc.array(text) }),
  fc.record({ kind: fc.constant("balance" as const), moves: fc.array(fc.record({ to: text, leads: set })) }),
  fc.record({ kind: fc.constantFrom("released", "owned", "ready"), leads: set }),
  fc.record({ kind: fc.constant("refused" as const), leads: set, reason: text }),
  fc.record({ kind: fc.constant("move" as const), command: uint, lead: address, to: text }),
  fc.record({ kind: fc.constantFrom("drain", "lapsed") }),
  fc.record({
    kind: fc.constant("beacon" as const),
    view: uint,
    number: uint,
    heard: fc.array(fc.record({ member: text, number: uint })),
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

  it("is refused when it ends too early or too late, wherever that is", () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (sent, at) => {
        const bytes = encodeMessage(sent);
        expect(decodeMessage(bytes.subarray(0, Math.floor(at * bytes.length)))).toBeNull();
        expect(decodeMessage(Uint8Array.of(...bytes, 0))).toBeNull();
      }),
    );
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
    const sent: OwnershipMessage = { kind: "move", command: 1, lead: "10.0.0.1", to: name };

    expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
  });

  it("takes a few bytes for thousands of neighbouring addresses", () => {
    const leads = Array.from({ length: 10_000 }, (_, i) => formatIpv4(0x0a000001 + i));

    expect(encodeMessage({ kind: "owned", leads }).length).toBeLessThan(14);
  });

  it("is refused when a few bytes stand for more addresses than any table has", () => {
    const bytes = new ByteWriter()
      .byte(4)
      .uint(1)
      .uint(0)
      .uint(1)
      .uint(0)
      .uint(2 ** 21)
      .finish();

    expect(decodeMessage(bytes)).toBeNull();
  });

  it("is refused when a set goes beyond the last address", () => {
    const bytes = new ByteWriter().byte(4).uint(1).uint(0).uint(1).uint(0xffffffff).uint(2).finish();

    expect(decodeMessage(bytes)).toBeNull();
  });

  it("of a kind that does not exist is refused", () => {
    expect(decodeMessage(Uint8Array.of(11))).toBeNull();
    expect(decodeMessage(new Uint8Array())).toBeNull();
  });
});

describe("a number", () => {
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
