/** "Did you mean": the known name that a mistyped one is closest to. */

/** Longer texts are no mistyped names, and the cost of a comparison is the product of the lengths. */
const LENGTH_MAX = 64;

/** Regardless of case. @returns null when nothing is near: at most one slip for each three letters. */
export function nearest(text: string, candidates: readonly string[]): string | null {
  if (text.length > LENGTH_MAX) return null;
  const wanted = text.toLowerCase();
  let best: string | null = null;
  let limit = Math.max(1, Math.floor(text.length / 3));
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) > limit) continue;
    const distance = slips(wanted, candidate.toLowerCase());
    if (distance > limit) continue;
    best = candidate;
    limit = distance - 1;
  }
  return best;
}

/** Optimal string alignment distance: letters added, dropped, changed, or two neighbours swapped. */
function slips(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + same);
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1] && row > 1 && column > 1) {
        least = Math.min(least, at(before, column - 2) + 1);
      }
      current.push(least);
    }
    [before, previous] = [previous, current];
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
