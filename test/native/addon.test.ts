import { describe, expect, it } from "vitest";
import { type Addon, loadAddon } from "../../src/kernel/addon.js";
import { openKernel } from "../../src/kernel/index.js";
import { packRecords, RECORD, unpackRecords } from "../../src/kernel/records.js";

const addon = loadAddon();

describe("the packed record", () => {
  it("has the same fields at the same places in C++", () => {
    const { family: _, ...fields } = RECORD;
    expect(addon.layout).toEqual(fields);
  });

  it("comes back as it went in", async () => {
    const places = [
      { address: "10.1.1.1", prefix: 24, ifindex: 70_000, plumbing: "address" as const },
      { address: "fd00::1", prefix: 128, ifindex: 1, plumbing: "route" as const },
    ];
    const found = await unpackRecords(await packRecords(places, (place) => place));
    expect(found).toEqual(places.map((place) => ({ ...place, protocol: 0, alias: false })));
  });
});

describe("a wrong argument", () => {
  const record = (at: number, value: number) => {
    const bytes = Buffer.alloc(RECORD.bytes);
    bytes.set([4, 32, 0, 0, 1]);
    bytes[at] = value;
    return bytes;
  };

  const cases: [string, keyof Addon, unknown[]][] = [
    ["addresses of nothing", "addresses", []],
    ["addresses of protocol 256", "addresses", [256]],
    ["addresses of protocol 1.5", "addresses", [1.5]],
    ["addresses of protocol NaN", "addresses", [Number.NaN]],
    ["plumb of nothing", "plumb", []],
    ["plumb of an unknown operation", "plumb", [3, 104, Buffer.alloc(0)]],
    ["plumb without a tag", "plumb", [1, 0, Buffer.alloc(0)]],
    ["plumb of half a record", "plumb", [1, 104, Buffer.alloc(23)]],
    ["plumb of 16-bit words", "plumb", [1, 104, new Uint16Array(12)]],
    ["plumb of an unknown family", "plumb", [1, 104, record(RECORD.family, 5)]],
    ["plumb of a prefix of 33", "plumb", [1, 104, record(RECORD.prefix, 33)]],
    ["plumb on interface 0", "plumb", [1, 104, record(RECORD.ifindex, 0)]],
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
    const found = await kernel.addresses();
    expect(found).toContainEqual(
      expect.objectContaining({ address: "127.0.0.1", prefix: 8, ifindex: lo?.index, plumbing: "address" }),
    );
    await kernel.close();
  });
});
