import { isIP } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, formatIpv4, parseEndpoint, parseIpv4, parseNetwork } from "../../src/config/address.js";

describe("an address", () => {
  it("is accepted just when Node's net module accepts it, zones aside", () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(text, (address) => {
        expect(canonicalAddress(address) !== null).toBe(isIP(address) !== 0);
      }),
      { numRuns: 2000 },
    );
  });

  it("has one text: canonical text is its own canonical form", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const canonical = canonicalAddress(address);
        expect(canonicalAddress(canonical ?? "")).toBe(canonical);
      }),
    );
    expect(canonicalAddress("2001:DB8:0:0:0:0:0:1")).toBe("2001:db8::1");
    expect(canonicalAddress("fe80::1%eth0")).toBeNull();
    expect(canonicalAddress("10.1.1.01")).toBeNull();
  });

  it("is a number from 0 to 2^32-1 and back", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(formatIpv4(parseIpv4(address) ?? -1)).toBe(address);
      }),
    );
    expect(parseIpv4("255.255.255.255")).toBe(2 ** 32 - 1);
  });
});

describe("a network", () => {
  it.each([
    ["10.1.1.7/24", "10.1.1.0/24", true],
    ["10.1.1.0/24", "10.1.1.0/24", false],
    ["0.0.0.0/0", "0.0.0.0/0", false],
    ["255.255.255.255/1", "128.0.0.0/1", true],
    ["2001:DB8:1::/32", "2001:db8::/32", true],
    ["::/0", "::/0", false],
  ])("%s is %s", (text, block, hadHostBits) => {
    expect(parseNetwork(text)).toMatchObject({ block, hadHostBits });
  });

  it.each(["10.1.1.0", "10.1.1.0/", "10.1.1.0/33", "::/129", "/24", "10.1.1/24", "10.1.1.0/24/1", "10.1.1.0/-1"])(
    "is not %s",
    (text) => {
      expect(parseNetwork(text)).toBeNull();
    },
  );
});

describe("an endpoint", () => {
  it.each([
    ["10.1.1.1", "listen", "has no port"],
    ["2001:db8::1", "listen", "is an IPv6 address without brackets"],
    ["[10.1.1.1]:25", "listen", "has no valid address"],
    ["mx.example:25", "listen", "has no valid address"],
    ["10.1.1.1:99999", "listen", "has a port that is not from 1 to 65535"],
    ["a:b:c", "next-hop", "is not of the form host:port"],
    ["1.2.3:25", "next-hop", "has no valid host"],
    ["-x.example", "next-hop", "has no valid host"],
  ] as const)("%s to %s at %s", (text, form, problem) => {
    expect(parseEndpoint(text, form)).toBe(problem);
  });

  it("accepts ports above 32767", () => {
    expect(parseEndpoint(":65535", "listen")).toEqual({ host: "*", port: 65_535 });
  });
});
