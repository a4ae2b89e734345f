/**
 * PURE: what the sink does with a recipient is written in its address, so that the check knows it too, and a message
 * without a byte of content can be told from any other: `<verdict>.<token>.<number>@<conduct>.lab`. They are short,
 * since the events of a node cut long lists of recipients.
 */

/** What a recipient gets for its RCPT: taken; 451 at its first two attempts; 550. */
export const VERDICTS = { ok: "o", deferred: "d", refused: "r" } as const;

/** What happens to a transaction of this domain. */
export const CONDUCTS = {
  /** 250. */
  plain: "plain",
  /** 451 to the final dot of the first attempt. */
  later: "later",
  /** 554 to the final dot. */
  reject: "reject",
  /** The connection ends instead of a 354, then at the final dot without taking the message, then all is well. */
  cutBefore: "before",
  /** The message is taken and the connection ends without an answer, once. */
  cutAfter: "after",
  /** The 250 takes its time. */
  slow: "slow",
  /** No answer to the final dot for seconds, and the message is not taken, once. */
  stall: "stall",
} as const;

export type Verdict = (typeof VERDICTS)[keyof typeof VERDICTS];
export type Conduct = (typeof CONDUCTS)[keyof typeof CONDUCTS];

export interface LedgerAddress {
  readonly verdict: Verdict;
  readonly token: string;
  readonly conduct: Conduct;
}

const PATTERN = /^([a-z])\.([a-z0-9]+)\.\d+@([a-z]+)\.lab$/;
const SENDER = /^s\.([a-z0-9]+)@sender\.lab$/;

export function recipientAddress({ verdict, token, conduct }: LedgerAddress, number: number): string {
  return `${verdict}.${token}.${number}@${conduct}.lab`;
}

/** null for an address that is not one of ours. */
export function readRecipient(address: string): LedgerAddress | null {
  const [, letter, token, name] = PATTERN.exec(address) ?? [];
  const verdict = Object.values(VERDICTS).find((one) => one === letter);
  const conduct = Object.values(CONDUCTS).find((one) => one === name);
  return verdict === undefined || conduct === undefined || token === undefined ? null : { verdict, token, conduct };
}

/** The sink takes it in the end; otherwise it has to be returned to its sender. */
export function isTaken({ verdict, conduct }: LedgerAddress): boolean {
  return verdict !== VERDICTS.refused && conduct !== CONDUCTS.reject;
}

export function senderAddress(token: string): string {
  return `s.${token}@sender.lab`;
}

/** Token of the message whose sender this is, or null. */
export function readSender(address: string): string | null {
  return SENDER.exec(address)?.[1] ?? null;
}
