/**
 * A table out of nothing but what the members announced: after a join or a merge nobody's memory counts, so that all
 * have the same again.
 *
 * Source: docs/PROTOCOL.md, "Views".
 */
import type { Claim } from "../wire/messages.js";
import { addressesFor, preferencesOf, unitOf, type Definitions, type Unit } from "./definitions.js";
import { LargeMap } from "../large-map.js";
import { run, SLICE, type Slices } from "../slices.js";
import { emptyRow, type EpochCounter, type Row } from "./table.js";

export interface Settlement {
  readonly rows: ReadonlyMap<string, Row>;
  /** Units that more than one member has: the owner repeats its announcements, the others let go. */
  readonly contested: readonly string[];
}

/** What one member has of one unit. */
interface Holder {
  readonly member: string;
  /** The claim to the address that leads, or to any other. */
  claim: Claim;
  /** It has begun to let go of all that it has of the unit. */
  releasing: boolean;
  /** Addresses of the unit that it has. */
  count: number;
}

/** `settling`, at once. */
export function settle(...given: Parameters<typeof settling>): Settlement {
  return run(settling(...given));
}

/** @param lapsed members whose lease was over for a while since they announced. */
export function* settling(
  definitions: Definitions,
  claims: ReadonlyMap<string, readonly Claim[]>,
  epochs: EpochCounter,
  lapsed: ReadonlySet<string> = new Set(),
): Slices<Settlement> {
  const holders = yield* holdersByUnit(definitions, claims);
  const rows = new LargeMap<Row>();
  const contested: string[] = [];
  for (const [lead, unit] of definitions.units) {
    const all = holders.get(lead) ?? NOBODY;
    const keeping = all.some(({ releasing }) => releasing) ? all.filter(({ releasing }) => !releasing) : all;
    rows.set(lead, rowOf(unit, all, keeping, epochs, lapsed));
    if (keeping.length > 1) contested.push(lead);
    if (rows.size % SLICE === 0) yield;
  }
  return { rows, contested };
}

const NOBODY: readonly Holder[] = [];

/** Sorted by member: mostly there is one. */
function* holdersByUnit(
  definitions: Definitions,
  claims: ReadonlyMap<string, readonly Claim[]>,
): Slices<ReadonlyMap<string, Holder[]>> {
  let seen = 0;
  const holders = new LargeMap<Holder[]>();
  for (const member of [...claims.keys()].sort()) {
    for (const claim of claims.get(member) ?? []) {
      if (++seen % SLICE === 0) yield;
      const lead = unitOf(definitions, claim.address)?.lead.address;
      if (lead === undefined) continue; // Whoever has it lets go by itself.
      const ofUnit = holders.get(lead);
      const last = ofUnit?.at(-1);
      if (last?.member === member) {
        last.releasing &&= claim.releasing;
        last.count++;
        if (claim.address === lead) last.claim = claim;
      } else {
        const holder = { member, claim, releasing: claim.releasing, count: 1 };
        if (ofUnit === undefined) holders.set(lead, [holder]);
        else ofUnit.push(holder);
      }
    }
  }
  return holders;
}

function rowOf(
  unit: Unit,
  all: readonly Holder[],
  keeping: readonly Holder[],
  epochs: EpochCounter,
  lapsed: ReadonlySet<string>,
): Row {
  const owner = strongest(unit, keeping.length > 0 ? keeping : all);
  if (owner === null) return emptyRow();
  const { member, claim, releasing } = owner;
  return {
    ...emptyRow(),
    owner: member,
    phase: releasing ? "releasing" : "idle",
    // Epochs of components that merge say nothing about each other: this comes after all of them.
    epoch: epochs.next(),
    pin: claim.pinned && !releasing ? member : null,
    fenced: releasing || lapsed.has(member) || lacksSome(unit, owner),
    ...(all.length > 1 && {
      holders: new Set(all.filter((holder) => holder !== owner).map((holder) => holder.member)),
    }),
  };
}

/** What it has yet to plumb was not its own, and may be had by somebody whom nobody here has met. */
function lacksSome(unit: Unit, { member, count }: Holder): boolean {
  return unit.followers.length > 0 && count < addressesFor(unit, member).length;
}

/** The member that is preferred most, else one that has the address that leads, else the highest epoch, else the first by name. */
function strongest(unit: Unit, holders: readonly Holder[]): Holder | null {
  for (const preferred of preferencesOf(unit)) {
    const holder = holders.find(({ member }) => member === preferred);
    if (holder !== undefined) return holder;
  }
  const leads = ({ claim }: Holder) => claim.address === unit.lead.address;
  let best: Holder | null = null;
  for (const holder of holders) {
    if (best === null || (leads(holder) === leads(best) ? holder.claim.epoch > best.claim.epoch : leads(holder))) {
      best = holder;
    }
  }
  return best;
}
