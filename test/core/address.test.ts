import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import ipaddr from "ipaddr.js";
import {
  compareAddresses,
  describeAddresses,
  formatAddress,
  formatIpv4,
  addressesIn,
  parseAddress,
  parseIpv4,
  sortByAddress,
  toRanges,
} from "../../src/core/address.js";

const number = fc.nat(0xffffffff);
/** Many zero groups, so that every place and length of "::" comes up. */
const groups = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff)), {
  minLength: 8,
  maxLength: 8,
});

describe("an address", () => {
  it("is the same as text and as number", () => {
    fc.assert(
      fc.property(number, (value) => {
        expect(parseIpv4(formatIpv4(value))).toBe(value);
      }),
    );
  });

  it.each(["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "a.b.c.d", "::1"])(
    "written as '%s' is none",
    (text) => expect(parseIpv4(text)).toBeNull(),
  );

  it("of IPv6 is written as RFC 5952 has it, and read back", () => {
    fc.assert(
      fc.property(groups, (parts) => {
        const canonical = new ipaddr.IPv6(parts).toRFC5952String();
        for (const spelling of [canonical, parts.map((part) => part.toString(16)).join(":")]) {
          const point = parseAddress(spelling);
          expect(point === null ? null : formatAddress(point)).toBe(canonical);
        }
      }),
    );
  });

  it.each([
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::3:4:5:6:7:8:9",
    "::12345",
    "::g",
    "::1%eth0",
  ])("written as '%s' is none of IPv6", (text) => expect(parseAddress(text)).toBeNull());

  it("comes before another by its number, IPv4 before IPv6", () => {
    const sorted = ["10.0.0.9", "10.0.0.10", "::1", "2001:db8::9", "2001:db8::10", "2001:db8:0:1::"];

    expect(sorted.toReversed().sort(compareAddresses)).toEqual(sorted);
    expect(sortByAddress(sorted.toReversed(), (text) => text)).toEqual(sorted);
  });
});

describe("ranges", () => {
  it("hold exactly the addresses they were made of, in order", () => {
    // Few distinct numbers, so that neighbours and duplicates abound.
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (offsets) => {
        const addresses = offsets.map((offset) => formatIpv4(0xffffffff - offset));
        const values = [...new Set(addresses)].map((text) => parseIpv4(text) ?? -1).sort((a, b) => a - b);
        expect([...addressesIn(toRanges(addresses))]).toEqual(values.map(formatIpv4));
      }),
    );
  });

  it("are as few as can be", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60)), (offsets) => {
        const ranges = toRanges(offsets.map(formatIpv4));
        for (const [i, { start }] of ranges.entries()) {
          const before = ranges[i - 1];
          if (before !== undefined) expect(start).toBeGreaterThan(before.start + before.count);
        }
      }),
    );
  });

  it("are written for people from the first to the last", () => {
    expect(describeAddresses(["10.0.0.10", "10.0.0.9", "10.2.0.7"])).toBe("10.0.0.9-10.0.0.10 10.2.0.7");
    expect(describeAddresses(["2001:db8::2", "10.0.0.9", "2001:db8::1"])).toBe("10.0.0.9 2001:db8::1-2001:db8::2");
  });

  it("end with their block: the next address is in another range", () => {
    const addresses = ["2001:db8::ffff:ffff", "2001:db8::1:0:0"];

    expect(toRanges(addresses)).toHaveLength(2);
    expect([...addressesIn(toRanges(addresses))]).toEqual(addresses);
  });
});
