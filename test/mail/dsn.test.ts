import { describe, expect, it } from "vitest";
import { failureNotice, type Notice, wantsFailureNotice } from "../../src/mail/dsn.js";

const recipient = { address: "u@x.test", notify: null, orcpt: null };

function notice(over: Partial<Notice> = {}, smtpUtf8 = false): string {
  return String(
    failureNotice({
      id: "id",
      atMs: 0,
      hostname: "mx.test",
      message: {
        id: "m",
        envelope: { from: "a@b.test", body: null, smtpUtf8, ret: null, envid: "E+2B1", recipients: [recipient] },
        binding: "default",
        context: { receivedAtMs: 0, expiresAtMs: 1, listener: null, client: null, hops: 0 },
      },
      failures: [{ recipient, status: "5.1.1", text: "550 5.1.1 no\tüser", remote: "192.0.2.1" }],
      returned: { full: false, bytes: Buffer.from("Subject: s\r\n\r\n") },
      ...over,
    }),
  );
}

describe("a notice of failure", () => {
  it("is wanted unless NOTIFY says otherwise, and never by the null sender (RFC 3461)", () => {
    expect(wantsFailureNotice("a@b.test", null)).toBe(true);
    expect(wantsFailureNotice("a@b.test", "success,failure")).toBe(true);
    expect(wantsFailureNotice("a@b.test", "DELAY")).toBe(false);
    expect(wantsFailureNotice("a@b.test", "NEVER")).toBe(false);
    expect(wantsFailureNotice("", null)).toBe(false);
    expect(wantsFailureNotice("postmaster", null)).toBe(false);
  });

  it("is a multipart/report with one block a message and one a recipient (RFC 3464)", () => {
    const [head = "", , status = "", returned = ""] = notice().split("--=_id");
    expect(head).toMatch(/Auto-Submitted: auto-replied\r\n.*multipart\/report; report-type=delivery-status;/s);
    expect(status).toBe(
      [
        "",
        "Content-Type: message/delivery-status",
        "",
        "Original-Envelope-Id: E+1",
        "Reporting-MTA: dns; mx.test",
        "Arrival-Date: Thu, 01 Jan 1970 00:00:00 +0000",
        "",
        "Final-Recipient: rfc822;u@x.test",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; 192.0.2.1",
        "Diagnostic-Code: smtp; 550 5.1.1 no ?ser",
        "Last-Attempt-Date: Thu, 01 Jan 1970 00:00:00 +0000",
        "",
        "",
      ].join("\r\n"),
    );
    expect(returned).toBe("\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: s\r\n\r\n\r\n");
  });

  it("gives the whole message back, and addresses outside ASCII, where that is asked for (RFC 6533)", () => {
    const full = { full: true, bytes: Buffer.from("Subject: s\r\n\r\nbody\r\n") };
    expect(notice({ returned: full })).toContain("Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nbody\r\n");
    const international = notice({ returned: full }, true);
    for (const part of [
      "report-type=global-delivery-status",
      "Final-Recipient: utf-8;",
      "message/global\r\n",
      "no üser",
    ]) {
      expect(international).toContain(part);
    }
  });

  it("has only lines that end in CRLF, and stays in ASCII", () => {
    expect(notice()).not.toMatch(/[^\r]\n|\r[^\n]/);
    // oxlint-disable-next-line no-control-regex -- ASCII is what is tested
    expect(notice()).toMatch(/^[\x00-\x7f]*$/);
  });
});
