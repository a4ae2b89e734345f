/**
 * Which messages wait, for what and until when, without reading them: the `due` table in order of binding and attempt,
 * the `domains` table for the same by domain, the `doubt` table for what is under way, and in memory the counts and the
 * time at which each domain is due. The tables change in the commit that changes the record; what is in memory follows
 * it, and is rebuilt from the tables at open.
 */
import { hasFields, seal, unseal } from "./codec.js";
import { QueueCounts, type QueueCount, type Waiting } from "./counts.js";
import { DomainIndex, domainKeys } from "./domain-index.js";
import { DomainTimes } from "./domain-times.js";
import { type MessageRecord, standing } from "./record.js";
import type { Store } from "./store.js";
import type { DueMessage, MessageId } from "./types.js";

/** Largest time that is looked for; times are integers, so that "up to t" is "before t + 1". */
const END_OF_TIME = Number.MAX_SAFE_INTEGER - 1;

interface Doubt {
  readonly binding: string;
  readonly rows: readonly Waiting[];
}

export class QueueIndex {
  readonly #store: Store;
  readonly #counts = new QueueCounts();
  readonly #domains: DomainIndex;
  readonly #times = new DomainTimes();

  constructor(store: Store) {
    this.#store = store;
    this.#domains = new DomainIndex(store);
  }

  /**
   * Reads both tables from end to end. Blocks; for open only.
   * @returns the messages whose delivery or move is under way, and how many entries could not be read.
   */
  load(): { readonly inDoubt: MessageId[]; readonly damaged: number } {
    const inDoubt: MessageId[] = [];
    let damaged = 0;
    for (const { key, value } of this.#store.due.getRange()) {
      const rows = readRows(unseal(value));
      if (rows === null) {
        damaged++;
        continue;
      }
      this.#counts.add(key[0], rows);
      this.#note(key[0], rows);
    }
    for (const { key, value } of this.#store.doubt.getRange()) {
      inDoubt.push(key);
      const doubt = unseal(value);
      if (isDoubt(doubt)) this.#counts.add(doubt.binding, doubt.rows);
      else damaged++;
    }
    return { inDoubt, damaged };
  }

  /** Makes the `domains` table from the `due` table. Reads and writes an entry for each message: for open only. */
  rebuildDomains(): void {
    const { due, domains } = this.#store;
    if (domains === null) return;
    domains.clearSync();
    for (const { key, value } of due.getRange()) {
      const [binding, , id] = key;
      const rows = readRows(unseal(value));
      if (rows === null) continue;
      for (const entry of domainKeys({ binding, rows }, id)) void domains.put(entry, Buffer.alloc(0));
    }
  }

  /** The table part of a change of one message; null where it is not there before or after. Inside a commit. */
  write(id: MessageId, before: MessageRecord | null, after: MessageRecord | null): void {
    const was = before && standing(before.message);
    const is = after && standing(after.message);
    if (before && was?.due) void this.#store.due.remove([before.message.binding, was.due.atMs, id]);
    if (was && was.doubt.length > 0) void this.#store.doubt.remove(id);
    if (after && is?.due) void this.#store.due.put([after.message.binding, is.due.atMs, id], seal(is.due.rows));
    this.#domains.write(
      id,
      before && was?.due ? { binding: before.message.binding, rows: was.due.rows } : null,
      after && is?.due ? { binding: after.message.binding, rows: is.due.rows } : null,
    );
    if (after && is && is.doubt.length > 0)
      void this.#store.doubt.put(id, seal({ binding: after.message.binding, rows: is.doubt } satisfies Doubt));
  }

  /** The part in memory of the same change, once it is committed. */
  count(before: MessageRecord | null, after: MessageRecord | null): void {
    if (after) {
      const { due, doubt } = standing(after.message);
      const rows = due?.rows ?? [];
      this.#counts.add(after.message.binding, [...rows, ...doubt]);
      this.#note(after.message.binding, rows);
    }
    if (before) this.#counts.subtract(before.message.binding, waiting(before));
  }

  due(binding: string, atMs: number, limit: number, skip: ReadonlySet<MessageId>): readonly DueMessage[] {
    const at = Math.min(Math.floor(atMs), END_OF_TIME);
    const found: DueMessage[] = [];
    const range = { start: [binding, 0], end: [binding, at + 1], limit: limit + skip.size };
    for (const { key, value } of this.#store.due.getRange(range)) {
      const [, nextAttemptMs, id] = key;
      const rows = readRows(unseal(value));
      if (rows === null || skip.has(id) || found.length === limit) continue;
      const domains = new Set(rows.filter((row) => row.atMs <= at).map((row) => row.domain));
      found.push({ id, binding, domains: [...domains], nextAttemptMs });
    }
    return found;
  }

  dueIn(binding: string, domain: string, atMs: number, limit: number, skip: ReadonlySet<MessageId>): MessageId[] {
    return this.#domains.due(binding, domain, Math.min(Math.floor(atMs), END_OF_TIME), limit, skip);
  }

  takeDomains(binding: string, atMs: number, limit: number): readonly string[] {
    return this.#times.take(binding, atMs, limit);
  }

  leaveDomain(binding: string, domain: string, atMs: number): void {
    const next = this.#domains.nextAfter(binding, domain, Math.floor(atMs));
    if (next !== null) this.#times.note(binding, domain, next);
  }

  nextDomain(binding: string): number | null {
    return this.#times.next(binding);
  }

  bindings(): readonly string[] {
    return this.#counts.bindings();
  }

  counts(atMs: number): readonly QueueCount[] {
    return this.#counts.list(atMs);
  }

  #note(binding: string, rows: readonly Waiting[]): void {
    for (const { domain, atMs } of rows) this.#times.note(binding, domain, atMs);
  }
}

function waiting(record: MessageRecord): readonly Waiting[] {
  const { due, doubt } = standing(record.message);
  return [...(due?.rows ?? []), ...doubt];
}

function readRows(value: unknown): readonly Waiting[] | null {
  return Array.isArray(value) && value.every(isWaiting) ? value : null;
}

function isDoubt(value: unknown): value is Doubt {
  return hasFields(value) && typeof value["binding"] === "string" && readRows(value["rows"]) !== null;
}

function isWaiting(value: unknown): value is Waiting {
  if (!hasFields(value)) return false;
  const { domain, atMs, recipients } = value;
  return typeof domain === "string" && Number.isSafeInteger(atMs) && Number.isSafeInteger(recipients);
}
