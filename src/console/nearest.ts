/** PURE: what somebody may have meant by a name that there is not. */

/** At most one letter in so many may be wrong, or a guess would only confuse. */
const LETTERS_A_MISTAKE = 5;

/**
 * @param words of a command line: what follows the name may be anything, so only as many as a name has are held against it.
 * @returns the name that takes the fewest changed letters, or null where none is near.
 */
export function nearestName(words: readonly string[], names: readonly string[]): string | null {
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const distance = editDistance(words.slice(0, name.split(" ").length).join(" "), name);
    if (distance >= least || distance > Math.max(1, Math.floor(name.length / LETTERS_A_MISTAKE))) continue;
    [best, least] = [name, distance];
  }
  return best;
}

/**
 * Letters to insert, delete, replace or exchange with their neighbour.
 *
 * Source: optimal string alignment; F. Damerau, "A technique for computer detection and correction of spelling errors",
 * Communications of the ACM 7(3), 1964.
 */
function editDistance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
