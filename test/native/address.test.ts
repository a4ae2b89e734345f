import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { formatAddress, writeAddress } from "../../src/kernel/address.js";

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
