/**
 * What was heard of others on the LAN while the guard was busy with what came before: merged as the addon merges it
 * (native/wire/lan_table.cc), so that it takes no more memory than there are addresses, and taken a part at a time.
 */
import type { Sighting } from "../kernel/types.js";

export class LanNews {
  /** By kind and address, the earliest first. */
  readonly #sightings = new Map<string, Sighting>();

  get size(): number {
    return this.#sightings.size;
  }

  add(sightings: readonly Sighting[]): void {
    for (const sighting of sightings) {
      const key = `${sighting.kind} ${sighting.address}`;
      const before = this.#sightings.get(key);
      this.#sightings.set(key, before === undefined ? sighting : merge(before, sighting));
    }
  }

  take(most: number): Sighting[] {
    const taken: Sighting[] = [];
    for (const [key, sighting] of this.#sightings) {
      if (taken.length >= most) break;
      this.#sightings.delete(key);
      taken.push(sighting);
    }
    return taken;
  }
}

/** Of rivals the last one; of probers the lowest, which may have the address. */
function merge(before: Sighting, next: Sighting): Sighting {
  const mac = next.kind === "prober" && before.mac < next.mac ? before.mac : next.mac;
  return { ...next, mac, frames: before.frames + next.frames };
}

/** Strangers that are told of one by one; more at once are told of together. */
const EXAMPLES = 4;

export interface LanReport {
  /** Of a crowd some, and how many more there are. */
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly frames: number;
  readonly node?: string;
  /** Of a crowd: how many hardware addresses. */
  readonly hosts?: number;
}

/**
 * @param sightings of one kind.
 * @param nodeOf the node that speaks by a hardware address.
 * @returns one report for each node and each of a few strangers, or one for all strangers: whoever invents hardware
 *   addresses makes no more of them.
 */
export function reportsOf(
  sightings: readonly Sighting[],
  nodeOf: (mac: string) => string | undefined,
): readonly LanReport[] {
  const groups = [...groupByMac(sightings)];
  const known = groups.filter(([mac]) => nodeOf(mac) !== undefined);
  const strangers = groups.filter(([mac]) => nodeOf(mac) === undefined);
  const single = strangers.length > EXAMPLES ? known : groups;
  const reports = single.map(([mac, some]): LanReport => {
    const node = nodeOf(mac);
    return { mac, ...sumOf(some), ...(node !== undefined && { node }) };
  });
  if (strangers.length <= EXAMPLES) return reports;
  const shown = strangers.slice(0, EXAMPLES - 1).map(([mac]) => mac);
  const mac = `${shown.join(" ")} and ${strangers.length - shown.length} more`;
  return [...reports, { mac, ...sumOf(strangers.flatMap(([, some]) => some)), hosts: strangers.length }];
}

function sumOf(sightings: readonly Sighting[]): Pick<LanReport, "addresses" | "frames"> {
  return {
    addresses: sightings.map(({ address }) => address),
    frames: sightings.reduce((sum, { frames }) => sum + frames, 0),
  };
}

export function groupByMac<T extends { readonly mac: string }>(all: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.mac);
    if (group === undefined) groups.set(one.mac, [one]);
    else group.push(one);
  }
  return groups;
}
