/** PURE: a ChaosReport as text for people. */
import { spread } from "../outages.js";
import { columns, violationLines } from "../report.js";
import type { ChaosReport, Strike } from "./chaos.js";

export function renderChaos({ seed, strikes, mail, violations }: ChaosReport): string {
  return [
    ...columns([["fault", "times", "served again after, median", "max", "at rest, median", "max"], ...rows(strikes)]),
    "",
    `${strikes.length} strikes of seed ${seed}; a strike of two faults counts for both`,
    `mail: ${mail.accepted} messages got a 250, ${mail.delivered} arrived, ${mail.twiceInDoubt} came twice and were logged as in doubt`,
    ...violationLines(strikes.at(-1)?.what.join("; ") ?? "start", violations),
  ].join("\n");
}

function rows(strikes: readonly Strike[]): readonly string[][] {
  const names = [...new Set(strikes.flatMap(({ faults }) => faults))].toSorted();
  return names.map((name) => {
    const some = strikes.filter(({ faults }) => faults.includes(name));
    const served = cells(some.map(({ servedMs }) => servedMs));
    return [name, String(some.length), ...served, ...cells(some.map(({ balancedMs }) => balancedMs))];
  });
}

function cells(times: readonly number[]): readonly [median: string, max: string] {
  const all = spread(times);
  return all === null ? ["-", "-"] : [`${Math.round(all.median)} ms`, `${Math.round(all.max)} ms`];
}
