/** What changed from one set of definitions to the next. */
import { preferencesOf, type Definitions, type Unit } from "./definitions.js";

/** Does every unit that is left consist of the same addresses? */
export function sameUnits(before: Definitions, after: Definitions): boolean {
  for (const [lead, { followers }] of after.units) {
    const known = before.units.get(lead)?.followers;
    if (known?.length !== followers.length) return false;
    if (followers.some(({ address }, i) => known[i]?.address !== address)) return false;
  }
  return true;
}

export function sameTerms(a: Unit | undefined, b: Unit): boolean {
  return (
    a !== undefined &&
    a.lead.broken === b.lead.broken &&
    a.lead.failback === b.lead.failback &&
    preferencesOf(a).join("\n") === preferencesOf(b).join("\n") &&
    b.electorate.every((member) => a.electorate.includes(member))
  );
}
