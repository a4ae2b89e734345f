/**
 * The durable queue of one node, over LMDB. What the methods promise is said in types.ts; how it is kept:
 *
 * - A message is a record, its entries in the indexes, and a body, in the store or in a file; ledger.ts keeps them one.
 * - This process is the only writer (lock.ts), and changes of one message take turns (turns.ts), so a change can be
 *   decided from what was read, outside of any transaction.
 * - What may happen to a message is in record.ts, what waits for whom in queue-index.ts, what left in tombstones.ts.
 */
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { HoldfastError, hasCode } from "../../errors.js";
import { Bodies, type WrittenBody } from "./bodies.js";
import { checksum, isRecorded } from "./checksum.js";
import { unseal } from "./codec.js";
import { damagedBody } from "./damaged-body.js";
import { keepsDomains } from "./domain-index.js";
import { INCARNATION_MAX, idSource } from "./id.js";
import { type Edit, Ledger } from "./ledger.js";
import { lockSpool } from "./lock.js";
import { QueueIndex } from "./queue-index.js";
import * as records from "./record.js";
import type { MessageRecord } from "./record.js";
import { openStore, type Store } from "./store.js";
import { Tombstones } from "./tombstones.js";
import { Turns } from "./turns.js";
import type {
  DueMessage,
  MessageId,
  NewMessage,
  RecipientState,
  Spool,
  SpooledMessage,
  SpoolOptions,
} from "./types.js";

const INLINE_MAX = 256 * 1024;

/** Messages, and recipients of them, that a bulk call changes before it lets the loop go round: some 5 ms of work. */
const SLICE = 100;

/** What a change makes of a record: another one, its end, or nothing at all. */
type Change = (record: MessageRecord) => MessageRecord | "moved" | "done" | null;

/**
 * Opens the spool in `options.directory`, which is made when missing. Blocks while it reads the indexes: some 10 µs a
 * message. Throws ERR_SPOOL when another process has it, or it cannot be opened.
 */
export function openSpool(options: SpoolOptions): Spool {
  const directory = resolve(options.directory);
  let unlock: (() => void) | null = null;
  let store: Store | null = null;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    unlock = lockSpool(directory);
    store = openStore(directory);
    const spool = new LmdbSpool(directory, options, store, unlock);
    // The names of the files inside, and its own: LMDB syncs what it writes, not the directory it lies in.
    for (const path of [directory, dirname(directory)]) syncDirectory(path);
    return spool;
  } catch (cause) {
    void store?.close();
    unlock?.();
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError("ERR_SPOOL", `cannot open the spool ${directory}`, { directory }, { cause });
  }
}

class LmdbSpool implements Spool {
  readonly #counters = { accepted: 0, known: 0, full: 0, failed: 0, done: 0, movedOut: 0, swept: 0, orphans: 0 };

  readonly newId: () => MessageId;
  readonly #store: Store;
  readonly #unlock: () => void;
  readonly #bodies: Bodies;
  readonly #index: QueueIndex;
  readonly #tombstones: Tombstones;
  readonly #ledger: Ledger;
  readonly #turns = new Turns();
  /** In doubt since the last crash. */
  readonly #inDoubt: Set<MessageId>;
  readonly #damagedEntries: number;
  #closing: Promise<void> | null = null;

