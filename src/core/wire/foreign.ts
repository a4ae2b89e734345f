/**
 * Managed addresses that stand in a member's kernel without the cluster having put them there: by an administrator's
 * hand, by another program, as the host's own. For people and for the owner's announcements: no rule of placement looks
 * at it.
 *
 * Source: docs/PROTOCOL.md, "Messages", FOREIGN.
 */
import type { ByteReader, ByteWriter } from "./bytes.js";
import { readSet, writeSet } from "./sets.js";

/** Where foreign addresses stand, and what becomes of them. */
export interface ForeignPlace {
  /** The interface by its name, with "route by " before it for a local route. */
  readonly where: string;
  /** Why it stays, in words that go on from "it is"; empty where the member removes it. */
  readonly stays: string;
}

export interface ForeignGroup extends ForeignPlace {
  readonly addresses: readonly string[];
}

/** More places than that a member does not tell apart. */
export const MAX_GROUPS = 64;
/** Characters: names of interfaces have 15 at most. */
const MAX_WHERE = 40;
const MAX_STAYS = 160;
/** UTF-8 takes up to so many bytes a character. */
const WIDEST = 4;

export function writeForeign(out: ByteWriter, groups: readonly ForeignGroup[]): void {
  out.list(groups.slice(0, MAX_GROUPS), ({ where, stays, addresses }) =>
    writeSet(out.string(where.slice(0, MAX_WHERE)).string(stays.slice(0, MAX_STAYS)), addresses),
  );
}

export function readForeign(source: ByteReader): ForeignGroup[] {
  const group = () => {
    const [where, stays] = [source.string(WIDEST * MAX_WHERE), source.string(WIDEST * MAX_STAYS)];
    return { where, stays, addresses: readSet(source) };
  };
  return source.list(group, MAX_GROUPS);
}
