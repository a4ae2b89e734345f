/** Commands to empty this node that wait until what it had is where it can go. */
import type { MonoMs, NodeOutput } from "../io.js";
import { addressesFor, type Definitions } from "./definitions.js";
import type { Row } from "./table.js";

interface PendingDrain {
  readonly id: number;
  readonly on: boolean;
  readonly startedAt: MonoMs;
  /** It was the other way before. */
  readonly changed: boolean;
  /** What this node had when the cluster took the command; null until then. */
  leads: readonly string[] | null;
}

export class PendingDrains {
  #drains: PendingDrain[] = [];

  add(id: number, on: boolean, changed: boolean, startedAt: MonoMs): void {
    this.#drains.push({ id, on, startedAt, changed, leads: null });
  }

  /** The cluster takes it. @param leads units that this node had just before. */
  taken(on: boolean, leads: readonly string[]): void {
    for (const drain of this.#drains) if (drain.on === on) drain.leads ??= leads;
  }

  /**
   * @param rest this node has units yet that it will give away.
   * @returns a reply for each command whose units have come to rest, wherever that is.
   */
  check(
    rest: () => boolean,
    self: string,
    rows: ReadonlyMap<string, Row>,
    definitions: Definitions,
    at: MonoMs,
  ): NodeOutput[] {
    const isOver = ({ on, leads }: PendingDrain) =>
      !(on && leads !== null && rest()) &&
      leads?.every((lead) => (rows.get(lead)?.phase ?? "idle") === "idle") === true;
    const over = this.#drains.filter(isOver);
    if (over.length > 0) this.#drains = this.#drains.filter((drain) => !over.includes(drain));
    return over.map(({ id, startedAt, changed, leads }) => {
      const moved = (leads ?? []).flatMap((lead) => {
        const [unit, owner] = [definitions.units.get(lead), rows.get(lead)?.owner ?? null];
        if (unit === undefined || owner === null || owner === self) return [];
        return addressesFor(unit, self).map((address) => ({ address, from: self, to: owner }));
      });
      return { kind: "reply", id, result: { ok: true, moved, tookMs: at - startedAt, changed } };
    });
  }
}
