/** What an error of nodemailer's SMTPConnection means for the recipients it was about. Pure. */
export interface Outcome {
  readonly kind: "delivered" | "temporary" | "permanent";
  /** The reply as it was given, or what happened instead of one; at most 500 characters. */
  readonly text: string;
  /** RFC 3463 code of the reply, or the general one of its class. */
  readonly status: string;
  /** The text is a reply of the other server. */
  readonly remote: boolean;
}

interface SendError extends Error {
  readonly code?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly SendError[];
}

function isSendError(error: unknown): error is SendError {
  return error instanceof Error;
}

function hasRejected(result: unknown): result is Pick<SendError, "rejectedErrors"> {
  return typeof result === "object" && result !== null;
}

/** True when the connection ended without a reply to what was sent last. */
export function isConnectionLost(error: unknown): boolean {
  if (!isSendError(error)) return true;
  const { responseCode, code } = error;
  return responseCode === undefined && code !== "EMESSAGE" && code !== "EENVELOPE";
}

export function outcomeOfError(error: unknown): Outcome {
  if (!isSendError(error)) return { kind: "temporary", text: clip(String(error)), status: "4.3.0", remote: false };
  const { responseCode, response, message, code, command } = error;
  if (responseCode === undefined) {
    // Refused by the library: an address that no server could be told.
    if (code === "EENVELOPE") return { kind: "permanent", text: clip(message), status: "5.1.3", remote: false };
    // The library compares the size with what EHLO announced, before it sends anything.
    if (code === "EMESSAGE" && command === "MAIL FROM")
      return { kind: "permanent", text: message, status: "5.3.4", remote: false };
    return { kind: "temporary", text: clip(message), status: "4.4.2", remote: false };
  }
  const text = clip(response ?? message);
  const kind = responseCode >= 500 ? "permanent" : "temporary";
  return { kind, text, status: statusOf(text, kind), remote: true };
}

/** Outcomes by address, of the recipients that were refused one by one. @param result of a send, or its error. */
export function refusedRecipients(result: unknown): ReadonlyMap<string, Outcome> {
  const errors = hasRejected(result) ? (result.rejectedErrors ?? []) : [];
  return new Map(
    errors.flatMap((error) => (error.recipient === undefined ? [] : [[error.recipient, outcomeOfError(error)]])),
  );
}

export function delivered(response: string): Outcome {
  return { kind: "delivered", text: clip(response), status: statusOf(response, "delivered"), remote: true };
}

function statusOf(reply: string, kind: Outcome["kind"]): string {
  const given = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(reply)?.[1];
  return given ?? { delivered: "2.0.0", temporary: "4.0.0", permanent: "5.0.0" }[kind];
}

function clip(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 500);
}
