/** Move commands that were given on this node and wait for the cluster to carry them out. */
import type { MonoMs, NodeOutput } from "../io.js";
import { addressesFor, type Definitions } from "./definitions.js";
import type { Row } from "./table.js";

export interface PendingMove {
  readonly id: number;
  readonly lead: string;
  readonly to: string;
  readonly from: string | null;
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
    if (rows.get(move.lead)?.pin !== move.to)
      return [this.#fail(move, `${move.to} may not have ${move.lead} any more`)];
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
      const row = rows.get(move.lead);
      const unit = definitions.units.get(move.lead);
      if (row === undefined || unit === undefined || row.refusedBy.has(move.to)) {
        replies.push(this.#fail(move, `${move.to} could not take ${move.lead}`));
      } else if (row.pin === move.to && row.owner === move.to && row.phase === "idle") {
        replies.push(this.#succeed(move, addressesFor(unit, move.to), at));
      } else if (this.#pinned.has(move.id) && row.pin !== move.to) {
        replies.push(this.#fail(move, "another move, or the departure of its target, came in between"));
      }
    }
    return replies;
  }

  #succeed({ id, from, to, startedAt }: PendingMove, addresses: readonly string[], at: MonoMs): NodeOutput {
    this.#forget(id);
    const moved = addresses.map((address) => ({ address, from, to }));
    return { kind: "reply", id, result: { ok: true, moved, tookMs: at - startedAt } };
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
