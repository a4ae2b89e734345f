import { describe, expect, it } from "vitest";
import { networkFinder } from "../../../src/core/catalogue/networks.js";

describe("an address is in", () => {
  const blocks = [
    "10.0.0.0/8",
    "10.2.7.0/24",
    "10.2.7.128/25",
    "10.2.7.9/32",
    "2001:db8::/32",
    "2001:db8:a::/47",
    "2001:db8:a:1::/64",
    "2001:db8:a:1::/110",
    "2001:db8:a:1::5/128",
  ];
  const find = networkFinder(blocks.map((block) => [block, block]));

  it.each([
    ["10.255.255.255", "10.0.0.0/8"],
    ["10.2.7.127", "10.2.7.0/24"],
    ["10.2.7.128", "10.2.7.128/25"],
    ["10.2.7.9", "10.2.7.9/32"],
    ["11.0.0.0", undefined],
    ["2001:db8:ffff::1", "2001:db8::/32"],
    ["2001:db8:b::1", "2001:db8:a::/47"],
    ["2001:db8:c::1", "2001:db8::/32"],
    ["2001:db8:a:1:1::", "2001:db8:a:1::/64"],
    ["2001:db8:a:1::4:0", "2001:db8:a:1::/64"],
    ["2001:db8:a:1::3:ffff", "2001:db8:a:1::/110"],
    ["2001:db8:a:1::5", "2001:db8:a:1::5/128"],
    ["::a00:1", undefined],
    ["2001:db9::1", undefined],
    ["no address", undefined],
  ])("the most specific block that holds it: %s in %s", (address, block) => {
    expect(find(address)).toBe(block);
  });

  it("a block of all addresses of its family, and of no other", () => {
    const all = networkFinder(["0.0.0.0/0", "::/0"].map((block) => [block, block]));

    expect(all("192.0.2.1")).toBe("0.0.0.0/0");
    expect(all("2001:db8::1")).toBe("::/0");
  });
});
