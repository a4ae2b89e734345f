/** What an operator should read in the log of what became of a member's health. */
import type { Facts, NodeEventCode } from "../io.js";
import type { Health } from "../wire/messages.js";
import { reasonIn } from "./reasons.js";

export type Report = readonly [code: NodeEventCode, facts: Facts];

/** One for each Topology that it can serve no more, or again, or where something else is wrong now. */
export function reportHealth(node: string, before: Health | undefined, after: Health): Report[] {
  const fallen = after.down.flatMap((topology): Report[] => {
    const reason = reasonIn(after, topology);
    const known = before?.down.includes(topology) === true && reasonIn(before, topology) === reason;
    return known ? [] : [["topology-down", { node, topology, reason }]];
  });
  const risen = (before?.down ?? []).filter((topology) => !after.down.includes(topology));
  return [...fallen, ...risen.map((topology): Report => ["topology-up", { node, topology }])];
}
