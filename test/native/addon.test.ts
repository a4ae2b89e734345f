import { describe, expect, it } from "vitest";
import { type Addon, loadAddon } from "../../src/kernel/addon.js";
import { PackedAddresses } from "../../src/kernel/found.js";
import { openKernel } from "../../src/kernel/index.js";
import { RECORD } from "../../src/kernel/records.js";

const addon = loadAddon();

describe("the packed record", () => {
  it("has the same fields at the same places in C++", () => {
    const { family: _, ...fields } = RECORD;
    expect(addon.layout).toEqual(fields);
  });

  it("is an address at a place, for people and as JSON", () => {
    const bytes = Buffer.alloc(2 * RECORD.bytes);
    bytes.set([4, 24, 0, 0, 0x70, 0x11, 1, 0, 10, 1, 1, 1]);
    bytes.set([6, 128, 104, RECORD.flagRoute | RECORD.flagAlias, 1, 0, 0, 0, 0xfd], RECORD.bytes);
    bytes[2 * RECORD.bytes - 1] = 1;
    const found = new PackedAddresses(bytes);
    const wanted = [
      { address: "10.1.1.1", prefix: 24, ifindex: 70_000, plumbing: "address", protocol: 0, alias: false },
      { address: "fd00::1", prefix: 128, ifindex: 1, plumbing: "route", protocol: 104, alias: true },
    ];
    expect([...found]).toEqual(wanted);
    expect(JSON.parse(JSON.stringify(found))).toEqual(wanted);
  });
});

describe("what a dump found", () => {
  it("comes in parts, all of it, each once and in order", async () => {
    const bytes = Buffer.alloc(10_000 * RECORD.bytes);
    for (let i = 0; i < 10_000; i++) {
      bytes[i * RECORD.bytes] = 4;
      bytes.writeUInt32BE(0x0a010000 + i, i * RECORD.bytes + RECORD.address);
    }
    const found = new PackedAddresses(bytes);
    const parts: number[] = [];
    const addresses: string[] = [];
    for await (const some of found.slices()) {
      parts.push(some.length);
      for (const { address } of some) addresses.push(address);
    }
    expect(found).toHaveLength(10_000);
    expect(parts).toEqual([4096, 4096, 1808]);
    expect(addresses).toEqual(Array.from({ length: 10_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`));
  });
});

describe("a wrong argument", () => {
  const cases: [string, keyof Addon, unknown[]][] = [
    ["addresses of nothing", "addresses", []],
    ["addresses of protocol 256", "addresses", [256, 0, 3]],
    ["addresses of protocol 1.5", "addresses", [1.5, 0, 3]],
    ["addresses of protocol NaN", "addresses", [Number.NaN, 0, 3]],
    ["addresses of interface -1", "addresses", [-1, -1, 3]],
    ["addresses of no kind", "addresses", [-1, 0, 0]],
    ["openBatch of nothing", "openBatch", []],
    ["openBatch of an unknown operation", "openBatch", [4, 104, 1, 4096]],
    ["openBatch without a tag", "openBatch", [1, 0, 1, 4096]],
    ["openBatch of 1,048,577 records", "openBatch", [1, 104, 1_048_577, 4096]],
    ["openBatch without room for answers", "openBatch", [1, 104, 1, 0]],
    ["announce of nothing", "announce", []],
    ["announce from a foreign descriptor", "announce", [0, 1, Buffer.alloc(6), Buffer.alloc(6), Buffer.alloc(16)]],
    ["neighbours of nothing", "neighbours", []],
    ["neighbours of link -1", "neighbours", [-1]],
    ["openLifeline of nothing", "openLifeline", []],
    ["openLifeline of a pattern", "openLifeline", ["hf%d"]],
    ["openLifeline of a long name", "openLifeline", ["hf00000000000000"]],
    ["close of a foreign descriptor", "close", [0]],
  ];

  it.each(cases)("in %s is a TypeError that says what was expected", (_name, method, args) => {
    const call: unknown = Reflect.get(addon, method);
    if (typeof call !== "function") throw new Error(`the addon has no ${method}`);
    expect(() => Reflect.apply(call, addon, args)).toThrow(TypeError);
    expect(() => Reflect.apply(call, addon, args)).toThrow(
      expect.objectContaining({ code: "ERR_NATIVE_ARGUMENT", message: expect.stringContaining(`${method} needs (`) }),
    );
  });

  it("of the kernel layer is a TypeError too", async () => {
    expect(() => openKernel({ protocol: 3 })).toThrow(TypeError);
    expect(() => openKernel({ arpRate: 0 })).toThrow(TypeError);
    expect(() => openKernel({ arpRefreshMs: -1 })).toThrow(TypeError);
    const kernel = openKernel();
    await expect(kernel.openLifeline("eth0")).rejects.toThrow(TypeError);
    await kernel.close();
  });
});

describe("a kernel that only looks", () => {
  it("needs no privilege: it lists the loopback interface and its address", async () => {
    const kernel = openKernel();
    const lo = (await kernel.links()).find(({ name }) => name === "lo");
    expect(lo).toMatchObject({ mac: "00:00:00:00:00:00", kind: null, master: 0, altnames: [] });
    const found = [...(await kernel.addresses())];
    expect(found).toContainEqual(
      expect.objectContaining({ address: "127.0.0.1", prefix: 8, ifindex: lo?.index, plumbing: "address" }),
    );
    await kernel.close();
  });

  it("knows an address by its text, and by none that merely begins with it", async () => {
    const kernel = openKernel();
    const monitor = await kernel.watch(() => undefined);
    expect(monitor.has("127.0.0.1")).toBe(true);
    const others = ["127.0.0.1\0", "127.0.0.1\0x", "127.0.0.1\n", "127.0.0.01", "127.0.0.1%lo", "::ffff:127.0.0.1", ""];
    expect(others.filter((text) => monitor.has(text))).toEqual([]);
    await monitor.close();
    await kernel.close();
  });
});
