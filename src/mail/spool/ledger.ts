/**
 * Records on disk and what follows from them in memory: reads one message, commits changes of some. A commit changes a
 * record, its index entries, its body in the store and its tombstone together, so no crash can part them; the counts
 * and the body files follow a commit and never precede it, so a commit that fails has changed nothing.
 */
import { HoldfastError } from "../../errors.js";
import type { Bodies } from "./bodies.js";
import { seal, unseal } from "./codec.js";
import type { QueueIndex } from "./queue-index.js";
import { type MessageRecord, readRecord } from "./record.js";
import type { Store } from "./store.js";
import type { Tombstones } from "./tombstones.js";
import type { MessageId } from "./types.js";

/** One message's part of a commit; `before` is null when it comes, `after` says how it ends when it goes. */
export interface Edit {
  readonly id: MessageId;
  readonly before: MessageRecord | null;
  readonly after: MessageRecord | "moved" | "done";
}

export class Ledger {
  /** Records that could not be read: left as they are, for `check` and rescue. */
  readonly damaged = new Set<MessageId>();
  #incarnationSaved = false;
  #closed = false;

  /** @param incarnation put on disk with the first commit, so that opening a spool needs no space. */
  constructor(
    private readonly store: Store,
    private readonly index: QueueIndex,
    private readonly tombstones: Tombstones,
    private readonly bodies: Bodies,
    private readonly incarnation: number,
    private readonly now: () => number,
  ) {}

  checkOpen(): void {
    if (this.#closed) throw new HoldfastError("ERR_SPOOL", "the spool is closed");
  }

  /** From now on every call is refused; commits under way are not. */
  close(): void {
    this.#closed = true;
  }

  read(id: MessageId): MessageRecord | null {
    this.checkOpen();
    const bytes = this.store.messages.getBinary(id);
    if (bytes === undefined) return null;
    const record = readRecord(unseal(bytes), id);
    if (record === null) this.damaged.add(id);
    return record;
  }

  /** A damaged record may name the file: then the file stays for rescue. */
  namesFile(id: string, file: string): boolean {
    const record = this.read(id);
    return record === null ? this.damaged.has(id) : record.body.file === file;
  }

  /** Writes all edits, and what `also` writes, as one commit; then brings what is in memory up to it. */
  async commit(edits: readonly Edit[], also: () => void = () => {}): Promise<void> {
    this.checkOpen();
    const saveIncarnation = !this.#incarnationSaved;
    await this.store.commit(() => {
      if (saveIncarnation) {
        void this.store.facts.put("incarnation", seal(this.incarnation));
        // A version that does not keep the table writes the other alone: they differ, and the table is made again.
        void this.store.facts.put("domains", seal(this.incarnation));
      }
      also();
      for (const edit of edits) this.#write(edit);
    });
    this.#incarnationSaved = true;
    for (const { before, after } of edits) {
      this.index.count(before, recordOf(after));
      const file = before?.body.file ?? null;
      if (file !== null && file !== recordOf(after)?.body.file) void this.bodies.remove(file);
    }
  }

  #write({ id, before, after }: Edit): void {
    const record = recordOf(after);
    this.index.write(id, before, record);
    if (record !== null) {
      void this.store.messages.put(id, seal(record));
    } else if (before !== null) {
      void this.store.messages.remove(id);
      if (before.body.file === null) void this.store.bodies.remove(id);
      const fate = after === "moved" ? "moved" : "done";
      this.tombstones.put(id, { fate, atMs: this.now(), hops: before.message.context.hops });
    }
  }
}

function recordOf(after: Edit["after"]): MessageRecord | null {
  return typeof after === "string" ? null : after;
}
