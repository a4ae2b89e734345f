/**
 * The last line of a daemon that ends because it must. It needs nothing of the log: the entry has it before anything
 * else is loaded.
 */
import { ERROR_CODES, type ErrorCode, explain, HoldfastError } from "../errors.js";
import { isOutOfDescriptors } from "../mail/errno.js";
import type { LogWriter } from "./log-writer.js";

/** sysexits(3): EX_SOFTWARE. */
const BUG_STATUS = 70;
/** What pino calls an error. */
const ERROR_LEVEL = 50;

export interface Failure {
  /** A code of docs/ERRORS.md, or "bug". */
  readonly error: ErrorCode | "bug";
  readonly reason: string;
  /** The process's exit status. */
  readonly status: number;
}

/** What was thrown, as an operator is told of it. Descriptors that are out are no bug, wherever they run out. */
export function failureOf(thrown: unknown): Failure {
  const error = thrown instanceof HoldfastError ? thrown.code : isOutOfDescriptors(thrown) ? "ERR_DESCRIPTORS" : "bug";
  const status = error === "bug" ? BUG_STATUS : ERROR_CODES[error].exit;
  const remedy = error === "ERR_DESCRIPTORS" && !(thrown instanceof HoldfastError) ? `: ${RAISE_LIMIT}` : "";
  return { error, reason: explain(thrown) + remedy, status };
}

/** The remedy that every refusal for lack of descriptors names. */
export const RAISE_LIMIT = "raise LimitNOFILE= in the systemd unit, or `ulimit -Hn` of who starts it";

/**
 * The line and, for people, the same on standard error, with the stack where it may be a bug. @returns the status to
 * exit with.
 */
export function tellFailure(thrown: unknown, out: Output, err: Output): number {
  const { error, reason, status } = failureOf(thrown);
  const line = { level: ERROR_LEVEL, time: new Date().toISOString(), code: "failed", error, reason };
  out.write(`${JSON.stringify(line)}\n`, true);
  err.write(`holdfastd: ${reason}${error === "bug" ? "" : ` (${error})`}\n`, true);
  if (error === "bug" && thrown instanceof Error) err.write(`${thrown.stack}\n`, true);
  out.flush();
  err.flush();
  return status;
}

type Output = Pick<LogWriter, "write" | "flush">;
