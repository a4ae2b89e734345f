/** What became of messages that left: remembered by id, so that a copy which arrives late is recognised. */
import { hasFields, seal, unseal } from "./codec.js";
import type { Store } from "./store.js";
import type { MessageId } from "./types.js";

export interface Tombstone {
  readonly fate: "moved" | "done";
  readonly atMs: number;
  /** Hops of the message while it was here: one that comes back has more. */
  readonly hops: number;
}

/** Dropped in one call of `sweep`: a few milliseconds of work. */
const SWEPT_AT_ONCE = 1000;

export class Tombstones {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  get(id: MessageId): Tombstone | null {
    const bytes = this.#store.gone.getBinary(id);
    return bytes === undefined ? null : readTombstone(unseal(bytes));
  }

  /** Inside a commit. */
  put(id: MessageId, tombstone: Tombstone): void {
    void this.#store.gone.put(id, seal(tombstone));
    void this.#store.goneByTime.put([tombstone.atMs, id], Buffer.alloc(0));
  }

  /** Inside a commit. */
  remove(id: MessageId): void {
    const tombstone = this.get(id);
    if (tombstone === null) return;
    void this.#store.gone.remove(id);
    void this.#store.goneByTime.remove([tombstone.atMs, id]);
  }

  async sweep(beforeMs: number): Promise<number> {
    const range = { start: [0], end: [beforeMs], limit: SWEPT_AT_ONCE };
    const old = [...this.#store.goneByTime.getKeys(range)];
    if (old.length === 0) return 0;
    await this.#store.commit(() => {
      for (const key of old) {
        void this.#store.goneByTime.remove(key);
        void this.#store.gone.remove(key[1]);
      }
    });
    return old.length;
  }
}

/** A damaged one still says that the message was here; "done" is the fate that loses nothing of what was promised. */
function readTombstone(value: unknown): Tombstone {
  return isTombstone(value) ? value : { fate: "done", atMs: 0, hops: 0 };
}

function isTombstone(value: unknown): value is Tombstone {
  if (!hasFields(value)) return false;
  const { fate, atMs, hops } = value;
  return (fate === "moved" || fate === "done") && Number.isSafeInteger(atMs) && Number.isSafeInteger(hops);
}