  constructor(directory: string, options: SpoolOptions, store: Store, unlock: () => void) {
    const incarnation = greaterIncarnation(store, options.incarnation);
    this.newId = idSource(incarnation, options.nodename);
    this.#store = store;
    this.#unlock = unlock;
    this.#bodies = new Bodies(directory, options.inlineMax ?? INLINE_MAX, incarnation, () => store.unusedBytes());
    this.#index = new QueueIndex(store);
    this.#tombstones = new Tombstones(store);
    const now = options.now ?? Date.now;
    this.#ledger = new Ledger(store, this.#index, this.#tombstones, this.#bodies, incarnation, now);
    bringDomainsUp(store, this.#index);
    const loaded = this.#index.load();
    this.#inDoubt = new Set(loaded.inDoubt);
    this.#damagedEntries = loaded.damaged;
    this.#counters.orphans = this.#bodies.sweep((id, file) => this.#ledger.namesFile(id, file));
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#counters, damaged: this.#damagedEntries + this.#ledger.damaged.size };
  }

  async accept(
    message: NewMessage,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<"stored" | "known"> {
    records.checkMessage(message);
    try {
      const kept = this.#isKnown(message)
        ? await this.#bodies.drain(body, signal)
        : await this.#keep(message, await this.#bodies.receive(message.id, body, signal));
      this.#counters[kept === "stored" ? "accepted" : "known"]++;
      return kept;
    } catch (error) {
      if (hasCode(error, "ERR_SPOOL_FULL")) this.#counters.full++;
      if (hasCode(error, "ERR_SPOOL")) this.#counters.failed++;
      throw error;
    }
  }

  get(id: MessageId): SpooledMessage | null {
    return this.#ledger.read(id)?.message ?? null;
  }

  async openBody(id: MessageId): Promise<AsyncIterable<Uint8Array>> {
    const record = this.#ledger.read(id);
    if (record === null) throw new HoldfastError("ERR_SPOOL", `message ${id} is not in the spool`, { id });
    const { bodyBytes } = record.message;
    const { file, crc } = record.body;
    if (file !== null) {
      await this.#bodies.expect(file, bodyBytes);
      return this.#bodies.read(file, bodyBytes, crc);
    }
    const bytes = this.#store.bodies.getBinary(id);
    if (bytes?.length !== bodyBytes || !isRecorded(checksum(bytes), crc))
      throw damagedBody(`the body of message ${id} is damaged`, { id });
    return Readable.from(bytes.length === 0 ? [] : [bytes]);
  }

  due(binding: string, atMs: number, limit: number): readonly DueMessage[] {
    this.#ledger.checkOpen();
    return this.#index.due(binding, atMs, limit, this.#ledger.damaged);
  }

  dueIn(binding: string, domain: string, atMs: number, limit: number): readonly MessageId[] {
    this.#ledger.checkOpen();
    return this.#index.dueIn(binding, domain, atMs, limit, this.#ledger.damaged);
  }

  takeDomains(binding: string, atMs: number, limit: number): readonly string[] {
    return this.#index.takeDomains(binding, atMs, limit);
  }

  leaveDomain(binding: string, domain: string, atMs: number): void {
    this.#ledger.checkOpen();
    this.#index.leaveDomain(binding, domain, atMs);
  }

  nextDomain(binding: string): number | null {
    return this.#index.nextDomain(binding);
  }

  bindings(): readonly string[] {
    return this.#index.bindings();
  }

  counts(atMs: number): ReturnType<Spool["counts"]> {
    return this.#index.counts(atMs);
  }

  async beginDelivery(id: MessageId, recipients: readonly number[]): Promise<boolean> {
    return this.#change(id, (record) => records.delivering(record, recipients));
  }

  async settle(id: MessageId, outcomes: ReadonlyMap<number, RecipientState>): Promise<void> {
    records.checkOutcomes(id, outcomes);
    await this.#change(id, (record) => records.settled(record, outcomes));
  }

  beginMove(ids: readonly MessageId[], node: string, epoch: number): Promise<readonly MessageId[]> {
    return this.#changeAll(ids, (record) => records.moving(record, node, epoch));
  }

  async finishMove(ids: readonly MessageId[], node: string): Promise<void> {
    await this.#changeAll(ids, (record) => (record.message.moving?.node === node ? "moved" : null));
  }

  async cancelMove(ids: readonly MessageId[]): Promise<void> {
    await this.#changeAll(ids, (record) =>
      record.message.moving === null ? null : records.changed(record, { moving: null }),
    );
  }

  async rebind(id: MessageId, binding: string): Promise<void> {
    records.checkBinding(binding, id);
    await this.#change(id, (record) =>
      record.message.binding === binding ? null : records.changed(record, { binding }),
    );
  }

