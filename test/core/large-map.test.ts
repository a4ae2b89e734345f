import { describe, expect, it } from "vitest";
import { formatIpv4 } from "../../src/core/address.js";
import { LargeMap, LargeSet } from "../../src/core/large-map.js";

/** More than one Map is let grow to. */
const MANY = 40_000;
const ipv4 = Array.from({ length: MANY }, (_, i) => formatIpv4(0x0a000000 + i));
const ipv6 = Array.from({ length: MANY }, (_, i) => `2001:db8::${(i >> 12).toString(16)}:${(i & 4095).toString(16)}`);

describe.each([
  ["few", ipv4.slice(0, 100)],
  ["many", ipv4],
  ["many of IPv6", ipv6],
])("a large map of %s texts", (_size, keys) => {
  const count = keys.length;

  it("is what a Map is", () => {
    const large = new LargeMap<number>();
    const plain = new Map<string, number>();
    const both = [large, plain];
    for (const map of both) {
      for (const [i, key] of keys.entries()) map.set(key, i);
      for (const key of keys.filter((_key, i) => i % 3 === 0)) map.set(key, -1);
    }

    expect(large.size).toBe(plain.size);
    expect([...large]).toEqual([...plain]);
    expect([...large.keys()]).toEqual([...plain.keys()]);
    expect([...large.values()]).toEqual([...plain.values()]);
    const seen: [string, number][] = [];
    large.forEach((value, key) => seen.push([key, value]));
    expect(seen).toEqual([...plain]);
    for (const key of ["", "10.0.0", "192.0.2.1", "2001:db8::1", keys[7] ?? ""]) {
      expect(large.get(key)).toBe(plain.get(key));
      expect(large.has(key)).toBe(plain.has(key));
    }
  });

  it("forgets what is deleted, and all when it is cleared", () => {
    const large = new LargeMap<number>();
    for (const [i, key] of keys.entries()) large.set(key, i);
    const deleted = keys.filter((_key, i) => i % 2 === 0);

    expect(deleted.every((key) => large.delete(key))).toBe(true);
    expect(deleted.some((key) => large.delete(key))).toBe(false);
    expect(large.size).toBe(count / 2);
    expect([...large.keys()]).toEqual(keys.filter((_key, i) => i % 2 === 1));

    large.clear();
    expect([large.size, [...large]]).toEqual([0, []]);
    expect(large.set("10.0.0.1", 1).get("10.0.0.1")).toBe(1);
  });

  it("as a set has each text once", () => {
    const set = new LargeSet();
    for (const key of [...keys, ...keys]) set.add(key);

    expect([...set]).toEqual(keys);
    expect([set.size, set.has(keys[1] ?? ""), set.has("192.0.2.1")]).toEqual([count, true, false]);
  });
});
