/** The recipients of a message, as they go over SMTP. Pure. */
import type { SpooledMessage } from "./spool/types.js";

/** RFC 5321 section 4.5.3.1.8: what every server takes in one transaction. */
const MAX_RECIPIENTS = 100;

/** RFC 3461 section 4: printable ASCII without "+" and "=", which are written as "+" and two digits; after a type. */
const ORCPT = /^[A-Za-z0-9-]+;(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;
const NOTIFY = /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)$/i;

/** Recipients by transaction. An address is in a transaction once, as replies are told apart by address. */
export function transactions(message: SpooledMessage, due: readonly number[]): number[][] {
  const seen = new Map<string, number>();
  const rounds: number[][] = [];
  for (const index of due) {
    const address = message.envelope.recipients[index]?.address ?? "";
    const round = seen.get(address) ?? 0;
    seen.set(address, round + 1);
    (rounds[round] ??= []).push(index);
  }
  return rounds.flatMap((indexes) => {
    const batches: number[][] = [];
    for (let at = 0; at < indexes.length; at += MAX_RECIPIENTS) batches.push(indexes.slice(at, at + MAX_RECIPIENTS));
    return batches;
  });
}

/**
 * What follows the path in each RCPT command where the server knows DSN: parameters belong to a recipient, not to the
 * transaction (RFC 3461 section 4). One that is not well formed is left out.
 */
export function recipientParameters(message: SpooledMessage, batch: readonly number[]): readonly string[] {
  return batch.map((index) => {
    const { notify = null, orcpt = null } = message.envelope.recipients[index] ?? {};
    return [
      notify !== null && NOTIFY.test(notify) ? ` NOTIFY=${notify.toUpperCase()}` : "",
      orcpt !== null && ORCPT.test(orcpt) ? ` ORCPT=${orcpt}` : "",
    ].join("");
  });
}
