import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeAddresses, formatIpv4, fromRanges, parseIpv4, toRanges } from "../../src/core/address.js";

const number = fc.nat(0xffffffff);

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
});

describe("ranges", () => {
  it("hold exactly the addresses they were made of, in order", () => {
    // Few distinct numbers, so that neighbours and duplicates abound.
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (offsets) => {
        const addresses = offsets.map((offset) => formatIpv4(0xffffffff - offset));
        const values = [...new Set(addresses)].map((text) => parseIpv4(text) ?? -1).sort((a, b) => a - b);
        expect(fromRanges(toRanges(addresses))).toEqual(values.map(formatIpv4));
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
  });
});
