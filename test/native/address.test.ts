import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { AddressSlots } from "../../src/kernel/address-slots.js";
import { formatAddress, formatMapped, writeAddress, writeMapped } from "../../src/kernel/address.js";

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

function roundTrip(text: string): string | null {
  const bytes = new Uint8Array(20);
  const family = writeAddress(text, bytes, 2);
  return family === 0 ? null : formatAddress(family, bytes, 2);
}

describe("address text", () => {
  it("comes back from bytes as it went in, for every IPv4 address", () => {
    fc.assert(
      fc.property(bytesOf(4), (bytes) => {
        const text = formatAddress(4, bytes, 0);
        expect(text).toBe([...bytes].join("."));
        expect(roundTrip(text)).toBe(text);
      }),
    );
  });

  it("has the one form of RFC 5952 for every IPv6 address", () => {
    const sparse = fc
      .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
      .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));
    fc.assert(
      fc.property(fc.oneof(bytesOf(16), sparse), (bytes) => {
        const text = formatAddress(6, bytes, 0);
        const reference = ipaddr.fromByteArray([...bytes]);
        if (!text.startsWith("::ffff:")) expect(text).toBe(reference.toString());
        expect(roundTrip(reference.toNormalizedString())).toBe(text);
      }),
    );
  });

  it.each([
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["fe80::", "fe80::"],
  ])("of %s is %s", (text, canonical) => {
    expect(roundTrip(text)).toBe(canonical);
  });

  it.each([
    "",
    "10.1.1",
    "10.1.1.1.1",
    "10.1.1.256",
    "010.1.1.1",
    "10.1.1.1/32",
    "10..1.1",
    " 10.1.1.1",
    "fe80::1%eth0",
    ":::",
    "eth0",
    "10.1.1.-1",
  ])("is not %j", (text) => {
    expect(roundTrip(text)).toBeNull();
  });
});

describe("an address of either family in 16 bytes", () => {
  const pack = (text: string) => {
    const bytes = new Uint8Array(20).fill(7);
    return { family: writeMapped(text, bytes, 2), text: formatMapped(bytes, 2), around: [bytes[1], bytes[18]] };
  };

  it.each([
    ["10.1.1.1", 4],
    ["0.0.0.0", 4],
    ["fd00::1", 6],
    ["::", 6],
    ["::fffe:a01:101", 6],
  ])("comes back as it went in: %s", (text, family) => {
    expect(pack(text)).toEqual({ family, text, around: [7, 7] });
  });

  it.each(["", "10.1.1", "fd00::1%eth0", "::ffff:10.1.1.1"])("is not %j", (text) => {
    expect(pack(text).family).toBe(0);
  });
});

describe("slots of addresses", () => {
  const packed = (slots: AddressSlots, slot: number) => {
    const bytes = new Uint8Array(16);
    slots.pack(slot, bytes, 0);
    return formatMapped(bytes, 0);
  };

  it("are small numbers, one for each address, and are used again", () => {
    const slots = new AddressSlots();
    expect(["10.1.1.1", "fd00::1", "10.1.1.1", "10.1.1", ""].map((text) => slots.put(text))).toEqual([0, 1, 0, -1, -1]);
    expect(slots.isIpv4(0) && !slots.isIpv4(1)).toBe(true);
    expect([slots.delete("10.1.1.1"), slots.delete("10.1.1.1")]).toEqual([0, -1]);
    const untyped: string[] = JSON.parse("[null, 7, {}]");
    for (const wrong of untyped) expect([slots.put(wrong), slots.delete(wrong)]).toEqual([-1, -1]);
    expect([slots.put("no"), slots.put("fd00::2"), slots.put("fd00::3")]).toEqual([-1, 0, 2]);
    expect([0, 1, 2].map((slot) => packed(slots, slot))).toEqual(["fd00::2", "fd00::1", "fd00::3"]);
  });

  it("hold every one of a great many addresses", () => {
    const slots = new AddressSlots();
    const many = Array.from({ length: 20_000 }, (_, i) =>
      i % 2 === 0 ? `10.1.${i >> 8}.${i & 255}` : `fd00::${i.toString(16)}`,
    );
    const given = many.map((address) => slots.put(address));
    expect(new Set(given).size).toBe(many.length);
    expect(given.map((slot) => packed(slots, slot))).toEqual(many);
  });
});
