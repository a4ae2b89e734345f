import { inspect } from "node:util";

/**
 * Every way this package can fail on purpose. The code is the contract; the message is for people
 * and may change. `docs/ERRORS.md` has one section for each code, and test/repo holds us to it.
 * `exit` is the process's exit status where the error ends one, from sysexits(3).
 */
export const ERROR_CODES = {
  ERR_CONFIG_INVALID: { exit: 78, retry: false },
  ERR_CONFIG_UNREADABLE: { exit: 66, retry: false },
  ERR_USAGE: { exit: 64, retry: false },
  ERR_CANCELLED: { exit: 75, retry: true },
  ERR_CAPABILITY_MISSING: { exit: 77, retry: false },
  ERR_DESCRIPTORS: { exit: 77, retry: false },
  ERR_GROUP_BACKLOG: { exit: 75, retry: true },
  ERR_GROUP_PAYLOAD: { exit: 65, retry: false },
  ERR_HOST_ADDRESS: { exit: 78, retry: false },
  ERR_NATIVE_ARGUMENT: { exit: 70, retry: false },
  ERR_NATIVE_MISSING: { exit: 70, retry: false },
  ERR_NETLINK: { exit: 74, retry: true },
  ERR_LINK_UNKNOWN: { exit: 78, retry: true },
  ERR_LIFELINE: { exit: 74, retry: true },
  ERR_CLUSTER_KEY: { exit: 78, retry: false },
  ERR_LISTEN: { exit: 71, retry: true },
  ERR_SPOOL: { exit: 74, retry: true },
  ERR_SPOOL_FULL: { exit: 74, retry: true },
  ERR_LOAD: { exit: 70, retry: false },
  ERR_MAIL_THREAD: { exit: 70, retry: true },
  ERR_MESSAGE_MALFORMED: { exit: 76, retry: false },
  ERR_MOVE_UNSAFE: { exit: 69, retry: false },
  ERR_MOVE_REFUSED: { exit: 75, retry: true },
  ERR_CONTROL_UNREACHABLE: { exit: 69, retry: true },
  ERR_COMMAND: { exit: 65, retry: false },
  ERR_LAB: { exit: 70, retry: false },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts for machines: what was being done, to what. Plain JSON values, never secrets. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean>>;

export class HoldfastError extends Error {
  override readonly name = "HoldfastError";

  /** @param message what was being done, and to what; it does not repeat the cause, the printer walks `cause`. */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly facts: ErrorFacts = {},
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }

  /** True when the same call may succeed later with nothing changed. */
  get retry(): boolean {
    return ERROR_CODES[this.code].retry;
  }
}

/** Narrow by code, not by class: two copies of the package may be loaded at once. */
export function hasCode(value: unknown, code: ErrorCode): value is HoldfastError {
  return value instanceof Error && "code" in value && value.code === code;
}

/** The whole chain of causes on one line: "cannot add 192.0.2.7/32 to eth0: Operation not permitted". */
export function explain(error: unknown): string {
  const parts: string[] = [];
  let at = error;
  for (; at instanceof Error && parts.length < 8; at = at.cause) parts.push(at.message);
  // Whatever else was thrown ends the chain.
  if (at !== undefined && !(at instanceof Error)) parts.push(typeof at === "string" ? at : inspect(at));
  return parts.join(": ");
}
