/** How many descriptors this process has open, and how many it may have. */
import { readdirSync, readFileSync, statSync } from "node:fs";

export interface Descriptors {
  readonly open: number;
  readonly limit: number;
}

const OPEN = "/proc/self/fd";
/**
 * `Max open files            1024                 524288               files` (proc(5)): the soft limit is what
 * counts.
 */
const LIMIT = /^Max open files\s+(\d+|unlimited)/m;

/** Between two looks at the limit. */
const LIMIT_MS = 1_000;

let limit = Number.POSITIVE_INFINITY;
let lookedAt = Number.NEGATIVE_INFINITY;
let left = Number.POSITIVE_INFINITY;

/**
 * A few microseconds on Linux 6.2 and later, where the size of the directory is their number (proc_readfd_count in
 * fs/proc/fd.c); else it is read, which itself takes a descriptor, and when there is none, all are in use.
 */
export function countDescriptors(): number {
  const { size } = statSync(OPEN);
  if (size > 0) return size;
  try {
    return readdirSync(OPEN).length - 1;
  } catch {
    return limit;
  }
}

/**
 * Node raises the soft limit to the hard one when it starts (PlatformInit in src/node.cc). Somebody may change it
 * later (prlimit(1)), so it is read each time; when there is no descriptor left to read it by, it is what it was.
 */
export function readDescriptors(): Descriptors {
  try {
    const [, text = ""] = LIMIT.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    limit = text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
  } catch {
    // None is left.
  }
  return { open: countDescriptors(), limit };
}

/**
 * For each connection: counts where that is cheap, and takes the limit, or both, to be what it was up to a second ago.
 */
export function descriptorsLeft(): number {
  const now = performance.now();
  const { size } = statSync(OPEN);
  if (now - lookedAt >= LIMIT_MS) {
    lookedAt = now;
    const { open } = readDescriptors();
    left = limit - open;
  } else if (size > 0) left = limit - size;
  return left;
}
