import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { DotRemover, DotStuffer } from "../../src/mail/dots.js";
import { GATHERED_BYTES, gatherData } from "../../src/mail/smtp-data.js";

const pieces = fc.array(fc.constantFrom("a", ".", "..", "\r\n", "\r", "\n", "\r\n.", "\0"), { maxLength: 60 });
const anything = pieces.map((parts) => Buffer.from(parts.join("")));
const wholeLines = pieces.map((parts) => Buffer.from(`${parts.join("").replace(/[\r\n]+/g, "\r\n")}\r\n`));
const cuts = fc.array(fc.nat(200), { maxLength: 20 });

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place));
}

/** What comes out, and where in `wire` the data ended; -1 when it did not. */
function decoded(wire: Buffer, at: readonly number[]): { content: string; end: number } {
  const remover = new DotRemover();
  let before = 0;
  for (const chunk of cut(wire, at)) {
    const end = remover.feed(chunk);
    if (end >= 0) return { content: remover.take().toString("latin1"), end: before + end };
    before += chunk.length;
  }
  return { content: remover.take().toString("latin1"), end: -1 };
}

function stuffed(content: Buffer, at: readonly number[]): Buffer {
  const stuffer = new DotStuffer();
  return Buffer.concat([...cut(content, at).map((chunk) => stuffer.feed(chunk)), stuffer.end()]);
}

describe("dots at the beginning of lines", () => {
  it("come back as they were, however both sides are cut, and what follows the end is left", () => {
    fc.assert(
      fc.property(wholeLines, cuts, cuts, (content, sent, received) => {
        const wire = Buffer.concat([stuffed(content, sent), Buffer.from("QUIT\r\n")]);
        expect(decoded(wire, received)).toEqual({ content: content.toString("latin1"), end: wire.length - 6 });
      }),
    );
  });

  it("end the data between CRLFs and nowhere else", () => {
    fc.assert(
      fc.property(anything, cuts, (bytes, at) => {
        const text = bytes.toString("latin1");
        const end = text.startsWith(".\r\n") ? 3 : text.indexOf("\r\n.\r\n") + 5;
        expect(decoded(bytes, at).end).toBe(end < 5 && !text.startsWith(".\r\n") ? -1 : end);
      }),
    );
  });

  it("leave no lone CR or LF on the wire behind which another server could see an end", () => {
    fc.assert(
      fc.property(anything, cuts, (content, at) => {
        const wire = stuffed(content, at).toString("latin1");
        expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
        expect(`\r\n${wire}`.indexOf("\r\n.\r\n")).toBe(wire.length - 3);
      }),
    );
  });
});

describe("the parser of a session", () => {
  for (const [name, line, size] of [
    ["lines of dots", "..\r\n", 64_000],
    ["segments of one byte", "..\r\n", 1],
    ["segments of one byte without a line end", "xxxx", 1],
  ] as const) {
    it(`hands ${name} on in pieces of 64 KiB`, async () => {
      const wire = Buffer.from(`${line.repeat(100_000)}\r\n.\r\nNOOP\r\n`);
      const parser = gatherData(new SMTPStream());
      const commands: string[] = [];
      parser.oncommand = (command, done) => {
        commands.push(String(command));
        done?.();
      };
      const sizes: number[] = [];
      const data = parser.startDataMode();
      data.on("data", (piece: Buffer) => sizes.push(piece.length));
      data.on("end", () => parser.continue());
      for (let at = 0; at < wire.length; at += size) {
        if (!parser.write(wire.subarray(at, at + size))) {
          await new Promise((resolve) => parser.once("drain", resolve));
        }
      }
      await new Promise((resolve) => parser.end(resolve));
      expect(commands).toEqual(["NOOP"]);
      const content = line === "..\r\n" ? 300_002 : 400_002;
      expect(sizes.reduce((sum, bytes) => sum + bytes)).toBe(content);
      expect(sizes.length).toBe(Math.ceil(content / Math.max(...sizes)));
      expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(GATHERED_BYTES);
    });
  }
});
