import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadAddon, type NativeBatch } from "../../src/kernel/addon.js";
import { writeAddress } from "../../src/kernel/address.js";
import { appendAll, placesOf, slicesOf } from "../../src/kernel/append.js";
import type { FoundAddress, PlumbTarget } from "../../src/kernel/types.js";

const addon = loadAddon();
const TARGET = { ifindex: 2 ** 31 - 1, plumbing: "address" } as const;
const NEVER = Number.POSITIVE_INFINITY;
const openBatch = (most: number) => addon.openBatch(1, 104, most, 4096);
const range = (count: number) => Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);

async function append(addresses: readonly string[]): Promise<void> {
  await appendAll(openBatch(addresses.length), slicesOf(addresses, TARGET));
}

/** A batch that takes everything, and what it was handed. */
function recorder() {
  const parts: { texts: number; turn: number; at: readonly unknown[] }[] = [];
  let turn = 0;
  const batch: NativeBatch = {
    append: (addresses, ...at) => {
      const texts = addresses.split("\n").length;
      parts.push({ texts, turn, at });
      const next = turn + 1;
      setImmediate(() => (turn = next));
      return texts;
    },
    run: unused,
    done: unused,
    cancel: unused,
  };
  return { batch, parts };
}

function unused(): never {
  throw new Error("is not to be called");
}

describe("the addresses of a batch", () => {
  it("are in C++ the same texts as in TypeScript", () => {
    const ofPieces = fc
      .array(fc.constantFrom("0", "1", "9", "00", "25", "255", "256", "a", "F", "ffff", ".", ":", "::"), {
        maxLength: 17,
      })
      .map((pieces) => pieces.join(""));
    const groups = (separator: string, group: fc.Arbitrary<string>, most: number) =>
      fc.array(group, { minLength: 1, maxLength: most }).map((some) => some.join(separator));
    const decimal = fc.nat(300).map(String);
    const hexadecimal = fc.oneof(
      fc.constant(""),
      fc.nat(0x1ffff).map((group) => group.toString(16)),
    );
    const dotted = groups(".", decimal, 5);
    const colons = groups(":", hexadecimal, 9);
    const spoilt = fc
      .tuple(
        fc.oneof(dotted, colons),
        fc.constantFrom("\0", "%eth0", " ", "/32", "\n", "\r", "é", "\ud800", "x"),
        fc.nat(),
      )
      .map(([text, stray, at]) => text.slice(0, at % (text.length + 1)) + stray + text.slice(at % (text.length + 1)));
    const mixed = fc.tuple(colons, dotted).map(([head, tail]) => `${head}:${tail}`);
    const texts = fc.oneof(
      dotted,
      colons,
      mixed,
      fc.ipV4(),
      fc.ipV6(),
      ofPieces,
      spoilt,
      fc.string({ unit: "binary" }),
    );
    let addresses = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const isAddress = writeAddress(text, new Uint8Array(16), 0) !== 0;
        if (isAddress) addresses++;
        expect(openBatch(1).append(text, TARGET.ifindex, null, 0)).toBe(isAddress ? 1 : 0);
      }),
      { numRuns: 20_000 },
    );
    expect(addresses, "of 20,000 texts").toBeGreaterThan(2000);
  });

  it.each([
    "",
    "eth0",
    "010.1.1.1",
    "fe80::1%eth0",
    "10.1.1.1\0",
    "10.1.1.1\0x",
    "10.1.1.1\n",
    "10.1.1.1\n10.1.1.2",
    "\n",
    'a "quoted" \u2028 one',
  ])("are refused for the first that is none, which is named: %j", async (wrong) => {
    const message = `expected an IPv4 or IPv6 address, not ${JSON.stringify(wrong)}`;
    const [few, many] = [["10.1.1.1", "fd00::1"], range(9000)];
    for (const addresses of [[wrong], [...few, wrong, "another"], [...many, wrong, "another"], [wrong, ...many]]) {
      await expect(append(addresses)).rejects.toThrow(expect.objectContaining({ name: "TypeError", message }));
    }
  });

  it("are all there, each as often as it is given", async () => {
    const addresses = [...range(10_000), "::ffff:10.0.0.1", "FD00:0:0::1", "fd00::1", ...range(10_000)];
    const batch = openBatch(addresses.length);
    await appendAll(batch, slicesOf(addresses, TARGET));
    expect(batch.append("10.1.1.1", TARGET.ifindex, null, 0), "there is no room for one more").toBe(0);
    batch.cancel();
    expect((await batch.run(NEVER, NEVER)).statuses).toHaveLength(addresses.length);
  });

  it("are handed over in parts of one turn of the event loop each", async () => {
    const { batch, parts } = recorder();
    await appendAll(batch, slicesOf(range(20_000), TARGET));
    expect(parts.map(({ texts, turn }) => [texts, turn])).toEqual([
      [8192, 0],
      [8192, 1],
      [3616, 2],
    ]);
  });

  it("share a turn of the event loop where they are few at each place", async () => {
    const { batch, parts } = recorder();
    const few = { addresses: range(3000), target: TARGET };
    await appendAll(batch, [few, few, few, few]);
    expect(parts.map(({ texts, turn }) => [texts, turn])).toEqual([
      [3000, 0],
      [3000, 0],
      [3000, 1],
      [3000, 1],
    ]);
  });

  it.each<[string, PlumbTarget, readonly [number, number | null, number]]>([
    ["an alias", { ifindex: 3, plumbing: "address" }, [3, null, 0]],
    ["an alias with a prefix", { ifindex: 3, plumbing: "address", prefix: 24 }, [3, 24, 0]],
    ["an alias with the prefix 0", { ifindex: 3, plumbing: "address", prefix: 0 }, [3, 0, 0]],
    ["a route, whatever the prefix", { ifindex: 4, plumbing: "route", prefix: 24, dad: true }, [4, null, 1]],
    ["an alias that is probed for", { ifindex: 3, plumbing: "address", dad: true }, [3, null, 4]],
    ["an alias that is no source", { ifindex: 3, plumbing: "address", sourceHygiene: true }, [3, null, 8]],
  ])("go to their target: %s", async (_name, target, expected) => {
    const { batch, parts } = recorder();
    await appendAll(batch, slicesOf(["10.1.1.1"], target));
    expect(parts.map(({ at }) => at)).toEqual([expected]);
  });
});

