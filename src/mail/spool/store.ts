/**
 * The LMDB environment of a spool: eight tables, and commits that are on disk when their promise resolves.
 *
 * What lmdb 3.5.6 promises. By default it opens with `overlappingSync`: the promise of a write resolves when the
 * commit is visible, and only `.flushed` waits for the disk. We set `overlappingSync: false`. Then mdb_txn_commit, on
 * lmdb's worker thread, writes the pages, calls fdatasync, writes the meta page through a descriptor opened with
 * O_DSYNC, and only then is the promise resolved (liblmdb mdb.c: mdb_txn_commit, mdb_env_sync0, mdb_env_write_meta).
 * `noSync`, `noMetaSync` and `useWritemap` stay off. While one transaction is being synced, the batches of further
 * callers gather in the next one: that is the group commit.
 *
 * `eventTurnBatching: false`, as with it lmdb makes one promise more for each commit, which it gives to nobody: when the
 * commit fails (disk full), that is an unhandled rejection and the end of the process. What must be one commit is
 * written inside one `batch`. lmdb also prints a failed commit on stderr; the reserve in bodies.ts keeps that rare.
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

/** Mail is nobody else's to read, however open the directory is. Not in lmdb's types: see EnvWrap::open in its env.cpp. */
const PRIVATE = { permissionsMode: 0o600 };

export type Table<K extends Key> = Database<Buffer, K>;

export interface Store {
  /** id -> MessageRecord. */
  readonly messages: Table<string>;
  /** id -> body, raw, of messages whose body has no file. */
  readonly bodies: Table<string>;
  /** [binding, earliest attempt, id] -> rows of the recipients that wait. */
  readonly due: Table<[string, number, string]>;
  /** [binding, domain, its earliest attempt, id], empty: the same by domain. null in a spool of a version without
   * it that is only read. */
  readonly domains: Table<[string, string, number, string]> | null;
  /** id -> binding and rows of the recipients whose delivery or move is under way. */
  readonly doubt: Table<string>;
  /** id -> tombstone. */
  readonly gone: Table<string>;
  /** [time, id], empty: the tombstones by age. */
  readonly goneByTime: Table<[number, string]>;
  /** "incarnation" -> the greatest one that made ids here; "domains" -> the last one that kept that table. */
  readonly facts: Table<string>;
  /**
   * Makes the puts and removes of `write`, all of them or none, and resolves once they would survive a power cut.
   * Rejects with ERR_SPOOL_FULL when the disk is full, and works again by itself when there is space; with ERR_SPOOL
   * when the disk failed, and from then on always: after a failed sync nobody knows what is on it.
   */
  commit(write: () => void): Promise<void>;
  /** The same, blocking: for open only. */
  commitNow(write: () => void): void;
  /**
   * Bytes of the file that hold nothing and will be used before it grows: the file never shrinks, so on a disk that was
   * full this is where the space of what has left comes back. Some microseconds.
   */
  unusedBytes(): number;
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
      eventTurnBatching: false,
      mapSize: MAP_BYTES,
      readOnly,
      ...PRIVATE,
    });
    const tables: { getStats(): unknown }[] = [root];
    const tableIfAny = <K extends Key>(name: string): Table<K> | null => {
      const opened: Table<K> | undefined = root.openDB<Buffer, K>({ name, encoding: "binary" });
      if (opened !== undefined) tables.push(opened);
      return opened ?? null;
    };
    const table = <K extends Key>(name: string): Table<K> => {
      const opened = tableIfAny<K>(name);
      if (opened === null) throw new Error(`there is no table ${name}`);
      return opened;
    };
    return {
      messages: table("messages"),
      bodies: table("bodies"),
      due: table("due"),
      domains: tableIfAny("domains"),
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
      commitNow(write) {
        try {
          root.transactionSync(write);
        } catch (error) {
          throw diskError(`cannot write to ${path}`, error);
        }
      },
      unusedBytes: () => unusedBytes(tables.map((opened) => opened.getStats())),
      close: () => root.close(),
    };
  } catch (cause) {
    throw new HoldfastError("ERR_SPOOL", `cannot open ${path}`, { path }, { cause });
  }
}

/** Of the pages up to the last, those in no tree: neither in a table nor in LMDB's list of free pages. @see mdb_stat */
function unusedBytes(stats: readonly unknown[]): number {
  const [root] = stats;
  if (!hasFields(root)) return 0;
  const used = [...stats, root["free"]].reduce<number>((sum, stat) => sum + pagesOf(stat), META_PAGES);
  return Math.max(0, (numberIn(root, "lastPageNumber") + 1 - used) * numberIn(root, "pageSize"));
}

const META_PAGES = 2;

function pagesOf(stat: unknown): number {
  return numberIn(stat, "treeBranchPageCount") + numberIn(stat, "treeLeafPageCount") + numberIn(stat, "overflowPages");
}

function numberIn(stat: unknown, name: string): number {
  const value = hasFields(stat) ? stat[name] : 0;
  return typeof value === "number" ? value : 0;
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
