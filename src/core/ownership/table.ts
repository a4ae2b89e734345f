/**
 * Who owns what: one row for each unit. Every member holds the same table, because it changes only by delivered views
 * and messages, through the functions of this folder.
 *
 *            assign                 OWNED
 *   no owner ------> acquiring(target) -----> idle(owner)
 *      ^                  | REFUSED               | assign another
 *      |<-----------------+                       v
 *      +<------- RELEASED, no target ---- releasing(owner, target) -- RELEASED --> acquiring(target)
 *
 * Source: docs/PROTOCOL.md, "The table" and "Handover".
 */
export interface Row {
  /** Has the addresses, or is giving them up. */
  owner: string | null;
  phase: "idle" | "releasing" | "acquiring";
  /** Who gets them next; null in `idle`, and in `releasing` while nobody can have them. */
  target: string | null;
  /** Rises with each change of owner; mail moves carry it. */
  epoch: number;
  /** Member that a move command pinned them to, until it departs or cannot plumb them. */
  pin: string | null;
  /** Members besides the owner that have some of the addresses yet, and let go: nobody begins to plumb before. */
  holders: ReadonlySet<string>;
  /** Members that could not plumb them; they say when they are ready to try again. */
  refusedBy: ReadonlySet<string>;
  /**
   * Somebody outside of the view may have them yet, for all that its members know: under the policy `strict` nobody
   * begins to plumb them before the leases of those outside are over.
   */
  fenced: boolean;
}

/** Shared: most rows name nobody there. */
const NOBODY: ReadonlySet<string> = new Set();

export function emptyRow(): Row {
  const nobody = { holders: NOBODY, refusedBy: NOBODY };
  return { owner: null, phase: "idle", target: null, epoch: 0, pin: null, fenced: true, ...nobody };
}

/** Who will have the unit when everything under way is done. */
export function heirOf(row: Row): string | null {
  return row.phase === "idle" ? row.owner : row.target;
}

/** Does the member have, get, keep, hold or refuse the unit? */
export function names({ owner, target, pin, holders, refusedBy }: Row, member: string): boolean {
  return owner === member || target === member || pin === member || holders.has(member) || refusedBy.has(member);
}

/**
 * Epochs of one view come after those of all earlier views, of this component or of any that it merged with. A view of a
 * million addresses takes a million as it begins, and one for each move: this is enough for years of it, and for two
 * million views below 2^53.
 */
const EPOCHS_A_VIEW = 2 ** 32;

export class EpochCounter {
  #last = 0;

  /** Starts a view. Deterministic: equal views and equal calls give equal epochs. */
  enter(viewSeq: number): void {
    this.#last = viewSeq * EPOCHS_A_VIEW;
  }

  next(): number {
    return ++this.#last;
  }
}

/**
 * Sets the course to `home`. A target that has begun to plumb, and an owner that has begun to let go, must end that
 * first, or two members could have the addresses at once: the row is placed again when they have. @returns true when
 * the row changed.
 */
export function assign(row: Row, home: string | null, epochs: EpochCounter): boolean {
  if (heirOf(row) === home || row.phase === "acquiring") return false;
  if (row.owner === home) return false;
  if (row.owner === null) {
    row.phase = "acquiring";
    row.epoch = epochs.next();
  } else {
    row.phase = "releasing";
  }
  row.target = home;
  return true;
}

/**
 * The owner, or another holder, has let go; or the target may not begin, and has nothing. @returns false when the row
 * does not say that it had to.
 */
export function released(row: Row, by: string, epochs: EpochCounter): boolean {
  if (forget(row, "holders", by)) return true;
  if (row.target === by && row.phase === "acquiring") {
    Object.assign(row, { phase: "idle", target: null });
    return true;
  }
  if (row.owner !== by || row.phase !== "releasing") return false;
  vacate(row, epochs);
  return true;
}

/** A member's lease was over for a while: what it had, somebody outside may have taken. */
export function lapsed(row: Row, member: string): boolean {
  if (row.fenced || (row.owner !== member && row.target !== member && !row.holders.has(member))) return false;
  row.fenced = true;
  return true;
}

/** Somebody who departed may have the addresses that are on their way to the target. */
export function fence(row: Row): boolean {
  if (row.fenced || row.phase !== "acquiring") return false;
  row.fenced = true;
  return true;
}

/** The target has plumbed and serves. */
export function owned(row: Row, by: string): boolean {
  if (row.target !== by || row.phase !== "acquiring") return false;
  Object.assign(row, { owner: by, phase: "idle", target: null, fenced: false });
  return true;
}

/** A member could not plumb what it has to have. */
export function refused(row: Row, by: string): boolean {
  const hasToHave = row.phase === "acquiring" ? row.target === by : row.phase === "idle" && row.owner === by;
  if (!hasToHave) return false;
  Object.assign(row, { owner: null, phase: "idle", target: null });
  row.refusedBy = new Set(row.refusedBy).add(by);
  if (row.pin === by) row.pin = null;
  return true;
}

export function unpin(row: Row): boolean {
  if (row.pin === null) return false;
  row.pin = null;
  return true;
}

/** A member that refused is ready to try again. */
export function ready(row: Row, member: string): boolean {
  return forget(row, "refusedBy", member);
}

/** A member is gone: what it had has no owner, what it was to get has no target. @returns true when the row changed. */
export function depart(row: Row, member: string, epochs: EpochCounter): boolean {
  const held = forget(row, "holders", member);
  forget(row, "refusedBy", member);
  if (row.pin === member) row.pin = null;
  if (row.owner === member) {
    vacate(row, epochs);
  } else if (row.target === member) {
    row.target = null;
    if (row.phase === "acquiring") row.phase = "idle";
  } else {
    if (held) row.fenced = true;
    return held;
  }
  row.fenced = true; // It may be alive, somewhere else, and have them.
  return true;
}

function forget(row: Row, where: "holders" | "refusedBy", member: string): boolean {
  if (!row[where].has(member)) return false;
  const left = [...row[where]].filter((other) => other !== member);
  row[where] = left.length === 0 ? NOBODY : new Set(left);
  return true;
}

function vacate(row: Row, epochs: EpochCounter): void {
  row.owner = null;
  if (row.target === null) {
    row.phase = "idle";
  } else {
    row.phase = "acquiring";
    row.epoch = epochs.next();
  }
}
