/**
 * Members that configure exactly the same are of one voice. Most clusters have one, or two while a configuration is being
 * rolled out, so that what follows from catalogues is worked out once for each voice and not for each member.
 */
import type { Entry } from "../catalogue/catalogue.js";

export interface Voice {
  /** Sorted. */
  readonly members: string[];
  readonly entries: readonly Entry[];
}

/** @returns voices in the order of their first members. */
export function voicesOf(catalogues: ReadonlyMap<string, readonly Entry[]>): Voice[] {
  const voices: Voice[] = [];
  for (const member of [...catalogues.keys()].sort()) {
    const entries = catalogues.get(member) ?? [];
    const voice = voices.find((known) => sameEntries(known.entries, entries));
    if (voice === undefined) voices.push({ members: [member], entries });
    else voice.members.push(member);
  }
  return voices;
}

export function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((entry, i) => sameEntry(entry, b[i]));
}

function sameEntry(a: Entry, b: Entry | undefined): boolean {
  if (a === b) return true;
  return (
    b !== undefined &&
    a.address === b.address &&
    a.follows === b.follows &&
    a.topology === b.topology &&
    a.policy === b.policy &&
    a.failback === b.failback &&
    sameWords(a.preferences, b.preferences) &&
    sameWords(a.names, b.names) &&
    sameWords(a.services, b.services)
  );
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
