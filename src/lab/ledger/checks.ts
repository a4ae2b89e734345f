/** PURE: decides from the ledger of a run whether every 250 was kept. One function a promise. */
import type { Violation } from "../records.js";
import { isTaken, readRecipient, readSender } from "./addresses.js";
import type { LedgerRecipient } from "./messages.js";
import { type Arrival, idOf, type LedgerEntry, type LedgerRecord } from "./records.js";

/** A recipient of a message, with all that is known about it. */
interface Account {
  readonly entry: LedgerEntry;
  readonly recipient: LedgerRecipient;
  readonly arrivals: readonly Arrival[];
}

export function checkLedger(record: LedgerRecord): readonly Violation[] {
  const accounts = accountsOf(record);
  return [
    ...checkAnswers(record.entries),
    ...checkStrangers(record),
    ...accounts.flatMap(checkArrives),
    ...accounts.flatMap(checkCopies),
    ...checkTwice(record, accounts),
    ...checkSettled(record),
    ...checkNotices(record, accounts),
  ];
}

/** What breaks the rules gets no 250; what keeps them is not refused for good. */
function checkAnswers(entries: readonly LedgerEntry[]): Violation[] {
  return entries.flatMap(({ token, kind, outcome, reply }) => {
    if (kind === "stray") {
      return outcome === "accepted" ? [violation("not-smuggled", `${kind} ${token}`, "550", reply)] : [];
    }
    const refused = outcome !== "accepted" && /^5\d\d/.test(reply);
    return refused ? [violation("not-refused", `${kind} ${token}`, "250, or 4xx", reply)] : [];
  });
}

/** All that arrives was sent. */
function checkStrangers({ entries, arrivals, strangers }: LedgerRecord): Violation[] {
  const sent = new Set(entries.flatMap((entry) => entry.recipients.map(({ address }) => address)));
  return [
    ...strangers.map(({ what }) => violation("not-strange", what, "a message of the ledger", "something else")),
    ...arrivals.flatMap(({ recipients }) =>
      recipients.flatMap(({ address }) =>
        sent.has(address) ? [] : [violation("not-strange", address, "nothing, it was not sent", "a message")],
      ),
    ),
  ];
}

/** A recipient that got its 250 gets the message; one that was refused does not. */
function checkArrives({ entry, recipient, arrivals }: Account): Violation[] {
  const subject = `${entry.kind} ${recipient.address}`;
  const here = readRecipient(recipient.address);
  const taken = here !== null && isTaken(here);
  if (entry.outcome === "accepted" && taken && arrivals.length === 0) {
    return [violation("not-lost", subject, "at the sink", `nowhere (${entry.listener}: ${entry.reply})`)];
  }
  const never = entry.outcome === "refused" || entry.outcome === "unsent";
  return never && arrivals.length > 0
    ? [violation("not-taken", subject, "nowhere", `at the sink (${entry.reply})`)]
    : [];
}

/** Each copy is the message byte for byte, for whom it was, from its binding's address. */
function checkCopies({ entry, recipient, arrivals }: Account): Violation[] {
  const subject = `${entry.kind} ${recipient.address}`;
  return arrivals.flatMap(({ hash, source, recipients }) => {
    const seen = recipients.find(({ address }) => address === recipient.address)?.parameters ?? "";
    return [
      ...(hash === entry.hash ? [] : [violation("same-bytes", subject, entry.hash, hash)]),
      ...(source === entry.listener ? [] : [violation("right-source", subject, entry.listener, source)]),
      ...(sorted(seen) === sorted(recipient.parameters)
        ? []
        : [violation("same-parameters", subject, recipient.parameters, seen)]),
    ];
  });
}

