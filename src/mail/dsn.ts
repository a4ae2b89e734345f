/**
 * Notices of failure to the sender of a message: RFC 3461 (when), RFC 3464 (what), RFC 6533 (addresses outside ASCII).
 * Pure: the message's head or text comes in as bytes.
 */
import { mailDate } from "./message-head.js";
import { decodeXtext } from "./smtp-line.js";
import type { EnvelopeRecipient, NewMessage } from "./spool/types.js";

export interface Failure {
  readonly recipient: EnvelopeRecipient;
  /** RFC 3463 code. */
  readonly status: string;
  readonly text: string;
  /** The other server, where `text` is its reply. */
  readonly remote: string | null;
}

export interface Notice {
  readonly id: string;
  readonly atMs: number;
  readonly hostname: string;
  readonly message: NewMessage;
  readonly failures: readonly Failure[];
  /** The whole message, or its header section; null when nothing of it can be read. */
  readonly returned: { readonly full: boolean; readonly bytes: Uint8Array } | null;
}

/** RFC 3461 sections 4.1 and 5.2.1: a failure is told unless NOTIFY asks for something else; never to the null sender. */
export function wantsFailureNotice(from: string, notify: string | null): boolean {
  if (from === "" || !from.includes("@")) return false;
  return notify === null || notify.toUpperCase().split(",").includes("FAILURE");
}

/** The notice, ready to be queued. */
export function failureNotice(notice: Notice): Buffer {
  const { id, atMs, hostname, message, failures, returned } = notice;
  const international = message.envelope.smtpUtf8;
  const boundary = `=_${id}`;
  const from = message.envelope.from;
  const head = [
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: <${from}>`,
    "Subject: Undelivered mail returned to sender",
    `Date: ${mailDate(atMs)}`,
    `Message-ID: <${id}@${hostname}>`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${international ? "global-" : ""}delivery-status;`,
    `\tboundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Transfer-Encoding: ${international ? "8bit" : "7bit"}`,
    "",
    `This is the mail system at ${hostname}.`,
    "",
    "Your message could not be delivered to:",
    "",
    ...failures.map(({ recipient, text }) => `<${recipient.address}>: ${printable(text, international)}`),
    "",
    `--${boundary}`,
    `Content-Type: message/${international ? "global-" : ""}delivery-status`,
    "",
    ...messageFields(notice),
    ...failures.flatMap((failure) => ["", ...recipientFields(failure, atMs, international)]),
    "",
  ];
  // RFC 6522 section 3: the third part, what was returned, may be left out.
  const part = [
    `--${boundary}`,
    `Content-Type: ${returnedType(returned?.full === true, international)}`,
    ...(message.envelope.body === "8BITMIME" ? ["Content-Transfer-Encoding: 8bit"] : []),
    "",
    "",
  ];
  return Buffer.concat([
    Buffer.from([...head, ...(returned === null ? [] : part)].join("\r\n"), "utf8"),
    ...(returned === null ? [] : [returned.bytes]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

function messageFields({ hostname, message }: Notice): readonly string[] {
  const { envid } = message.envelope;
  return [
    ...(envid === null ? [] : [`Original-Envelope-Id: ${printable(decodeXtext(envid), false)}`]),
    `Reporting-MTA: dns; ${hostname}`,
    `Arrival-Date: ${mailDate(message.context.receivedAtMs)}`,
  ];
}

function recipientFields(failure: Failure, atMs: number, international: boolean): readonly string[] {
  const { recipient, status, text, remote } = failure;
  const original = recipient.orcpt;
  const kind = original?.slice(0, original.indexOf(";"));
  return [
    ...(original === null
      ? []
      : [
          `Original-Recipient: ${kind};${printable(decodeXtext(original.slice((kind?.length ?? 0) + 1)), international)}`,
        ]),
    `Final-Recipient: ${international ? "utf-8" : "rfc822"};${recipient.address}`,
    "Action: failed",
    `Status: ${status}`,
    ...(remote === null
      ? [`Diagnostic-Code: X-holdfast; ${printable(text, international)}`]
      : [`Remote-MTA: dns; ${remote}`, `Diagnostic-Code: smtp; ${printable(text, international)}`]),
    `Last-Attempt-Date: ${mailDate(atMs)}`,
  ];
}

function returnedType(full: boolean, international: boolean): string {
  if (international) return full ? "message/global" : "message/global-headers";
  return full ? "message/rfc822" : "text/rfc822-headers";
}

/** One line, without control characters, and in ASCII where the notice is. */
function printable(text: string, international: boolean): string {
  const line = text.replace(/\p{Cc}+/gu, " ");
  return international ? line : line.replace(/[^ -~]/g, "?");
}
