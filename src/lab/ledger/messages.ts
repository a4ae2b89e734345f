/** PURE: what the ledger sends, drawn by seed and token: the same message whatever happened before it. */
import type { Random } from "../../sim/random.js";
import { CONDUCTS, type Conduct, recipientAddress, senderAddress, VERDICTS, type Verdict } from "./addresses.js";

export const KINDS = [
  "plain",
  "empty",
  "dots",
  "headers",
  "unfinished",
  "eight-bit",
  "long-line",
  "large",
  "many",
  "stray",
  "aborted",
] as const;

/** `stray` has bare CR or LF and has to be refused; `aborted` ends before its final dot. */
export type Kind = (typeof KINDS)[number];

export interface LedgerRecipient {
  readonly address: string;
  /** Of RCPT (RFC 3461 section 4), "NOTIFY=NEVER ORCPT=rfc822;a@b", or "". */
  readonly parameters: string;
}

export interface LedgerMessage {
  readonly token: string;
  readonly kind: Kind;
  readonly from: string;
  /** Of MAIL. */
  readonly parameters: string;
  readonly recipients: readonly LedgerRecipient[];
  /** Content before SMTP transparency. */
  readonly content: Buffer;
}

/** Plain messages are as many as those of any three other kinds. */
const PLAIN_WEIGHT = 3;
/** Its addresses have to fit into the 2,000 characters of an event. */
const MANY = 60;
const MIB = 1024 * 1024;

export function drawMessage(random: Random, token: string, kinds: readonly Kind[]): LedgerMessage {
  const kind = random.pick(kinds.flatMap((one) => (one === "plain" ? Array<Kind>(PLAIN_WEIGHT).fill(one) : [one])));
  if (kind === undefined) throw new Error("no kind of message to draw from");
  const count = kind === "many" ? 20 + random.below(MANY - 20) : 1 + random.below(3);
  const withDsn = kind === "many" || random.chance(0.2);
  const conducts = Array.from({ length: 2 }, () => drawConduct(random));
  const recipients = Array.from({ length: count }, (_, index): LedgerRecipient => {
    const conduct = random.pick(conducts) ?? CONDUCTS.plain;
    const address = recipientAddress({ verdict: drawVerdict(random), token, conduct }, index);
    return { address, parameters: withDsn ? drawDsn(random, token, index) : "" };
  });
  const body = kind === "eight-bit" ? ["BODY=8BITMIME"] : [];
  const dsn = withDsn ? [random.chance(0.5) ? "RET=HDRS" : "RET=FULL", `ENVID=${token}`] : [];
  return {
    token,
    kind,
    from: senderAddress(token),
    parameters: [...body, ...dsn].join(" "),
    recipients,
    content: contentOf(kind, token, random),
  };
}

function drawConduct(random: Random): Conduct {
  return random.chance(0.6) ? CONDUCTS.plain : (random.pick(Object.values(CONDUCTS)) ?? CONDUCTS.plain);
}

function drawVerdict(random: Random): Verdict {
  return random.chance(0.8) ? VERDICTS.ok : (random.pick(Object.values(VERDICTS)) ?? VERDICTS.ok);
}

function drawDsn(random: Random, token: string, index: number): string {
  const notify = random.pick(["", "NOTIFY=NEVER", "NOTIFY=FAILURE", "NOTIFY=SUCCESS,FAILURE", "NOTIFY=DELAY"]);
  const orcpt = random.chance(0.8) ? `ORCPT=rfc822;${token}-${index}@first.lab` : "";
  return [notify, orcpt].filter((one) => one !== "").join(" ");
}

function contentOf(kind: Kind, token: string, random: Random): Buffer {
  const head = `Subject: ${token}\r\nFrom: <${senderAddress(token)}>\r\n`;
  switch (kind) {
    case "empty":
      return Buffer.alloc(0);
    case "headers":
      return text(random.chance(0.5) ? head : `${head}\r\n`);
    case "dots":
      return text(dots(head, random));
    case "unfinished":
      return text(`${head}\r\n${random.pick(["no line end", ".", "..", "\r\n.", "line\r\n..."]) ?? ""}`);
    case "eight-bit":
      return Buffer.concat([text(`${head}\r\n`), bytes(random, 1 + random.below(20_000)), text("\r\n")]);
    case "long-line":
      return text(`${head}\r\n${"x".repeat(1_000 + random.below(MIB))}\r\n.${"y".repeat(random.below(70_000))}`);
    case "large":
      return Buffer.concat([text(`${head}\r\n`), lines(random, MIB + random.below(6 * MIB))]);
    case "stray":
      return text(`${head}\r\n${stray(token, random)}\r\n`);
    default:
      return text(`${head}\r\nKept alive.\r\n`);
  }
}

function dots(head: string, random: Random): string {
  const line = `${".".repeat(1 + random.below(3))}\r\n`;
  const body = line.repeat(1 + random.below(random.chance(0.2) ? 40_000 : 400));
  return random.chance(0.3) ? body : `${head}\r\n${body}`;
}

/** An end of data to a careless server, and a message behind it. */
function stray(token: string, random: Random): string {
  const end = random.pick(["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\r\n", "\n", "\r"]) ?? "\n";
  const address = recipientAddress({ verdict: VERDICTS.ok, token, conduct: CONDUCTS.plain }, 999);
  return `first${end}MAIL FROM:<>\r\nRCPT TO:<${address}>\r\nDATA\r\nsmuggled`;
}

/** Every byte but NUL, CR and LF (RFC 6152). */
function bytes(random: Random, length: number): Buffer {
  const result = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) {
    const byte = 1 + random.below(255);
    result[at] = byte === 0x0a || byte === 0x0d ? 0xff : byte;
  }
  return result;
}

/** A line is drawn once: what matters is where it is cut into chunks. */
function lines(random: Random, length: number): Buffer {
  const line = Buffer.concat([bytes(random, 1 + random.below(997)).map((byte) => 0x20 + (byte & 0x3f)), text("\r\n")]);
  const whole = Buffer.alloc(length - (length % line.length), line);
  return whole.length === 0 ? line : whole;
}

function text(content: string): Buffer {
  return Buffer.from(content, "latin1");
}
