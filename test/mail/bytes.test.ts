import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../src/mail/byte-reader.js";
import { guarded } from "../../src/mail/line-ends.js";
import { readHead, traceField } from "../../src/mail/message-head.js";
import { nextAttempt } from "../../src/mail/retry.js";
import { decodeXtext, readPathCommand } from "../../src/mail/smtp-line.js";

async function* inChunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const place of [...places, bytes.length]) {
    yield bytes.subarray(from, place);
    from = place;
  }
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const chunk of chunks) found.push(chunk);
  return Buffer.concat(found);
}

const cuts = fc.array(fc.nat(200), { maxLength: 20 });
/** Text with many line ends, whole and broken. */
const content = fc
  .array(fc.constantFrom("a", ".", "\r\n", "\r", "\n", "é"), { maxLength: 40 })
  .map((parts) => Buffer.from(parts.join("")));

describe("the guard of line ends", () => {
  it("refuses exactly the content with a lone CR or LF, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(content, cuts, async (bytes, at) => {
        const lone = /\r(?!\n)|(?<!\r)\n/.test(bytes.toString("latin1"));
        const passed = await all(guarded(inChunks(bytes, at), 10_000)).catch(() => null);
        expect(passed).toEqual(lone ? null : bytes);
      }),
    );
  });

  it("refuses what is larger than it may be", async () => {
    await expect(all(guarded(inChunks(Buffer.alloc(11), [5]), 10))).rejects.toMatchObject({ responseCode: 552 });
    expect(await all(guarded(inChunks(Buffer.alloc(10), [5]), 10))).toHaveLength(10);
  });
});

describe("a byte reader", () => {
  it("reads through the first mark and hands on the rest, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(content, cuts, async (bytes, at) => {
        const reader = new ByteReader(inChunks(bytes, at));
        const mark = bytes.indexOf("\r\n");
        const first = await reader.readThrough("\r\n", 10_000);
        expect(first).toEqual(mark < 0 ? bytes : bytes.subarray(0, mark + 2));
        expect(await all(reader.rest())).toEqual(mark < 0 ? Buffer.alloc(0) : bytes.subarray(mark + 2));
      }),
    );
  });

  it("holds no more than it may, and loses nothing by that", async () => {
    const reader = new ByteReader(inChunks(Buffer.from("0123456789\r\nrest"), [4, 8]));
    expect(await reader.readThrough("\r\n", 8)).toBeNull();
    expect(String(await all(reader.rest()))).toBe("0123456789\r\nrest");
  });
});

describe("the head of a message", () => {
  it("counts trace fields and takes the first value, folded or not, in any case", () => {
    const head = Buffer.from("Received: a\r\nreceived : b\r\nX-B:\r\n\tone\r\n two\r\nx-b: three\r\n\r\n");
    expect(readHead(head, "x-B")).toEqual({ received: 2, value: "one two" });
    expect(readHead(head, null)).toEqual({ received: 2, value: null });
    expect(readHead(Buffer.from("\r\nX-B: body\r\n"), "X-B").value).toBe("body");
  });

  it("gets a trace field that no client can break", () => {
    const trace = { helo: "a)\r\nEvil: x", client: "::1", by: "mx.test", protocol: "ESMTP", id: "i", atMs: 0 };
    expect(String(traceField(trace))).toBe(
      "Received: from unknown ([IPv6:::1])\r\n\tby mx.test with ESMTP id i;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n",
    );
  });
});

describe("a path command", () => {
  it("is read as it was written", () => {
    const { path, parameters } = readPathCommand("MAIL FROM:<A@XN--X.test>  size=5 SMTPUTF8 ENVID=a+2Bb=c");
    expect(path).toBe("A@XN--X.test");
    expect([...parameters]).toEqual([
      ["SIZE", "5"],
      ["SMTPUTF8", ""],
      ["ENVID", "a+2Bb=c"],
    ]);
    expect(readPathCommand("RCPT TO:<@a.test,@b.test:u@c.test>").path).toBe("u@c.test");
    expect(decodeXtext("a+2Bb+C3+A9")).toBe("a+bé");
  });
});

describe("the wait between attempts", () => {
  const options = { retryIntervalMs: 1_000, maxRetryIntervalMs: 60_000 };

  it("doubles up to its limit", () => {
    const waits = [1, 2, 3, 7, 100].map((attempts) => nextAttempt(0, attempts, 1e9, options, 0));
    expect(waits).toEqual([1_000, 2_000, 4_000, 60_000, 60_000]);
  });

  it("is spread by up to a tenth, and puts the last attempt on the expiry", () => {
    expect(nextAttempt(0, 1, 1e9, options, 0.5)).toBe(1_050);
    expect(nextAttempt(0, 7, 5_000, options, 0.9)).toBe(5_000);
  });
});