/** A second copy was logged as in doubt: as many copies as were logged, and one. */
function checkTwice({ doubts }: LedgerRecord, accounts: readonly Account[]): Violation[] {
  const logged = counted(doubts.flatMap(({ id, recipients }) => recipients.map((address) => `${id} ${address}`)));
  return accounts.flatMap(({ entry, recipient, arrivals }) => {
    if (arrivals.length < 2) return [];
    const excused = logged.get(`${arrivals[0]?.id} ${recipient.address}`) ?? 0;
    if (arrivals.length - 1 <= excused) return [];
    const seen = `${arrivals.length} copies, ${excused} logged as in doubt`;
    return [violation("not-twice", `${entry.kind} ${recipient.address}`, "one copy, and those in doubt", seen)];
  });
}

/**
 * A message in several transactions: that the node went on to the next one shows that it had the answer to the one
 * before, and whatever happens to it then, those recipients are not tried again.
 */
function checkSettled({ arrivals }: LedgerRecord): Violation[] {
  const settled = new Map<string, string>();
  const last = new Map<string, Arrival>();
  return arrivals.flatMap((arrival) => {
    const again = arrival.recipients.filter(({ address }) => settled.has(address));
    const conversation = `${arrival.connection} ${arrival.id}`;
    for (const { address } of last.get(conversation)?.recipients ?? []) settled.set(address, arrival.id);
    last.set(conversation, arrival);
    return again.map(({ address }) =>
      violation("settled-not-twice", address, "one copy: the node had the answer", "another copy"),
    );
  });
}

/** Who could not be reached is returned to the sender, who asked for it; who was reached is not. */
function checkNotices({ notices, doubts }: LedgerRecord, accounts: readonly Account[]): Violation[] {
  const told = counted(notices.flatMap(({ to, failed }) => failed.map((address) => `${readSender(to)} ${address}`)));
  const inDoubt = counted(doubts.map(({ id }) => id));
  return accounts.flatMap(({ entry, recipient }) => {
    const times = told.get(`${entry.token} ${recipient.address}`) ?? 0;
    const here = readRecipient(recipient.address);
    const expected = here !== null && !isTaken(here) && wantsNotice(recipient);
    const subject = `${entry.kind} ${recipient.address}`;
    if (!expected) return times === 0 ? [] : [violation("no-notice", subject, "no notice", `${times}`)];
    if (entry.outcome === "accepted" && times === 0)
      return [violation("notice", subject, "a notice of failure", "none")];
    const noticeIds = notices
      .filter(({ failed }) => times > 1 && failed.includes(recipient.address))
      .map(({ id }) => id);
    const excused = [idOf(entry) ?? "", ...new Set(noticeIds)].reduce((sum, id) => sum + (inDoubt.get(id) ?? 0), 0);
    if (times <= 1 + excused) return [];
    return [violation("notice-not-twice", subject, "one notice", `${times}, ${excused} deliveries in doubt`)];
  });
}

/** RFC 3461 section 4.1: without NOTIFY, a failure is told. */
function wantsNotice({ parameters }: LedgerRecipient): boolean {
  const notify = /\bNOTIFY=(\S+)/.exec(parameters)?.[1];
  return notify === undefined || notify.split(",").includes("FAILURE");
}

function accountsOf({ entries, arrivals }: LedgerRecord): readonly Account[] {
  const byAddress = new Map<string, Arrival[]>();
  for (const arrival of arrivals) {
    for (const { address } of arrival.recipients) {
      const some = byAddress.get(address);
      if (some === undefined) byAddress.set(address, [arrival]);
      else some.push(arrival);
    }
  }
  return entries.flatMap((entry) =>
    entry.recipients.map((recipient) => ({ entry, recipient, arrivals: byAddress.get(recipient.address) ?? [] })),
  );
}

/** Second copies: each was logged as in doubt, unless a check says otherwise. */
export function secondCopies(record: LedgerRecord): number {
  return accountsOf(record).reduce((sum, { arrivals }) => sum + Math.max(0, arrivals.length - 1), 0);
}

function counted(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function sorted(parameters: string): string {
  return parameters.split(" ").toSorted().join(" ");
}

function violation(check: string, subject: string, expected: string, seen: string): Violation {
  return { check, subject, expected, seen };
}
