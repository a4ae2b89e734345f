/** How far an address may be owned in a part of the cluster: `partition_policy` of its Topology. */
import type { PartitionPolicy } from "../../config/types.js";
import type { Unit } from "./definitions.js";

/** From the least to the most strict. */
export const POLICIES: readonly PartitionPolicy[] = ["available", "majority", "strict"];

export function strictest(policies: Iterable<PartitionPolicy>): PartitionPolicy {
  let rank = 0;
  for (const policy of policies) rank = Math.max(rank, POLICIES.indexOf(policy));
  return POLICIES[rank] ?? "available";
}

/** Addresses that go together are under the strictest policy of any of them. */
export function policyOf({ lead, followers }: Unit): PartitionPolicy {
  return followers.length === 0 ? lead.policy : strictest([lead, ...followers].map(({ policy }) => policy));
}

/** May nobody in this part of the cluster own it? */
export function isWithheld(unit: Unit, quorate: boolean): boolean {
  return !quorate && policyOf(unit) !== "available";
}
