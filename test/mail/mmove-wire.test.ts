import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answerLine,
  helloLine,
  idOfRecipient,
  LINE_MAX,
  parseAnswer,
  parseHello,
  parsePrologue,
  prologueLine,
  recipientOf,
} from "../../src/mail/mmove-wire.js";

const id = fc
  .array(fc.constantFrom(...Array.from("0123456789abcdefghijklmnopqrstuv")), { minLength: 22, maxLength: 22 })
  .map((digits) => digits.join(""));
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
const textOrNull = fc.option(fc.string({ unit: "grapheme" }), { nil: null });
const path = fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.replace(/[\p{Cc}<>]/gu, "_"));
const notify = fc.constantFrom(null, "NEVER", "SUCCESS,delay");
const parameter = fc.option(fc.stringMatching(/^[!-~é]{1,40}$/), { nil: null });
const recipients = fc.array(fc.tuple(fc.record({ address: path, notify, orcpt: parameter }), fc.nat(), textOrNull), {
  minLength: 1,
  maxLength: 5,
});
const prologue = fc
  .record({
    id,
    binding: name,
    from: path,
    body: fc.constantFrom("7BIT" as const, "8BITMIME" as const, null),
    smtpUtf8: fc.boolean(),
    ret: fc.constantFrom("FULL" as const, "HDRS" as const, null),
    envid: parameter,
    recipients,
    hops: fc.nat(100),
    extra: fc.dictionary(
      fc.stringMatching(/^x[a-z]{1,8}$/),
      fc.oneof(fc.string(), fc.nat(), fc.boolean(), fc.constant(null)),
    ),
    epoch: fc.nat(),
  })
  .map(({ id, binding, hops, extra, epoch, recipients, ...sender }) => ({
    message: {
      id,
      binding,
      envelope: { ...sender, recipients: recipients.map(([recipient]) => recipient) },
      context: { ...extra, receivedAtMs: 1, expiresAtMs: 2, listener: null, client: "192.0.2.1", hops },
      recipients: recipients.map(([, attempts, lastError]) => ({
        state: "queued" as const,
        attempts,
        nextAttemptMs: attempts,
        lastError,
      })),
    },
    epoch,
  }));

describe("the lines of a move", () => {
  it("say the same at both ends", () => {
    fc.assert(
      fc.property(name, fc.uniqueArray(id, { minLength: 1, maxLength: 100 }), fc.nat(100_000), (node, ids, hops) => {
        const asked = ids.map((each) => ({ id: each, hops }));
        const query = helloLine({ verb: "QUERY", node: "n1", asked });
        expect(parseHello(query.trimEnd())).toEqual({ verb: "QUERY", node: "n1", asked });
        expect(query.length).toBeLessThan(LINE_MAX);
        expect(parseHello(helloLine({ verb: "MMOVE", node }).trimEnd())).toEqual({ verb: "MMOVE", node });
        expect(parseAnswer(answerLine({ verb: "GO", node }).trimEnd())).toEqual({ verb: "GO", node });
        const fates = new Map(ids.map((each) => [each, "unknown" as const]));
        const answer = answerLine({ verb: "FATE", fates });
        expect(answer.length).toBeLessThan(LINE_MAX);
        expect(parseAnswer(answer.trimEnd())).toEqual({ verb: "FATE", fates });
      }),
    );
  });

  it("are null for anything else", () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        expect(parseHello(line)).toBeNull();
        expect(parseAnswer(line)).toBeNull();
      }),
    );
    for (const line of [
      "MMOVE 2 node=a",
      "MMOVE 1",
      "MMOVE 1 node=%",
      "QUERY 1 node=a ids=",
      "QUERY 1 node=a ids=x:1",
    ]) {
      expect(parseHello(line), line).toBeNull();
    }
  });

  it("name a message by a recipient", () => {
    fc.assert(fc.property(id, (each) => idOfRecipient(recipientOf(each)) === each));
    expect(idOfRecipient("short@mmove.invalid")).toBeNull();
    expect(idOfRecipient(`${"0".repeat(22)}@x.test`)).toBeNull();
  });
});

describe("the prologue of a moved message", () => {
  it("is one line of ASCII that keeps everything, unknown keys of the context too", () => {
    fc.assert(
      fc.property(prologue, (given) => {
        const line = prologueLine(given);
        expect(line.toString("latin1")).toMatch(/^[ -~]+\r\n$/);
        expect(parsePrologue(line)).toEqual(given);
      }),
    );
  });

  it("is null, and never throws, when a piece of it is something else", () => {
    fc.assert(
      fc.property(prologue, fc.nat(), fc.constantFrom('"', "0", "{", "]", ",", "null"), (given, at, instead) => {
        const line = prologueLine(given).toString("latin1");
        const place = at % line.length;
        const read = parsePrologue(Buffer.from(line.slice(0, place) + instead + line.slice(place + 1), "latin1"));
        // What is still a prologue is a whole one.
        if (read !== null) expect(parsePrologue(prologueLine(read))).toEqual(read);
      }),
    );
    for (const text of ["", "null", "[]", "{}", '{"message":{},"epoch":1}', '{"epoch":1,"message":null}']) {
      expect(parsePrologue(Buffer.from(text)), text).toBeNull();
    }
  });
});
