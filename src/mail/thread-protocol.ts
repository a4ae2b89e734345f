/** What the node's thread and the mail thread say to each other: calls with a number, answers with the same number, and
 * events. Everything is plain data that structured clone takes. */
import { type ErrorCode, type ErrorFacts, ERROR_CODES, explain, HoldfastError } from "../errors.js";
import { codeOf } from "./errno.js";
import type { MailEvent, MailService } from "./types.js";

export type MailMethod = keyof MailService;

export type Call = {
  [M in MailMethod]: { readonly call: number; readonly method: M; readonly args: Parameters<MailService[M]> };
}[MailMethod];

export type FromThread =
  | { readonly kind: "result"; readonly call: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly call: number; readonly error: WireError }
  | { readonly kind: "event"; readonly event: MailEvent };

/** An error on its way between threads: structured clone would lose its code and facts. */
export interface WireError {
  readonly code: string | null;
  readonly message: string;
  readonly facts: ErrorFacts;
  /** The chain of causes as text, or null. */
  readonly cause: string | null;
}

export function errorToWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { code: null, message: String(error), facts: {}, cause: null };
  const facts = error instanceof HoldfastError ? error.facts : {};
  const cause = error.cause === undefined ? null : explain(error.cause);
  return { code: codeOf(error) ?? null, message: error.message, facts, cause };
}

export function errorFromWire({ code, message, facts, cause }: WireError): Error {
  const options = cause === null ? undefined : { cause: new Error(cause) };
  return isErrorCode(code) ? new HoldfastError(code, message, facts, options) : new Error(message, options);
}

function isErrorCode(code: string | null): code is ErrorCode {
  return code !== null && code in ERROR_CODES;
}
