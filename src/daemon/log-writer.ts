/**
 * Writes lines to a descriptor and never waits for whoever reads it: a pipe that is full (journald behind its disk, a
 * pager) must not stop the thread that decides. While the reader keeps up, a line is written before `write` returns,
 * so that a crash loses none; while it does not, lines wait in memory, within a bound, and then are left out and
 * counted.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** Waiting bytes above which lines are left out; those that matter most may use as much again. */
const BOUND = 1 << 20;
const RETRY_MS = 50;
/** How long an end waits for the reader. */
const FLUSH_MS = 500;
const FLUSH_POLL_MS = 5;

export interface LogWriterOptions {
  /** @returns how many bytes were taken. @throws an Error with a `code`: EAGAIN when none can be taken now. */
  readonly write: (bytes: Buffer) => number;
  /** A line that says how many were left out, for when there is room again. */
  readonly leftOut: (count: number) => string;
  readonly bound?: number;
}

interface Waiting {
  readonly bytes: Buffer;
  /** How many lines are left out when this is. */
  readonly lines: number;
}

export class LogWriter {
  readonly #bound: number;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: LogWriterOptions) {
    this.#bound = options.bound ?? BOUND;
  }

  /** @param line with its newline. @param important it is left out later than others. */
  write(line: string, important: boolean): void {
    const bytes = Buffer.from(line);
    if (this.#bytes > 0 && this.#bytes + bytes.length > (important ? 2 : 1) * this.#bound) {
      this.#lost++;
      return;
    }
    this.#put({ bytes, lines: 1 });
    if (this.#timer === null) this.#drain();
  }

  /** Waits for the reader, but not for long: for the end of the process. */
  flush(limitMs = FLUSH_MS): void {
    const until = performance.now() + limitMs;
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    while (!this.#drain() && performance.now() < until) Atomics.wait(nobody, 0, 0, FLUSH_POLL_MS);
  }

  /** @returns true when nothing waits any more. */
  #drain(): boolean {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    try {
      this.#writeAll();
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EAGAIN") {
        this.#timer = setTimeout(() => this.#drain(), RETRY_MS);
        this.#timer.unref();
        return false;
      }
      // The reader has gone (EPIPE), or the disk is full (ENOSPC): there is nobody to tell, and the node lives on.
      for (const { lines } of this.#waiting.splice(0)) this.#lost += lines;
      this.#bytes = 0;
      return true;
    }
  }

  #writeAll(): void {
    for (;;) {
      const first = this.#waiting[0] ?? this.#leftOut();
      if (first === null) return;
      const taken = this.options.write(first.bytes);
      this.#bytes -= taken;
      if (taken === first.bytes.length) this.#waiting.shift();
      else this.#waiting[0] = { ...first, bytes: first.bytes.subarray(taken) };
    }
  }

  /** What says that lines are missing comes where they would have been: behind those that waited. */
  #leftOut(): Waiting | null {
    if (this.#lost === 0) return null;
    const line = { bytes: Buffer.from(this.options.leftOut(this.#lost)), lines: this.#lost };
    this.#lost = 0;
    this.#put(line);
    return line;
  }

  #put(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#bytes += waiting.bytes.length;
  }
}

/** The writer of standard output (1) or standard error (2). */
export function openOutput(fd: 1 | 2): LogWriter {
  const own = withoutWaiting(fd);
  return new LogWriter({
    write: (bytes) => writeSync(own, bytes),
    leftOut: (count) =>
      `${JSON.stringify({ level: 40, time: new Date().toISOString(), code: "log-left-out", count })}\n`,
  });
}

/** @returns a descriptor for the same file that does not wait, or, where there is no way to one, `fd` itself. */
function withoutWaiting(fd: 1 | 2): number {
  try {
    const kind = fstatSync(fd);
    if (kind.isFile()) return fd;
    if (kind.isSocket()) {
      // A socket cannot be opened again; this sets O_NONBLOCK on it, which nobody else who has it minds: journald
      // only reads.
      new Socket({ fd, readable: false, writable: true }).unref();
      return fd;
    }
    // A description of its own: O_NONBLOCK on the one that is there would change it under others who have it, a shell
    // among them.
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return fd;
  }
}
