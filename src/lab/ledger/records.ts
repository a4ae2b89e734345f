/** What a run of the ledger records: plain data, from which the checks decide. */
import type { Doubt } from "../records.js";
import type { Kind, LedgerRecipient } from "./messages.js";

/** A message that the injector tried to send, once. */
export interface LedgerEntry {
  readonly event: "entry";
  readonly token: string;
  readonly kind: Kind;
  /** Address of the listener, which is that of the binding too. */
  readonly listener: string;
  /** `open`: its final dot was sent and no answer came. `unsent`: the final dot was not sent. */
  readonly outcome: "accepted" | "refused" | "open" | "unsent";
  /** The answer in full, or why there is none. */
  readonly reply: string;
  /** Those whose RCPT got a 250. */
  readonly recipients: readonly LedgerRecipient[];
  /** SHA-256 of the content as a server has it, in hexadecimal. */
  readonly hash: string;
}

/** A transaction that the sink took. */
export interface Arrival {
  readonly event: "arrival";
  /** Number of its connection. */
  readonly connection: number;
  readonly source: string;
  /** Id that the first node gave the message. */
  readonly id: string;
  readonly recipients: readonly LedgerRecipient[];
  /** Of the content without that node's trace field. */
  readonly hash: string;
}

/** A notice of failure that the sink took. */
export interface ArrivedNotice {
  readonly event: "notice";
  readonly id: string;
  /** Address that it was sent to. */
  readonly to: string;
  /** Final-Recipient of each part. */
  readonly failed: readonly string[];
}

/** Something that is no message of the ledger. */
export interface Stranger {
  readonly event: "stranger";
  readonly what: string;
}

export interface LedgerRecord {
  readonly entries: readonly LedgerEntry[];
  readonly arrivals: readonly Arrival[];
  readonly notices: readonly ArrivedNotice[];
  readonly strangers: readonly Stranger[];
  readonly doubts: readonly Doubt[];
}

/** Id in the answer to the final dot, "250 2.6.0 <id> queued". */
export function idOf(entry: LedgerEntry): string | null {
  return /^250 2\.6\.0 (\S+) queued/.exec(entry.reply)?.[1] ?? null;
}
