/**
 * Units that this node owns and others hold yet, after a merge: what the others have said of them on the LAN may be
 * the last word there until they have let go, so the owner speaks once more behind that.
 *
 * Source: docs/PROTOCOL.md, "On the LAN".
 */
import { SLICE, type Slices } from "../slices.js";
import type { Row } from "./table.js";

export class Overlaps {
  #leads = new Set<string>();

  /** The table was made anew. @param leads units that concern this node. */
  *begin(leads: Iterable<string>, rows: ReadonlyMap<string, Row>, self: string): Slices<void> {
    this.#leads = new Set();
    let seen = 0;
    for (const lead of leads) {
      const row = rows.get(lead);
      if (row?.owner === self && row.holders.size > 0) this.#leads.add(lead);
      if (++seen % SLICE === 0) yield;
    }
  }

  /** @returns those of the touched units that nobody else holds any more, and that are still this node's: each once. */
  *ended(touched: Iterable<string>, rows: ReadonlyMap<string, Row>, self: string): Slices<string[]> {
    const ended: string[] = [];
    if (this.#leads.size === 0) return ended;
    let seen = 0;
    for (const lead of touched) {
      if (++seen % SLICE === 0) yield;
      const row = this.#leads.has(lead) ? rows.get(lead) : undefined;
      if (row === undefined || (row.owner === self && row.holders.size > 0)) continue;
      this.#leads.delete(lead);
      if (row.owner === self) ended.push(lead);
    }
    return ended;
  }
}
