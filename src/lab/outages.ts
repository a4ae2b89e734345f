/** PURE: from the prober's events, how long each address was away. */
import type { ProbeEvent } from "./prober.js";

/** What one phase did to one address. Times in ms. */
export interface Outage {
  readonly address: string;
  /** Node that answered before, or null. */
  readonly from: string | null;
  /** Node that answered at last, or null when it is still away. */
  readonly to: string | null;
  /** How long new connections failed: until the start of the first attempt that got its `220`. */
  readonly acceptingMs: number | null;
  /** Until that `220` was there. */
  readonly answeringMs: number | null;
}

/**
 * Outages among `events`, which are those of one phase in the order of time. An address that changed its node without
 * being seen away was away for less than the prober can see: 0 ms.
 *
 * @param before node that answered each address when the phase began.
 * @param faultAt where the phase began with a fault: addresses whose home it hit count as away from then on.
 */
export function outages(
  events: readonly ProbeEvent[],
  before: ReadonlyMap<string, string | null>,
  fault: { readonly at: number; readonly addresses: readonly string[] } | null = null,
): readonly Outage[] {
  const found = new Map<string, Away>();
  for (const event of events) {
    const { address } = event;
    const away = found.get(address) ?? beginning(before.get(address) ?? null);
    found.set(address, away);
    if (event.event === "bad") away.since ??= event.since;
    else comeBack(away, event, fault?.addresses.includes(address) === true ? fault.at : null);
  }
  return [...found].map(([address, away]) => ({
    address,
    from: away.from,
    to: away.since === null ? away.to : null,
    acceptingMs: away.since === null ? away.acceptingMs : null,
    answeringMs: away.since === null ? away.answeringMs : null,
  }));
}

interface Away {
  readonly from: string | null;
  to: string | null;
  /** null while it answers. */
  since: number | null;
  returns: number;
  acceptingMs: number;
  answeringMs: number;
}

function beginning(from: string | null): Away {
  return { from, to: from, since: null, returns: 0, acceptingMs: 0, answeringMs: 0 };
}

/** Several outages of one phase add up. */
function comeBack(away: Away, good: ProbeEvent & { readonly event: "good" }, faultAt: number | null): void {
  const since = away.returns++ === 0 ? (faultAt ?? away.since) : away.since;
  away.to = good.node;
  away.since = null;
  if (since === null) return;
  away.acceptingMs += Math.max(good.since - since, 0);
  away.answeringMs += Math.max(good.at - since, 0);
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** null for no values. */
export function spread(values: readonly number[]): Spread | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [min] = sorted;
  const median = sorted[Math.floor(sorted.length / 2)];
  const max = sorted.at(-1);
  return min === undefined || median === undefined || max === undefined ? null : { min, median, max };
}
