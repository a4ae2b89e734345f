/**
 * What an envelope may be: the same for one that a client makes, one that a peer hands over and one that lies on the
 * disk. Pure.
 *
 * Each text comes to stand in a line: a command to another server, a field of a notice, a record of the log. So none has
 * a control character, and none is so long that a message could not be told of on its way to another node.
 */
import type { Envelope } from "./spool/types.js";

/** RFC 5321 section 4.5.3.1.8 asks for at least 100. */
export const MAX_RECIPIENTS = 1_000;
/** Octets of an address. RFC 5321 section 4.5.3.1.3 allows 256; some real ones carry another one inside. */
const PATH_MAX = 512;
/** Octets of a DSN parameter. RFC 3461 allows 100 for ENVID and 500 for ORCPT. */
const PARAMETER_MAX = 512;

/** RFC 3461 section 4.1. */
const NOTIFY = /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/i;
/** Outside ASCII for RFC 6533's utf-8-addr-unitext. */
const PARAMETER = /^[^\p{Cc}\p{Z}]+$/u;
const PATH = /^[^\p{Cc}<>]+$/u;

/** @returns why it is none, or null. */
export function envelopeFault(value: unknown): string | null {
  if (!isObject(value)) return "it is no object";
  const { recipients } = value;
  if (!Array.isArray(recipients) || recipients.length === 0) return "it has no recipients";
  if (recipients.length > MAX_RECIPIENTS) return `it has more than ${MAX_RECIPIENTS} recipients`;
  return senderFault(value) ?? recipients.map(recipientFault).find((fault) => fault !== null) ?? null;
}

export function isEnvelope(value: unknown): value is Envelope {
  return envelopeFault(value) === null;
}

/** What MAIL says. @returns why it is not right, or null. */
export function senderFault({ from, body, smtpUtf8, ret, envid }: Readonly<Record<string, unknown>>): string | null {
  if (from !== "" && !isPath(from)) return "its sender is no address";
  if (body !== null && body !== "7BIT" && body !== "8BITMIME") return "its BODY is unknown";
  if (typeof smtpUtf8 !== "boolean") return "its SMTPUTF8 is neither true nor false";
  if (ret !== null && ret !== "FULL" && ret !== "HDRS") return "its RET is unknown";
  return isParameter(envid) ? null : "its ENVID is no text that may stand in a line";
}

/** What RCPT says. @returns why it is not right, or null. */
export function recipientFault(value: unknown): string | null {
  if (!isObject(value)) return "a recipient is no object";
  const { address, notify, orcpt } = value;
  if (!isPath(address)) return "a recipient is no address";
  if (notify !== null && !(typeof notify === "string" && NOTIFY.test(notify))) return "a NOTIFY is unknown";
  return isParameter(orcpt) ? null : "an ORCPT is no text that may stand in a line";
}

function isPath(value: unknown): boolean {
  return typeof value === "string" && Buffer.byteLength(value) <= PATH_MAX && PATH.test(value);
}

function isParameter(value: unknown): boolean {
  if (value === null) return true;
  return typeof value === "string" && Buffer.byteLength(value) <= PARAMETER_MAX && PARAMETER.test(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
