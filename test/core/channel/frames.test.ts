import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame, type Frame } from "../../../src/core/channel/frames.js";

const count = fc.maxSafeNat();
const name = fc.string({ unit: "grapheme", maxLength: 10 });
const payload = fc.uint8Array({ maxLength: 300 });
const round = fc.record({ counter: count, coordinator: name, incarnation: count });
const message = fc.record({ seq: count, from: name, number: count, payload });
const reach = fc.array(fc.tuple(name, count), { maxLength: 8 }).map((links) => new Map(links));
const passed = fc.array(round, { maxLength: 4 });
const row = fc.record({
  name,
  incarnation: count,
  version: count,
  reach,
  view: round,
  promised: round,
  passed,
  past: passed,
});

function kind<K extends Frame["kind"]>(value: K): fc.Arbitrary<K> {
  return fc.constant(value);
}

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: kind("status"), rows: fc.array(row, { maxLength: 8 }) }),
  fc.record({ kind: kind("ack"), view: round, delivered: count, stable: count }),
  fc.record({ kind: kind("submit"), view: round, number: count, payload }),
  fc.record({ kind: kind("ordered"), view: round, stable: count, message }),
  fc.record({ kind: kind("propose"), round, members: fc.array(name, { maxLength: 8 }), view: round, delivered: count }),
  fc.record({ kind: kind("carry"), round, message }),
  fc.record({ kind: kind("flush"), round, view: round, delivered: count }),
  fc.record({ kind: kind("install"), round, members: fc.array(fc.record({ name, view: round }), { maxLength: 8 }) }),
  fc.record({ kind: kind("leave") }),
);

describe("a frame", () => {
  it("comes out of its bytes as it went in", () => {
    fc.assert(
      fc.property(frame, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
    );
  });

  it("is none when a byte is missing or too many", () => {
    fc.assert(
      fc.property(frame, fc.nat(), (frame, at) => {
        const bytes = encodeFrame(frame);
        expect(decodeFrame(bytes.subarray(0, at % bytes.length))).toBeNull();
        expect(decodeFrame(new Uint8Array([...bytes, 0]))).toBeNull();
      }),
    );
  });

  it("never comes out of other bytes with an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeFrame(bytes)),
      { numRuns: 2000 },
    );
    const changed = fc.tuple(frame, fc.nat(), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(changed, ([frame, at, value]) => {
        const bytes = encodeFrame(frame);
        bytes[at % bytes.length] = value;
        const other = decodeFrame(bytes);
        if (other !== null) expect(decodeFrame(encodeFrame(other))).toEqual(other);
      }),
    );
  });

  it("with a list that claims more than its bytes can hold is refused before anything is kept", () => {
    expect(decodeFrame(new Uint8Array([0, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]))).toBeNull();
  });
});
