/** Why a member cannot serve a Topology, in words that go behind its name. */
import type { Health } from "../wire/messages.js";

export const NO_CARRIER = "has no carrier";

/** Members of the first version say only where. @param topology one that is down. */
export function reasonIn({ reasons = [] }: Health, topology: string): string {
  return reasons.find((one) => one.topology === topology)?.reason ?? NO_CARRIER;
}
