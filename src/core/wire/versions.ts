/** Which versions of the messages the members of a view speak, and which of them that leaves out. */
export interface VersionRange {
  readonly least: number;
  readonly most: number;
}

/** What this program speaks. ANNOUNCE begins with it, in every version there will be. */
export const SPEAKS: VersionRange = { least: 1, most: 1 };

/** The version that most members speak, of those the highest: all of them in any upgrade that was meant to go well. */
export function spokenBy(ranges: readonly VersionRange[]): number {
  let [best, most] = [0, 0];
  for (const version of new Set(ranges.flatMap(({ least, most: highest }) => [least, highest]))) {
    const speakers = ranges.filter((range) => speaks(range, version)).length;
    if (speakers > most || (speakers === most && version > best)) [best, most] = [version, speakers];
  }
  return best;
}

export function speaks({ least, most }: VersionRange, version: number): boolean {
  return least <= version && version <= most;
}
