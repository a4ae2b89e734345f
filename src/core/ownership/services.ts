/** What clients of an address would miss at another member: where members run different services it is UNSAFE. */
import type { Unit, Vip } from "./definitions.js";

/**
 * @param present who has the unit; null where nobody has: then what any member runs is missed.
 * @returns a sentence, or null where nothing is missed.
 */
export function missingServices(unit: Unit, present: string | null, to: string): string | null {
  if (present === to) return null;
  const losses: string[] = [];
  for (const vip of [unit.lead, ...unit.followers]) {
    const lost = lostServices(vip, present, to);
    if (lost.length > 0) losses.push(`${vip.address} is UNSAFE: ${to} does not run ${lost.join(" ")} on it`);
    if (losses.length === MOST) break;
  }
  return losses.length === 0 ? null : `${losses.join("; ")}, so whoever uses that would be refused there`;
}

/** Addresses that one sentence is about. */
const MOST = 3;

function lostServices({ participants }: Vip, present: string | null, to: string): string[] {
  const here = participants.get(to);
  if (here === undefined) return [];
  const now = present === null ? [...participants.values()].flat() : (participants.get(present) ?? []);
  return [...new Set(now)].filter((service) => !here.includes(service)).sort();
}
