import { array, assert as assertAll, constantFrom, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { isTaken, readRecipient, readSender } from "../../src/lab/ledger/addresses.js";
import { drawMessage, KINDS } from "../../src/lab/ledger/messages.js";
import { SmtpReader } from "../../src/lab/ledger/smtp-reader.js";
import { completed, stuffed, unstuffed, withoutTrace } from "../../src/lab/ledger/transparency.js";
import { Random } from "../../src/sim/random.js";

const tokens = Array.from({ length: 300 }, (_, number) => number.toString(36));
const draw = (seed: number, token: string) => drawMessage(new Random(seed).stream(token), token, KINDS);
const pieces = array(constantFrom("\r\n", ".", "..", "\r", "\n", "a", ""), { maxLength: 30 });

describe("what the ledger sends", () => {
  it("is the same for the same seed and token, whatever was drawn before", () => {
    // Compared as text: a deep comparison of megabytes takes minutes.
    const told = (seed: number, token: string) => {
      const { content, ...message } = draw(seed, token);
      return [JSON.stringify(message), content.toString("base64")].join();
    };
    for (const token of tokens.slice(0, 40)) expect(told(7, token) === told(7, token)).toBe(true);
    expect(told(7, "1") === told(8, "1")).toBe(false);
  });

  it("has every kind, and each kind has what it is named for", () => {
    const messages = tokens.map((token) => draw(1, token));
    const contents = (kind: string) => messages.filter((one) => one.kind === kind).map(({ content }) => content);
    expect(new Set(messages.map(({ kind }) => kind))).toEqual(new Set(KINDS));
    expect(contents("empty").every(({ length }) => length === 0)).toBe(true);
    expect(contents("unfinished").some((content) => !content.toString("latin1").endsWith("\r\n"))).toBe(true);
    expect(contents("headers").every((content) => !/\r\n\r\n./s.test(content.toString("latin1")))).toBe(true);
    expect(contents("eight-bit").every((content) => content.some((byte) => byte > 0x7f))).toBe(true);
    expect(contents("large").every(({ length }) => length > 1_000_000)).toBe(true);
    expect(contents("dots").every((content) => /^\.+\r$/m.test(content.toString("latin1")))).toBe(true);
  });

  it("has bare CR or LF where it has to be refused, and nowhere else", () => {
    for (const { kind, content } of tokens.map((token) => draw(2, token))) {
      const bare = /\r(?!\n)|(?<!\r)\n/.test(content.toString("latin1"));
      expect(`${kind} ${bare}`).toBe(`${kind} ${kind === "stray"}`);
    }
  });

  it("names in each address what becomes of it", () => {
    const recipients = tokens.flatMap((token) => draw(3, token).recipients.map(({ address }) => ({ token, address })));
    const read = recipients.map(({ address }) => readRecipient(address));
    expect(read.map((one) => one?.token)).toEqual(recipients.map(({ token }) => token));
    expect(new Set(read.map((one) => one !== null && isTaken(one)))).toEqual(new Set([true, false]));
    expect(new Set(recipients.map(({ address }) => address)).size).toBe(recipients.length);
    expect(readSender(draw(3, "z").from)).toBe("z");
    expect(readRecipient("s.z@sender.lab")).toBeNull();
  });

  it("keeps the addresses of one message within a field of an event", () => {
    for (const token of tokens) {
      const addresses = draw(4, token).recipients.map(({ address }) => address);
      expect(addresses.join(" ").length).toBeLessThan(2_000);
    }
  });
});

describe("transparency", () => {
  it("gives back what was stuffed", () => {
    assertAll(
      property(pieces, (texts) => {
        const content = Buffer.from(texts.join(""));
        expect(unstuffed(stuffed(content))).toEqual(content);
      }),
    );
  });

  it("leaves no final dot in the content", () => {
    assertAll(
      property(pieces, (texts) => {
        const wire = `\r\n${stuffed(completed(Buffer.from(texts.join("")))).toString()}`;
        expect(wire).not.toContain("\r\n.\r\n");
      }),
    );
  });

  it("takes off the trace field of the first node, and nothing else", () => {
    const trace =
      "Received: from c ([10.1.255.1])\r\n\tby n1 with ESMTP id AB12;\r\n\tTue, 1 Dec 2026 00:00:00 +0000\r\n";
    expect(withoutTrace(Buffer.from(`${trace}\tfolded\r\n`))).toEqual({
      id: "AB12",
      content: Buffer.from("\tfolded\r\n"),
    });
    expect(withoutTrace(Buffer.from(trace))?.content.length).toBe(0);
    expect(withoutTrace(Buffer.from("Subject: x\r\n"))).toBeNull();
  });
});

describe("the sink's reader", () => {
  it("reads the same however the bytes are cut", () => {
    assertAll(
      property(pieces, array(nat(40), { maxLength: 8 }), (texts, cuts) => {
        const content = completed(Buffer.from(texts.join("")));
        const stream = Buffer.concat([Buffer.from("DATA\r\n"), stuffed(content), Buffer.from(".\r\nQUIT\r\n")]);
        expect(readAll(stream, cuts)).toEqual(["DATA", content.toString(), "QUIT"]);
      }),
    );
  });

  function readAll(stream: Buffer, cuts: readonly number[]): string[] {
    const reader = new SmtpReader();
    const seen: string[] = [];
    const edges = [...cuts.toSorted((a, b) => a - b), stream.length];
    let from = 0;
    for (const edge of edges) {
      reader.push(stream.subarray(from, edge));
      from = Math.max(from, edge);
      for (let read = reader.next(); read !== null; read = reader.next()) {
        seen.push(read.kind === "command" ? read.line : read.content.toString());
        if (read.kind === "command" && read.line === "DATA") reader.expectContent();
      }
    }
    return seen;
  }
});
