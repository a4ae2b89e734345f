/**
 * One attempt of a coordinator to install a view. The view that it installs is known by the same id. A coordinator never
 * uses a counter twice in one run, and a node promises only ever higher counters, so the views of a node rise by it.
 */
export interface RoundId {
  readonly counter: number;
  readonly coordinator: string;
  readonly incarnation: number;
}

/** Before the first view, and before the first promise. */
export const NO_ROUND: RoundId = { counter: 0, coordinator: "", incarnation: 0 };

export function sameRound(a: RoundId, b: RoundId): boolean {
  return a.counter === b.counter && a.coordinator === b.coordinator && a.incarnation === b.incarnation;
}