describe("addresses that were found", () => {
  const place = fc.record({
    address: fc.constantFrom("10.1.1.1", "10.1.1.2", "10.1.1.3"),
    prefix: fc.constantFrom(24, 32),
    ifindex: fc.constantFrom(1, 2),
    plumbing: fc.constantFrom("address" as const, "route" as const),
    protocol: fc.constantFrom(0, 104),
    alias: fc.boolean(),
  });

  it("are handed over in their order, each at its place, and no two parts that follow each other are at one place", () => {
    fc.assert(
      fc.property(fc.array(place), (found) => {
        const parts = [...placesOf(found)];
        const at = ({ ifindex, plumbing, prefix }: PlumbTarget) => `${plumbing} /${prefix} on ${ifindex}`;
        const handedOver = parts.flatMap(({ addresses, target }) => addresses.map((address) => [address, at(target)]));
        expect(handedOver).toEqual(found.map((one) => [one.address, at(one)]));
        const places = parts.map(({ target }) => at(target));
        expect(places.every((one, i) => i === 0 || one !== places[i - 1])).toBe(true);
      }),
    );
  });

  it("are handed over in parts of one turn of the event loop each", () => {
    const at = (plumbing: "address" | "route", count: number): FoundAddress[] =>
      range(count).map((address) => ({ address, prefix: 32, ifindex: 1, plumbing, protocol: 104, alias: true }));
    const lengths = [...placesOf([...at("address", 8192), ...at("route", 8193)])].map(
      ({ addresses }) => addresses.length,
    );
    expect(lengths).toEqual([8192, 8192, 1]);
  });
});
