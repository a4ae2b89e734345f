/** Commands that were given on this node, which the leader is asked to carry out: to calm a node, to lift a pin. */
import type { CommandOutcome, MonoMs, NodeOutput, PlaceBefore } from "../io.js";
import { addressesFor, type Definitions } from "./definitions.js";
import type { Row } from "./table.js";

interface PendingCalm {
  readonly id: number;
  readonly node: string;
  readonly wasDamped: boolean;
  readonly startedAt: MonoMs;
}

interface PendingUnpin {
  readonly id: number;
  readonly before: PlaceBefore;
  readonly startedAt: MonoMs;
}

export class PendingRequests {
  #calms: PendingCalm[] = [];
  #unpins: PendingUnpin[] = [];

  calm(calm: PendingCalm): void {
    this.#calms.push(calm);
  }

  unpin(unpin: PendingUnpin): void {
    this.#unpins.push(unpin);
  }

  /** The leader has said CALM of these. */
  calmed(nodes: readonly string[], at: MonoMs): NodeOutput[] {
    const over = this.#calms.filter(({ node }) => nodes.includes(node));
    this.#calms = this.#calms.filter((calm) => !over.includes(calm));
    return over.map(({ id, wasDamped, startedAt }) =>
      reply(id, { ok: true, moved: [], tookMs: at - startedAt, changed: wasDamped }),
    );
  }

  /** The leader may have gone with the request. */
  abandon(): NodeOutput[] {
    const ids = [...this.#calms, ...this.#unpins].map(({ id }) => id);
    this.#calms = [];
    this.#unpins = [];
    return ids.map((id) => reply(id, { ok: false, reason: "a change of the cluster came in between", retry: true }));
  }

  /** Looks at the table after a change. @returns a reply for each unit that is pinned no longer, and at rest. */
  check(rows: ReadonlyMap<string, Row>, definitions: Definitions, at: MonoMs): NodeOutput[] {
    const over = this.#unpins.filter(({ before }) => isOver(rows.get(before.lead)));
    if (over.length === 0) return [];
    this.#unpins = this.#unpins.filter((unpin) => !over.includes(unpin));
    return over.map(({ id, before, startedAt }) => {
      const [unit, to] = [definitions.units.get(before.lead), rows.get(before.lead)?.owner ?? null];
      const addresses = unit === undefined || to === null || to === before.owner ? [] : addressesFor(unit, to);
      const moved = addresses.map((address) => ({ address, from: before.owner, to: to ?? "" }));
      return reply(id, { ok: true, moved, tookMs: at - startedAt, before, changed: true });
    });
  }
}

function isOver(row: Row | undefined): boolean {
  return row === undefined || (row.pin === null && row.phase === "idle");
}

function reply(id: number, result: CommandOutcome): NodeOutput {
  return { kind: "reply", id, result };
}
