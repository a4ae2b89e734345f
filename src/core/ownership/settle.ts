/**
 * A table out of nothing but what the members announced: after a join or a merge nobody's memory counts, so that all
 * have the same again.
 *
 * Source: docs/PROTOCOL.md, "Views".
 */
import type { Claim } from "../wire/messages.js";
import type { Unit } from "./definitions.js";
import { preferenceOf } from "./placement.js";
import { emptyRow, type EpochCounter, type Row } from "./table.js";

export interface Settlement {
  readonly rows: Map<string, Row>;
  /** Units that more than one member has: the owner repeats its announcements, the others let go. */
  readonly contested: readonly string[];
}

interface Holder {
  readonly member: string;
  readonly claim: Claim;
}

export function settle(
  units: ReadonlyMap<string, Unit>,
  claims: ReadonlyMap<string, readonly Claim[]>,
  epochs: EpochCounter,
): Settlement {
  const holders = holdersByAddress(claims);
  const rows = new Map<string, Row>();
  const contested: string[] = [];
  for (const [lead, unit] of units) {
    const all = holders.get(lead) ?? [];
    const holding = all.filter(({ claim }) => !claim.releasing);
    rows.set(lead, rowOf(unit, all, holding, epochs));
    if (holding.length > 1) contested.push(lead);
  }
  return { rows, contested };
}

function holdersByAddress(claims: ReadonlyMap<string, readonly Claim[]>): Map<string, Holder[]> {
  const holders = new Map<string, Holder[]>();
  for (const member of [...claims.keys()].sort()) {
    for (const claim of claims.get(member) ?? []) {
      const known = holders.get(claim.address);
      if (known === undefined) holders.set(claim.address, [{ member, claim }]);
      else known.push({ member, claim });
    }
  }
  return holders;
}

function rowOf(unit: Unit, all: readonly Holder[], holding: readonly Holder[], epochs: EpochCounter): Row {
  const winner = strongest(unit, holding);
  if (winner !== null) {
    const { epoch, pinned } = winner.claim;
    return {
      ...emptyRow(),
      owner: winner.member,
      epoch: holding.length > 1 ? epochs.next() : epoch, // The losers' epochs may be higher: this ends them all.
      pin: pinned ? winner.member : null,
    };
  }
  const leaving = strongest(unit, all);
  if (leaving === null) return emptyRow();
  return { ...emptyRow(), owner: leaving.member, phase: "releasing", epoch: leaving.claim.epoch };
}

/** The preferred member, else the highest epoch, else the first by name. */
function strongest(unit: Unit, holders: readonly Holder[]): Holder | null {
  const preferred = preferenceOf(unit);
  let best: Holder | null = null;
  for (const holder of holders) {
    if (holder.member === preferred) return holder;
    if (best === null || holder.claim.epoch > best.claim.epoch) best = holder;
  }
  return best;
}
