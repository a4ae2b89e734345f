/** All that the members of a view have to have in common, as a number to compare, and as text to look at. */
import type { NodeCore } from "../core/node.js";
import type { Unit } from "../core/ownership/definitions.js";
import type { Ownership } from "../core/ownership/ownership.js";
import type { Row } from "../core/ownership/table.js";

const BASIS = 0x811c9dc5;
export const PRIME = 0x01000193;

/** FNV-1a, 32 bits. */
export function hashOf(bytes: Uint8Array, basis = BASIS): number {
  let hash = basis;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), PRIME);
  return hash;
}

/**
 * The digest of one node's table, kept up to date row by row: the exclusive or of the rows' hashes, so that a step costs
 * what it touched. A row that changes without being touched is found when `digestOf` looks at all of them.
 */
export class TableDigest {
  readonly #rows = new Map<string, number>();
  #all = 0;
  #made = false;

  /** After each step. */
  update({ ownership, change }: NodeCore): void {
    if (!ownership.settled) {
      this.#made = false;
      return;
    }
    if (change === null) return;
    if (!this.#made || change.redefined) return this.#remake(ownership);
    for (const lead of change.touched) this.#set(ownership, lead);
  }

  valueOf({ settled, members, doubts }: Ownership): number {
    return settled ? this.#all ^ membersHash(members) ^ doubts.digest : 0;
  }

  #remake(ownership: Ownership): void {
    this.#rows.clear();
    this.#all = 0;
    this.#made = true;
    for (const lead of ownership.rows.keys()) this.#set(ownership, lead);
  }

  #set({ rows, definitions }: Ownership, lead: string): void {
    const row = rows.get(lead);
    const hash = row === undefined ? 0 : rowHash(lead, row, definitions.units.get(lead));
    this.#all ^= (this.#rows.get(lead) ?? 0) ^ hash;
    this.#rows.set(lead, hash);
  }
}

/** The same digest from nothing but the table as it is. */
export function digestOf({ settled, members, rows, definitions, doubts }: Ownership): number {
  if (!settled) return 0;
  let all = membersHash(members) ^ doubts.digest;
  for (const [lead, row] of rows) all ^= rowHash(lead, row, definitions.units.get(lead));
  return all;
}

function membersHash(members: Ownership["members"]): number {
  let hash = BASIS;
  for (const [name, { mature, leaving, health, damped, regains }] of members) {
    hash = add(hash, numberOf(name));
    const standing = Number(mature) | (Number(leaving) << 1) | (Number(health.draining) << 2);
    hash = add(hash, standing | (Number(damped) << 3) | (Number(regains) << 4));
    for (const block of health.down) hash = add(hash, numberOf(block));
  }
  return hash;
}

function rowHash(lead: string, row: Row, unit: Unit | undefined): number {
  let hash = word(BASIS, lead);
  hash = word(hash, row.owner);
  hash = word(hash, row.phase);
  hash = word(hash, row.target);
  hash = word(hash, row.pin);
  hash = add(hash, Math.floor(row.epoch / 2 ** 20));
  hash = add(hash, row.epoch % 2 ** 20);
  hash = add(hash, Number(row.fenced));
  for (const member of row.holders) hash = word(hash, member);
  for (const member of row.refusedBy) hash = word(hash, member);
  if (unit === undefined) return hash;
  hash = add(hash, Number(unit.lead.conflict) | (Number(unit.lead.broken) << 1));
  for (const { address } of unit.followers) hash = word(hash, address);
  for (const member of unit.electorate) hash = word(hash, member);
  return hash;
}

function add(hash: number, value: number): number {
  return Math.imul(hash ^ value, PRIME);
}

function word(hash: number, text: string | null): number {
  return add(hash, text === null ? 0 : numberOf(text));
}

/** Names and addresses are few and come back all the time. */
const numbers = new Map<string, number>();

function numberOf(text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  let hash = BASIS;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  numbers.set(text, hash);
  return hash;
}

export function textOf({ settled, members, rows, definitions }: Ownership): string {
  if (!settled) return "gathering";
  const people = [...members].map(([name, { mature, leaving }]) => `${name}${mature ? "+" : ""}${leaving ? "-" : ""}`);
  const lines = [...rows].map(([lead, row]) => {
    const unit = definitions.units.get(lead);
    const along = unit?.followers.map(({ address }) => address).join();
    return `${lead}+${along}[${unit?.electorate.join()}] ${rowText(row)}`;
  });
  return `${people.join(" ")}; ${lines.join("; ")}`;
}

function rowText({ owner, phase, target, epoch, pin, holders, refusedBy }: Row): string {
  return [owner, phase, target, epoch, pin, [...holders].join(), [...refusedBy].join()].join("/");
}