  inDoubt(): ReturnType<Spool["inDoubt"]> {
    const messages = [...this.#inDoubt].map((id) => this.get(id)).filter((message) => message !== null);
    return {
      moving: messages.filter((message) => message.moving !== null),
      delivering: messages.filter((message) => message.delivering.length > 0),
    };
  }

  fate(id: MessageId, hops = 0): "queued" | "moved" | "done" | "unknown" {
    const record = this.#ledger.read(id);
    if (record !== null) return record.message.context.hops < hops ? "unknown" : "queued";
    const tombstone = this.#tombstones.get(id);
    if (tombstone === null) return "unknown";
    return tombstone.fate === "moved" && tombstone.hops < hops ? "unknown" : tombstone.fate;
  }

  async sweep(beforeMs: number): Promise<number> {
    this.#ledger.checkOpen();
    const swept = await this.#tombstones.sweep(beforeMs);
    this.#counters.swept += swept;
    return swept;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ledger.close();
    await this.#turns.over();
    await this.#store.close();
    this.#unlock();
  }

  /** A message is known where its own copy, or a later one, is or was. One that is moving to a peer and comes in with
   * more hops was taken by that peer, and has come back. */
  #isKnown(message: NewMessage): boolean {
    const { hops } = message.context;
    const record = this.#ledger.read(message.id);
    if (record !== null) return record.message.moving === null || hops <= record.message.context.hops;
    const tombstone = this.#tombstones.get(message.id);
    return tombstone !== null && (tombstone.fate === "done" || hops <= tombstone.hops);
  }

  async #keep(message: NewMessage, written: WrittenBody): Promise<"stored" | "known"> {
    const release = await this.#turns.take([message.id]);
    let kept: "stored" | "known" = "known";
    try {
      if (!this.#isKnown(message)) {
        const before = this.#ledger.read(message.id);
        if (before === null && this.#ledger.damaged.has(message.id))
          throw new HoldfastError("ERR_SPOOL", `the record of message ${message.id} is damaged`, { id: message.id });
        const after = records.newRecord(message, written.bytes, { crc: written.crc, file: written.file });
        await this.#ledger.commit([{ id: message.id, before, after }], () => {
          if (written.inline !== null) void this.#store.bodies.put(message.id, written.inline);
          else if (before !== null) void this.#store.bodies.remove(message.id);
          this.#tombstones.remove(message.id);
        });
        this.#inDoubt.delete(message.id);
        kept = "stored";
      }
    } catch (error) {
      // After ERR_SPOOL nobody knows whether the record that names the file is on disk: it stays for the next open.
      if (written.file !== null && !hasCode(error, "ERR_SPOOL")) await this.#bodies.remove(written.file);
      throw error;
    } finally {
      release();
    }
    if (kept === "known" && written.file !== null) await this.#bodies.remove(written.file);
    return kept;
  }

  async #change(id: MessageId, change: Change): Promise<boolean> {
    const [changed] = await this.#changeAll([id], change);
    return changed === id;
  }

  /** @returns the ids that the change applied to. */
  async #changeAll(ids: readonly MessageId[], change: Change): Promise<readonly MessageId[]> {
    const left = [...new Set(ids)].toReversed();
    const changed: MessageId[] = [];
    while (left.length > 0) changed.push(...(await this.#changeSlice(left, change)));
    return changed;
  }

  /** Changes messages from the end of `left`, in one commit, and takes them off. */
  async #changeSlice(left: MessageId[], change: Change): Promise<readonly MessageId[]> {
    const release = await this.#turns.take(left.slice(-SLICE));
    try {
      const edits: Edit[] = [];
      for (let seen = 0, cost = 0; seen < SLICE && cost < SLICE && left.length > 0; seen++) {
        const id = left.pop() ?? "";
        const before = this.#ledger.read(id);
        const after = before && change(before);
        if (after !== null) edits.push({ id, before, after });
        cost += before?.message.recipients.length ?? 0;
      }
      if (edits.length > 0) await this.#ledger.commit(edits);
      for (const { id, after } of edits) {
        this.#inDoubt.delete(id);
        if (after === "moved") this.#counters.movedOut++;
        if (after === "done") this.#counters.done++;
      }
      return edits.map((edit) => edit.id);
    } finally {
      release();
    }
  }
}

/** A spool that was written last by a version that does not keep the table of domains gets it. */
function bringDomainsUp(store: Store, index: QueueIndex): void {
  const last = store.facts.getBinary("incarnation");
  if (last === undefined || keepsDomains(store)) return;
  const copied = Buffer.from(last);
  store.commitNow(() => {
    index.rebuildDomains();
    void store.facts.put("domains", copied);
  });
}

/** Ids made twice would be taken for duplicates and dropped, so a caller's clock that stepped back must not matter. */
function greaterIncarnation(store: Store, given: number): number {
  const bytes = store.facts.getBinary("incarnation");
  const last = bytes && unseal(bytes);
  return Math.min(INCARNATION_MAX, typeof last === "number" ? Math.max(given, last + 1) : given);
}

function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
