/** One connection to the sink: what it answers to what comes, and what it records. Does no I/O of its own. */
import { createHash } from "node:crypto";
import { type Conduct, CONDUCTS, readRecipient, VERDICTS } from "./addresses.js";
import type { LedgerRecipient } from "./messages.js";
import type { Arrival, ArrivedNotice, Stranger } from "./records.js";
import { SmtpReader } from "./smtp-reader.js";
import { withoutTrace } from "./transparency.js";

export interface SinkFacts {
  readonly connection: number;
  readonly source: string;
  /** Counts: how often this was asked before. */
  tried(what: string): number;
  record(line: Arrival | ArrivedNotice | Stranger): void;
}

export interface SinkReply {
  /** In full, with its line ends, or "". */
  readonly text: string;
  readonly afterMs?: number;
  /** The connection ends, after the text. */
  readonly cut?: boolean;
}

const EHLO = ["250-sink", "250-PIPELINING", "250-8BITMIME", "250-SIZE 104857600", "250-DSN", "250 ENHANCEDSTATUSCODES"];
const SLOW_MS = 2_000;
const STALL_MS = 6_000;
const TAKEN = reply("250 2.0.0 taken");
const CUT: SinkReply = { text: "", cut: true };

export class SinkSession {
  readonly #reader = new SmtpReader();
  #from: string | null = null;
  #recipients: LedgerRecipient[] = [];

  constructor(private readonly facts: SinkFacts) {}

  greet(): SinkReply {
    return reply("220 sink ESMTP");
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /** The answer to the next command or content, or null until there is a whole one. */
  next(): SinkReply | null {
    const read = this.#reader.next();
    if (read === null) return null;
    return read.kind === "content" ? this.#content(read.content) : this.#command(read.line);
  }

  #command(line: string): SinkReply {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") return reply(...EHLO);
    if (verb === "MAIL") return this.#mail(line);
    if (verb === "RCPT") return this.#rcpt(line);
    if (verb === "DATA") return this.#data();
    if (verb === "QUIT") return { ...reply("221 2.0.0 bye"), cut: true };
    if (verb === "RSET") this.#reset();
    return verb === "RSET" || verb === "NOOP" ? reply("250 2.0.0 ok") : reply("502 5.5.1 not here");
  }

  #mail(line: string): SinkReply {
    this.#reset();
    this.#from = pathOf(line).address;
    return reply("250 2.1.0 ok");
  }

  #rcpt(line: string): SinkReply {
    const path = pathOf(line);
    const verdict = readRecipient(path.address)?.verdict;
    if (verdict === VERDICTS.refused) return reply("550 5.1.1 no such user");
    if (verdict === VERDICTS.deferred && this.facts.tried(`RCPT ${path.address}`) < 2)
      return reply("451 4.2.1 come again");
    this.#recipients.push(path);
    return reply("250 2.1.5 ok");
  }

  #data(): SinkReply {
    if (this.#from === null || this.#recipients.length === 0) return reply("503 5.5.1 no valid recipients");
    if (this.#conduct() === CONDUCTS.cutBefore && this.#tried("DATA") === 0) return CUT;
    this.#reader.expectContent();
    return reply("354 go ahead");
  }

  #content(content: Buffer): SinkReply {
    const conduct = this.#conduct();
    const first = conduct !== null && this.#tried("content") === 0;
    if (conduct === CONDUCTS.reject) return this.#done(reply("554 5.6.0 not this"));
    if (conduct === CONDUCTS.later && first) return this.#done(reply("451 4.3.0 come again"));
    if (conduct === CONDUCTS.cutBefore && first) return CUT;
    if (conduct === CONDUCTS.stall && first) return { ...CUT, afterMs: STALL_MS };
    this.#take(content);
    if (conduct === CONDUCTS.cutAfter && first) return CUT;
    return this.#done(conduct === CONDUCTS.slow ? { ...TAKEN, afterMs: SLOW_MS } : TAKEN);
  }

  #take(content: Buffer): void {
    const { connection, source } = this.facts;
    const recipients = this.#recipients;
    if (this.#from === "") return this.#takeNotice(content.toString("latin1"));
    const traced = withoutTrace(content);
    if (traced === null) return this.facts.record({ event: "stranger", what: `no trace field: ${this.#names()}` });
    const hash = createHash("sha256").update(traced.content).digest("hex");
    this.facts.record({ event: "arrival", connection, source, id: traced.id, recipients, hash });
  }

  #takeNotice(text: string): void {
    const id = /^Message-ID: <([^@>]+)@/m.exec(text)?.[1] ?? "";
    const report = text.slice(text.indexOf("Content-Type: message/delivery-status"));
    const failed = [...report.matchAll(/^Final-Recipient: rfc822;([^\r\n]+)\r$/gm)].map(([, address]) => address ?? "");
    this.facts.record({ event: "notice", id, to: this.#names(), failed });
  }

  #names(): string {
    return this.#recipients.map(({ address }) => address).join(" ");
  }

  #done(answer: SinkReply): SinkReply {
    this.#reset();
    return answer;
  }

  #reset(): void {
    this.#from = null;
    this.#recipients = [];
  }

  /** Recipients of one transaction are of one domain. */
  #conduct(): Conduct | null {
    return readRecipient(this.#recipients[0]?.address ?? "")?.conduct ?? null;
  }

  /** How often the first recipient got this far: it is the same one at each attempt, or a new transaction. */
  #tried(step: string): number {
    return this.facts.tried(`${step} ${this.#recipients[0]?.address}`);
  }
}

function reply(...lines: readonly string[]): SinkReply {
  return { text: `${lines.join("\r\n")}\r\n` };
}

function pathOf(line: string): LedgerRecipient {
  const [, address = "", parameters = ""] = /<([^>]*)> ?(.*)$/.exec(line) ?? [];
  return { address, parameters };
}
