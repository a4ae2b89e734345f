/** All that the members of a view have to have in common, as a number to compare, and as text to look at. */
import type { Ownership } from "../core/ownership/ownership.js";
import type { Row } from "../core/ownership/table.js";

const BASIS = 0x811c9dc5;
export const PRIME = 0x01000193;

/** FNV-1a, 32 bits. */
export function hashOf(bytes: Uint8Array, basis = BASIS): number {
  let hash = basis;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME);
  return hash;
}

/** FNV-1a over the words of the table, each by a number of its own: 32 bits. */
export function digestOf({ settled, members, rows, definitions }: Ownership): number {
  if (!settled) return 0;
  let hash = BASIS;
  const add = (value: number) => (hash = Math.imul(hash ^ value, PRIME));
  const word = (text: string | null) => add(text === null ? 0 : numberOf(text));
  for (const [name, { mature, leaving }] of members) {
    word(name);
    add(Number(mature) | (Number(leaving) << 1));
  }
  for (const [lead, row] of rows) {
    word(lead);
    word(row.owner);
    word(row.phase);
    word(row.target);
    word(row.pin);
    add(Math.floor(row.epoch / 2 ** 20));
    add(row.epoch % 2 ** 20);
    for (const member of row.holders) word(member);
    for (const member of row.refusedBy) word(member);
    const unit = definitions.units.get(lead);
    add(Number(unit?.lead.conflict) | (Number(unit?.lead.broken) << 1));
    for (const { address } of unit?.followers ?? []) word(address);
    for (const member of unit?.electorate ?? []) word(member);
  }
  return hash;
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
