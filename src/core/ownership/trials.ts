/** Which of the units that prefer a doubtful member goes to it, for it to show that it can plumb. */
import type { Slices } from "../slices.js";
import { SLICE } from "../slices.js";
import { placing, preferredHome, type PlacementInput } from "./placement.js";
import { Scales } from "./scales.js";

/**
 * @param leads units of the Topology that prefer the member.
 * @param refused those of them that it has refused.
 * @returns the first that would go to it but for the doubt, or null.
 */
export function* choosingTrial(
  input: PlacementInput,
  member: string,
  topology: string,
  leads: readonly string[],
  refused: ReadonlySet<string>,
): Slices<string | null> {
  const standing = input.able.get(member);
  if (standing === undefined) return null;
  const doubtful = new Map([...standing.doubtful].filter(([other]) => other !== topology));
  const trusting = { ...input, able: new Map(input.able).set(member, { ...standing, doubtful }) };
  const scales = new Scales(trusting.able, input.loads);
  const homes = yield* placing(trusting, leads);
  const going = new Set(homes.filter(({ home }) => home === member).map(({ lead }) => lead));
  let [trial, rank]: [string | null, number] = [null, Number.POSITIVE_INFINITY];
  let seen = 0;
  for (const lead of leads) {
    if (++seen % SLICE === 0) yield;
    const [unit, row] = [input.units.get(lead), input.rows.get(lead)];
    if (unit === undefined || row === undefined || refused.has(lead) || unit.lead.rank > rank) continue;
    if (going.has(lead) || preferredHome(unit, row, scales) === member) [trial, rank] = [lead, unit.lead.rank];
  }
  return trial;
}
