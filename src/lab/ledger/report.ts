/** PURE: a LedgerReport as text for people. */
import { columns, violationLines } from "../report.js";
import { secondCopies } from "./checks.js";
import type { LedgerReport } from "./ledger.js";
import type { LedgerEntry } from "./records.js";

export function renderLedger({ seed, record, faults, violations }: LedgerReport): string {
  const { entries, arrivals, notices, doubts } = record;
  const kinds = [...new Set(entries.map(({ kind }) => kind))].toSorted();
  const addresses = arrivals.flatMap(({ recipients }) => recipients.map(({ address }) => address));
  const copies = new Set(addresses).size;
  const happened = Object.entries(faults).map(([name, count]) => `${count} ${name}`);
  return [
    ...columns([
      ["kind", "messages", "250", "refused", "no answer", "no final dot", "recipients that got their 250"],
      ...kinds.map((kind) =>
        row(
          kind,
          entries.filter((entry) => entry.kind === kind),
        ),
      ),
    ]),
    "",
    `seed ${seed}: ${happened.join(", ")}`,
    `${copies} recipients got their message, ${notices.length} notices of failure came`,
    `${secondCopies(record)} second copies; ${doubts.length} deliveries were logged as in doubt`,
    ...violationLines(`seed ${seed}`, violations),
    ...counts(violations.map(({ check, subject }) => `${check} ${subject.split(" ")[0]}`)),
  ].join("\n");
}

function row(kind: string, entries: readonly LedgerEntry[]): readonly string[] {
  const of = (outcome: LedgerEntry["outcome"]) => entries.filter((entry) => entry.outcome === outcome);
  const recipients = of("accepted").reduce((sum, entry) => sum + entry.recipients.length, 0);
  const cells = [entries, of("accepted"), of("refused"), of("open"), of("unsent")].map((some) => String(some.length));
  return [kind, ...cells, String(recipients)];
}

/** How often each check failed for each kind of message. */
function counts(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted().map((name) => `  ${name}: ${names.filter((one) => one === name).length}`);
}
