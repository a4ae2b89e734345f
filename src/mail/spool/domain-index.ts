/**
 * The `domains` table: which messages of a binding wait for one domain, in the order of their attempts. A domain that
 * cannot be delivered to hides no other one, as each is a range of its own.
 *
 * It says nothing that the `due` table does not, so it is made again where a version that did not know it wrote last.
 */
import { createHash } from "node:crypto";
import { unseal } from "./codec.js";
import type { Waiting } from "./counts.js";
import type { Store } from "./store.js";
import type { MessageId } from "./types.js";

/** Where a message stands in the `due` table. */
export interface DuePlace {
  readonly binding: string;
  readonly rows: readonly Waiting[];
}

/** As a key can carry it: names longer than this, or of other characters, are there by their hash. */
const PLAIN = /^[!-~]{1,255}$/;

export class DomainIndex {
  constructor(private readonly store: Store) {}

  /** What differs between the two is written: a message for a thousand domains changes one of them at a time. */
  write(id: MessageId, before: DuePlace | null, after: DuePlace | null): void {
    const was = earliest(before);
    const is = earliest(after);
    const stays = before?.binding === after?.binding;
    const { domains } = this.store;
    if (before !== null && domains !== null) {
      for (const [domain, atMs] of was) {
        if (!stays || is.get(domain) !== atMs) void domains.remove([before.binding, domain, atMs, id]);
      }
    }
    if (after !== null && domains !== null) {
      for (const [domain, atMs] of is) {
        if (!stays || was.get(domain) !== atMs) void domains.put([after.binding, domain, atMs, id], NOTHING);
      }
    }
  }

  /** Messages with an attempt up to `atMs`, oldest first. Reads no more than `limit` entries and those in `skip`. */
  due(binding: string, domain: string, atMs: number, limit: number, skip: ReadonlySet<MessageId>): MessageId[] {
    const key = keyOf(domain);
    const found: MessageId[] = [];
    const range = { start: [binding, key, 0], end: [binding, key, atMs + 1], limit: limit + skip.size };
    for (const [, , , id] of this.store.domains?.getKeys(range) ?? []) {
      if (!skip.has(id) && found.length < limit) found.push(id);
    }
    return found;
  }

  /** The first attempt later than `atMs`, or null. Reads one entry. */
  nextAfter(binding: string, domain: string, atMs: number): number | null {
    const key = keyOf(domain);
    const range = { start: [binding, key, atMs + 1], end: [binding, key, Number.MAX_SAFE_INTEGER], limit: 1 };
    for (const [, , next] of this.store.domains?.getKeys(range) ?? []) return next;
    return null;
  }
}

/** False where a version that does not know the table wrote last: it is not to be believed. */
export function keepsDomains({ facts }: Store): boolean {
  const last = facts.getBinary("incarnation");
  const kept = facts.getBinary("domains");
  return last === undefined || (kept !== undefined && unseal(kept) === unseal(last));
}

/** Every entry that a place has in the table, to compare. */
export function domainKeys(place: DuePlace, id: MessageId): [string, string, number, string][] {
  return [...earliest(place)].map(([domain, atMs]) => [place.binding, domain, atMs, id]);
}

const NOTHING = Buffer.alloc(0);

/** Key of each domain -> its earliest attempt. */
function earliest(place: DuePlace | null): Map<string, number> {
  const times = new Map<string, number>();
  for (const { domain, atMs } of place?.rows ?? []) {
    const key = keyOf(domain);
    times.set(key, Math.min(atMs, times.get(key) ?? Infinity));
  }
  return times;
}

/** A hash begins with a space, which no name that is there as it is has. */
function keyOf(domain: string): string {
  if (PLAIN.test(domain)) return domain;
  return ` ${createHash("sha256").update(Buffer.from(domain, "utf16le")).digest("hex")}`;
}
