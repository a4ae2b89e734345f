import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress, sortByAddress } from "../../../src/core/address.js";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { POLICIES } from "../../../src/core/ownership/policy.js";
import { ByteReader, ByteWriter, Malformed } from "../../../src/core/wire/bytes.js";
import { decodeCatalogue, encodeCatalogue } from "../../../src/core/wire/catalogue.js";
import { digestOf } from "../../../src/core/wire/digest.js";
import { isLong, Parts, split } from "../../../src/core/wire/parts.js";

const block = fc.constantFrom("", "20010db80000000000000000");
const address = fc.record({ block, offset: fc.nat(0xffffffff) }).map(formatAddress);
const text = fc.string({ maxLength: 12, unit: "grapheme" });
const entry: fc.Arbitrary<Entry> = fc.record({
  address,
  names: fc.array(text, { maxLength: 3 }),
  services: fc.subarray(["multivip", "ESMTP:25", "ESMTP:587"]),
  preferences: fc.subarray(["n1", "n2", "n3"]),
  follows: fc.option(address),
  topology: fc.constantFrom("10.0.0.0/8", ""),
  policy: fc.constantFrom(...POLICIES),
  failback: fc.constantFrom("immediate", "never", "30", "22:00-04:00"),
});
const entries = fc
  .uniqueArray(entry, { selector: (one) => one.address, maxLength: 30 })
  .map((all) => sortByAddress(all, (one) => one.address));

describe("a catalogue", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(entries, (sent) => {
        expect(decodeCatalogue(encodeCatalogue(sent))).toEqual(sent);
      }),
    );
  });

  it("with a column that only a newer version has comes back without it", () => {
    fc.assert(
      fc.property(entries, (sent) => {
        const newer = new ByteWriter()
          .byte(77)
          .bytes(Uint8Array.of(1, 2, 3))
          .finish();
        expect(decodeCatalogue(Uint8Array.of(...newer, ...encodeCatalogue(sent)))).toEqual(sent);
      }),
    );
  });

  it("is one or is refused, whatever the bytes", () => {
    const decode = (bytes: Uint8Array) => {
      try {
        decodeCatalogue(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    };
    fc.assert(
      fc.property(entries, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (sent, changes) => {
        const bytes = encodeCatalogue(sent);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decode(bytes);
      }),
    );
    fc.assert(fc.property(fc.uint8Array(), decode));
  });

  it("of tens of thousands of addresses takes a few bytes for each", () => {
    const sent = Array.from({ length: 20_000 }, (_, i): Entry => {
      const plain = {
        services: ["multivip"],
        preferences: [],
        follows: null,
        policy: "available" as const,
        failback: "immediate",
      };
      return {
        address: formatAddress({ block: "", offset: 0x0a000001 + i }),
        names: [`vip-${i}`],
        ...plain,
        topology: "10.0.0.0/8",
      };
    });

    expect(encodeCatalogue(sent).length / sent.length).toBeLessThan(6);
  });

  it("has a digest that another one does not have", () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const [a, b] = [encodeCatalogue(one), encodeCatalogue(other)];
        expect(digestOf(a) === digestOf(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });
});

describe("a long message", () => {
  const long = Uint8Array.from({ length: 1_500_000 }, (_, i) => i % 251);

  it("comes back from its parts, whatever others send in between", () => {
    const parts = new Parts();
    const [mine, theirs] = [split(long, 1), split(long.subarray(1), 1)];
    const back = mine.map((part, i) => [parts.add("a", part), parts.add("b", theirs[i] ?? part)]);

    expect(isLong(long)).toBe(true);
    expect(back.slice(0, -1).flat()).toEqual(["more", "more", "more", "more"]);
    for (const [i, sent] of [long, long.subarray(1)].entries()) {
      const whole = back.at(-1)?.[i];
      expect(whole instanceof Uint8Array && Buffer.compare(whole, sent)).toBe(0);
    }
  });

  it("whose beginning another view has had is nobody's, and the next one is whole", () => {
    const parts = new Parts();
    const [first, ...rest] = split(long, 1);
    if (first !== undefined) parts.add("a", first);
    parts.clear();
    expect(rest.map((part) => parts.add("a", part))).toEqual([null, null]);

    const [whole] = split(long, 2)
      .map((part) => parts.add("a", part))
      .slice(-1);
    expect(whole).toHaveLength(long.length);
  });

  it("that lacks a part in the middle is none", () => {
    const parts = new Parts();
    const [first, , last] = split(long, 1);
    expect([first, last].map((part) => part && parts.add("a", part))).toEqual(["more", null]);
  });

  it("without end is given up", () => {
    const parts = new Parts();
    const bytes = new Uint8Array(1024 * 1024);
    const answers = Array.from({ length: 200 }, (_, index) => parts.add("a", { number: 1, index, last: false, bytes }));

    expect(answers[127]).toBe("more");
    expect(answers.slice(128)).toEqual(Array.from({ length: 72 }, () => null));
  });
});

describe("a reader", () => {
  it("of what is behind a length sees no more than that", () => {
    const source = new ByteReader(new ByteWriter().bytes(Uint8Array.of(1, 2)).byte(3).finish());
    const inner = source.inner();

    expect([inner.byte(), inner.byte(), inner.left, source.byte()]).toEqual([1, 2, 0, 3]);
  });
});
