/**
 * The LMDB environment of a spool: six tables, and commits that are on disk when their promise resolves.
 *
 * What lmdb 3.5.6 promises. By default it opens with `overlappingSync`: the promise of a write resolves when the
 * commit is visible, and only `.flushed` waits for the disk. We set `overlappingSync: false`. Then mdb_txn_commit, on
 * lmdb's worker thread, writes the pages, calls fdatasync, writes the meta page through a descriptor opened with
 * O_DSYNC, and only then is the promise resolved (liblmdb mdb.c: mdb_txn_commit, mdb_env_sync0, mdb_env_write_meta).
 * `noSync`, `noMetaSync` and `useWritemap` stay off. While one transaction is being synced, the batches of further
 * callers gather in the next one: that is the group commit.
 */
import { join } from "node:path";
import { type Database, type Key, open } from "lmdb";
import { HoldfastError } from "../../errors.js";
import { hasFields } from "./codec.js";

/**
 * Address space, not disk: the file grows as it is used. It is taken at once because growing the map step by step means
 * a remap under readers each time; past it, lmdb remaps by itself.
 */
const MAP_BYTES = 64 * 2 ** 30;

export type Table<K extends Key> = Database<Buffer, K>;

export interface Store {
  /** id -> MessageRecord. */
  readonly messages: Table<string>;
  /** id -> body, raw, of messages whose body has no file. */
  readonly bodies: Table<string>;
  /** [binding, earliest attempt, id] -> rows of the recipients that wait. */
  readonly due: Table<[string, number, string]>;
  /** id -> binding and rows of the recipients whose delivery or move is under way. */
  readonly doubt: Table<string>;
  /** id -> tombstone. */
  readonly gone: Table<string>;
  /** [time, id], empty: the tombstones by age. */
  readonly goneByTime: Table<[number, string]>;
  /** "incarnation" -> the greatest one that made ids here. */
  readonly facts: Table<string>;
  /**
   * Makes the puts and removes of `write`, all of them or none, and resolves once they would survive a power cut.
   * Rejects with ERR_SPOOL_FULL when the disk is full, and works again by itself when there is space; with ERR_SPOOL
   * when the disk failed, and from then on always: after a failed sync nobody knows what is on it.
   */
  commit(write: () => void): Promise<void>;
  close(): Promise<void>;
}

/** Throws ERR_SPOOL. The caller holds the lock, unless `readOnly`. */
export function openStore(directory: string, readOnly = false): Store {
  const path = join(directory, "records.mdb");
  let failed: HoldfastError | null = null;
  try {
    const root = open<Buffer>({
      path,
      noSubdir: true,
      encoding: "binary",
      overlappingSync: false,
      mapSize: MAP_BYTES,
      readOnly,
    });
    const table = <K extends Key>(name: string): Table<K> => root.openDB<Buffer, K>({ name, encoding: "binary" });
    return {
      messages: table("messages"),
      bodies: table("bodies"),
      due: table("due"),
      doubt: table("doubt"),
      gone: table("gone"),
      goneByTime: table("goneByTime"),
      facts: table("facts"),
      async commit(write) {
        if (failed !== null) throw failed;
        try {
          await root.batch(write);
        } catch (error) {
          const reason = await commitError(error);
          const told = diskError(`cannot write to ${path}`, reason);
          if (told.code === "ERR_SPOOL" && codeOf(reason) !== MDB_BAD_TXN) failed = told;
          throw told;
        }
      },
      close: () => root.close(),
    };
  } catch (cause) {
    throw new HoldfastError("ERR_SPOOL", `cannot open ${path}`, { path }, { cause });
  }
}

/** What every later write of a transaction gets once one has failed; it hides the reason, so nothing follows from it. */
const MDB_BAD_TXN = -30782;

/** errno(3) of a full disk or quota, as fs names them and as lmdb numbers them, and LMDB's own MDB_MAP_FULL. */
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", 28, 122, -30792]);

export function diskError(doing: string, cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  return FULL.has(codeOf(cause))
    ? new HoldfastError("ERR_SPOOL_FULL", `${doing}: no space left`, {}, { cause })
    : new HoldfastError("ERR_SPOOL", doing, {}, { cause });
}

function codeOf(error: unknown): unknown {
  return hasFields(error) ? error["code"] : undefined;
}

/** lmdb rejects writes with a general error, whose `commitError` is a promise that rejects with the reason. */
async function commitError(error: unknown): Promise<unknown> {
  try {
    if (hasFields(error)) await error["commitError"];
    return error;
  } catch (reason) {
    return reason;
  }
}
