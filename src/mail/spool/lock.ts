/**
 * One process writes a spool. The kernel's flock(2) decides: it is atomic, it ends with the process however that ends,
 * and it holds across PID and network namespaces, none of which is true of a file with a pid in it.
 *
 * Node has no flock. A flock belongs to the open file description (flock(2)), which a child shares with its parent by
 * inheriting the descriptor; so flock(1) of util-linux locks our descriptor and leaves, and the lock stays ours until
 * we close it. This runs once, at open.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../errors.js";

/** flock(1) exits with this when -n finds the lock taken. */
const TAKEN = 1;

/** Locks the spool in `directory`. Throws ERR_SPOOL when another process, or this one, has it. @returns the release. */
export function lockSpool(directory: string): () => void {
  const path = join(directory, "lock");
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const child = spawnSync("flock", ["-x", "-n", "3"], { stdio: ["ignore", "ignore", "ignore", fd] });
    if (child.status === TAKEN) throw takenError(directory, path);
    if (child.status !== 0) {
      throw new HoldfastError(
        "ERR_SPOOL",
        `cannot lock ${path} with flock(1) of util-linux`,
        { directory, status: child.status ?? -1 },
        { cause: child.error },
      );
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  notePid(fd);
  return () => closeSync(fd);
}

/** For the message above only: a full disk must not keep a spool from opening. */
function notePid(fd: number): void {
  try {
    writeSync(fd, `${process.pid}\n`, 0);
  } catch {}
}

function takenError(directory: string, path: string): HoldfastError {
  const pid = Number.parseInt(readFileSync(path, "latin1"), 10);
  return Number.isSafeInteger(pid)
    ? new HoldfastError("ERR_SPOOL", `the spool ${directory} is in use by process ${pid}; stop it first`, {
        directory,
        pid,
      })
    : new HoldfastError("ERR_SPOOL", `the spool ${directory} is in use by another process`, { directory });
}
