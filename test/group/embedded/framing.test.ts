import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, prefixOf } from "../../../src/group/embedded/framing.js";
import { decodeHello, encodeHello } from "../../../src/group/embedded/hello.js";

describe("frames on a stream", () => {
  it("come out as they went in, however the stream is cut", () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (frames, cuts) => {
        const stream = new Uint8Array(frames.flatMap((frame) => [...prefixOf(frame), ...frame]));
        const reader = new FrameReader(50);
        const read: unknown[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          reader.push(stream.subarray(at, at + size));
          at += size;
          for (let frame = reader.next(); frame !== null; frame = reader.next()) read.push(frame);
        }
        expect(read).toEqual(frames);
      }),
    );
  });

  it("are refused by their length, before they come", () => {
    const reader = new FrameReader(100);
    reader.push(prefixOf(new Uint8Array(101)));
    expect(reader.next()).toBe("too long");
  });
});

describe("a hello", () => {
  it("comes out as it went in", () => {
    const hello = { name: "mta1", incarnation: 1_700_000_000_000 };
    expect(decodeHello(encodeHello(hello))).toEqual(hello);
  });

  it("of other versions is told apart from garbage", () => {
    const other = encodeHello({ name: "a", incarnation: 1 });
    const versions = other.indexOf(1, 1);
    other.set([7, 9], versions);
    expect(decodeHello(other)).toBe("speaks versions 7 to 9");
    fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeHello(bytes) === "not a hello"));
  });
});
