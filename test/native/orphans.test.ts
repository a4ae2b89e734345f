import { describe, expect, it } from "vitest";
import { findOrphans } from "../../src/kernel/index.js";
import type { FoundAddress } from "../../src/kernel/types.js";

const OURS = 104;
const VIPS = new Map([
  ["10.1.1.1", { ifindex: 3, prefix: 32 }],
  ["10.1.2.1", { ifindex: 3, prefix: 24 }],
]);

function found(address: string, more: Partial<FoundAddress> = {}): FoundAddress {
  return { address, prefix: 32, ifindex: 3, plumbing: "address", protocol: 0, alias: true, ...more };
}

/** What becomes of one address that a dump found. */
function fate(one: FoundAddress, isRecorded = false): "orphan" | "host's own" | "left alone" {
  const { orphans, hostOwn } = findOrphans([one], VIPS, OURS, () => isRecorded);
  if (orphans.includes(one)) return "orphan";
  return hostOwn.includes(one) ? "host's own" : "left alone";
}

describe("what a dead predecessor left", () => {
  it("is everything with our tag, on any interface and in either mode, configured or not", () => {
    expect(fate(found("10.1.1.1", { protocol: OURS }))).toBe("orphan");
    expect(fate(found("10.1.1.1", { protocol: OURS, ifindex: 9, prefix: 24, alias: false }))).toBe("orphan");
    expect(fate(found("172.16.0.1", { protocol: OURS }))).toBe("orphan");
    expect(fate(found("172.16.0.1", { protocol: OURS, plumbing: "route", alias: false }))).toBe("orphan");
  });

  it("is an untagged VIP where an earlier run put it down as plumbed, if it looks as an alias of ours would", () => {
    expect(fate(found("10.1.1.1"), true)).toBe("orphan");
    expect(fate(found("10.1.2.1", { prefix: 24 }), true)).toBe("orphan");
    expect(fate(found("10.1.2.1", { prefix: 24, alias: false }), true)).toBe("host's own");
    expect(fate(found("10.1.1.1", { ifindex: 1 }), true)).toBe("host's own");
    expect(fate(found("10.1.1.9"), true)).toBe("left alone");
  });
});

describe("a VIP that the host has for reasons of its own", () => {
  it("is an untagged one where an alias of ours would stand", () => {
    expect(fate(found("10.1.1.1"))).toBe("host's own");
    expect(fate(found("10.1.2.1", { prefix: 24 }))).toBe("host's own");
  });

  it("is one with another prefix or on another interface", () => {
    expect(fate(found("10.1.1.1", { prefix: 24, alias: false }))).toBe("host's own");
    expect(fate(found("10.1.1.1", { ifindex: 1 }))).toBe("host's own");
  });

  it("is one that looks like the interface's own address, although its prefix is the cidrmask", () => {
    expect(fate(found("10.1.2.1", { prefix: 24, alias: false }))).toBe("host's own");
    expect(fate(found("10.1.1.1", { alias: false }))).toBe("host's own");
  });

  it("is one with another program's tag, or a local route of somebody else's", () => {
    expect(fate(found("10.1.1.1", { protocol: 18 }))).toBe("host's own");
    expect(fate(found("10.1.1.1", { protocol: 4, plumbing: "route", alias: false }))).toBe("host's own");
  });
});

describe("an address that is neither a VIP nor ours", () => {
  it("is left alone", () => {
    expect(fate(found("10.1.1.9", { prefix: 24, alias: false }))).toBe("left alone");
    expect(fate(found("10.1.1.9"))).toBe("left alone");
  });
});
