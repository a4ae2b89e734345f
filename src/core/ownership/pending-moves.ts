/** Move commands that were given on this node and wait for the cluster to carry them out. */
import type { MonoMs, NodeOutput, PlaceBefore } from "../io.js";
import { addressesFor, type Definitions } from "./definitions.js";
import type { Row } from "./table.js";

export interface PendingMove {
  readonly id: number;
  readonly to: string;
  readonly forMs: number;
  readonly before: PlaceBefore;
  /** What clients will miss there; null for nothing. */
  readonly missing: string | null;
  readonly startedAt: MonoMs;
}

export class PendingMoves {
  readonly #moves = new Map<number, PendingMove>();
  /** Commands that the cluster has taken: their unit is pinned to its new home. */
  readonly #pinned = new Set<number>();

  add(move: PendingMove): void {
    this.#moves.set(move.id, move);
  }

  /** The command has come back in the order of all messages: the table has taken it, or has not. */
  delivered(id: number, rows: ReadonlyMap<string, Row>): NodeOutput[] {
    const move = this.#moves.get(id);
    if (move === undefined) return [];
    const { lead } = move.before;
    if (rows.get(lead)?.pin !== move.to) return [this.#fail(move, `${move.to} may not have ${lead} any more`)];
    this.#pinned.add(id);
    return [];
  }

  /** A table made anew does not remember what was under way. */
  abandon(): NodeOutput[] {
    return [...this.#moves.values()].map((move) => this.#fail(move, "a change of the cluster came in between"));
  }

  /** Looks at the table after a change. @returns a reply for each command that has come to its end. */
  check(rows: ReadonlyMap<string, Row>, definitions: Definitions, at: MonoMs): NodeOutput[] {
    const replies: NodeOutput[] = [];
    for (const move of this.#moves.values()) {
      const { lead } = move.before;
      const row = rows.get(lead);
      const unit = definitions.units.get(lead);
      if (row === undefined || unit === undefined || row.refusedBy.has(move.to)) {
        replies.push(this.#fail(move, `${move.to} could not take ${lead}`));
      } else if (!this.#pinned.has(move.id)) {
        continue;
      } else if (row.pin !== move.to) {
        replies.push(this.#fail(move, "another move, or the departure of its target, came in between"));
      } else if (row.owner === move.to && row.phase === "idle") {
        replies.push(this.#succeed(move, addressesFor(unit, move.to), at));
      }
    }
    return replies;
  }

  #succeed(move: PendingMove, addresses: readonly string[], at: MonoMs): NodeOutput {
    const { id, to, forMs, before, missing, startedAt } = move;
    this.#forget(id);
    const moved = before.owner === to ? [] : addresses.map((address) => ({ address, from: before.owner, to }));
    const changed = moved.length > 0 || before.pin !== to || forMs > 0;
    return { kind: "reply", id, result: { ok: true, moved, tookMs: at - startedAt, changed, before, missing } };
  }

  #fail({ id }: PendingMove, reason: string): NodeOutput {
    this.#forget(id);
    return { kind: "reply", id, result: { ok: false, reason, retry: true } };
  }

  #forget(id: number): void {
    this.#moves.delete(id);
    this.#pinned.delete(id);
  }
}
