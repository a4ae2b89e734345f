/** 32 bits that stand for one row of the table; those of a table are the exclusive or of its rows'. */
import { hashOf } from "./hash.js";
import type { Row } from "./table.js";

const PRIME = 0x01000193;
const PHASES = ["idle", "releasing", "acquiring"] as const;

/** @param unit hash of the address that leads. */
export function digestOfRow(unit: number, row: Row): number {
  let hash = Math.imul(unit ^ 0x811c9dc5, PRIME);
  const add = (value: number) => (hash = Math.imul(hash ^ value, PRIME));
  for (const member of [row.owner, row.target, row.pin]) add(member === null ? 0 : hashOf(member));
  add(PHASES.indexOf(row.phase) | (Number(row.fenced) << 2));
  add(Math.floor(row.epoch / 2 ** 32));
  add(row.epoch % 2 ** 32);
  // Sets are of no order.
  for (const members of [row.holders, row.refusedBy]) {
    let all = 0;
    for (const member of members) all ^= hashOf(member);
    add(all);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) | 0;
}
