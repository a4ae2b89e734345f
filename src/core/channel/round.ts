/**
 * One attempt of a coordinator to install a view. The view that it installs is known by the same id: rounds are in one
 * order everywhere, a node promises only ever higher ones, and a coordinator never uses a counter twice in one run.
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

export function higherRound(a: RoundId, b: RoundId): boolean {
  if (a.counter !== b.counter) return a.counter > b.counter;
  if (a.coordinator !== b.coordinator) return a.coordinator > b.coordinator;
  return a.incarnation > b.incarnation;
}
