import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeAddresses, describeRange, formatIpv4 } from "../../src/core/address.js";
import { parseRanges, uniteRanges } from "../../src/core/address-ranges.js";

const united = (...texts: readonly string[]) =>
  uniteRanges(parseRanges(texts.join(" ")) ?? [])
    .map(describeRange)
    .join(" ");

describe("ranges of addresses", () => {
  it("are united as the addresses in them would be", () => {
    const address = fc.oneof(
      fc.integer({ min: 0, max: 40 }).map((offset) => formatIpv4(0x0a_01_01_00 + offset)),
      fc.integer({ min: 1, max: 40 }).map((offset) => `fd00::${offset.toString(16)}`),
    );
    fc.assert(
      fc.property(fc.array(fc.array(address)), (sets) => {
        expect(united(...sets.map(describeAddresses))).toBe(describeAddresses(sets.flat()));
      }),
    );
  });

  it("are no ranges where a word is none", () => {
    for (const text of ["10.1.1.1-", "10.1.1.9-10.1.1.1", "10.1.1.1-fd00::1", "vip-1"])
      expect(parseRanges(text)).toBeNull();
  });
});
