/**
 * Message bodies on their way in and out: small ones in memory for the store, large ones as files under bodies/<xx>/.
 *
 * A file is written, fsynced, and its directory fsynced, before the record that names it commits; it is removed after
 * the commit that drops the record. So a crash can leave a file without a record, never a record without its file;
 * `sweep` removes such files at open. Each acceptance gets a file name of its own: two of one message never meet.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, mkdir, open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../errors.js";
import { damagedBody } from "./damaged-body.js";
import { checksum, isRecorded } from "./checksum.js";
import { diskError } from "./store.js";
import type { MessageId } from "./types.js";

/** Read from a file at once. */
const READ_BYTES = 64 * 1024;

/** Small chunks are gathered up to this much. */
const WRITE_BYTES = 256 * 1024;

/** Free space is looked at again after this much of one body. */
const CHECK_BYTES = 1024 * 1024;

/**
 * Space that receptions leave alone, so that outcomes of deliveries and moves, which free space, can still be written:
 * this much, or a sixteenth of a file system smaller than 1 GiB.
 */
const RESERVE_BYTES = 64 * 1024 * 1024;

/** Names of the directories under bodies/. Nothing else there is ours. */
const SHELF = /^[0-9a-v]{2}$/;

export interface WrittenBody {
  readonly bytes: number;
  readonly crc: number;
  /** The body itself, or null when it is in `file`. */
  readonly inline: Buffer | null;
  readonly file: string | null;
}

export class Bodies {
  readonly #directory: string;
  readonly #inlineMax: number;
  readonly #run: string;
  readonly #unusedBytes: () => number;
  readonly #shelves = new Map<string, Promise<void>>();
  #written = 0;

  /**
   * @param run different for each run that writes, for the names of files.
   * @param unusedBytes space inside the store, as good as that of the disk for what goes there.
   */
  constructor(directory: string, inlineMax: number, run: number, unusedBytes: () => number) {
    this.#directory = join(directory, "bodies");
    this.#inlineMax = inlineMax;
    this.#run = run.toString(36);
    this.#unusedBytes = unusedBytes;
  }

  /**
   * Reads the body to its end, even when it cannot be kept, since an SMTP client hears an answer only then.
   * Rejects with ERR_SPOOL_FULL, ERR_SPOOL, the error of `body`, or the signal's reason; then no file stays.
   */
  async receive(id: MessageId, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<WrittenBody> {
    const doing = `cannot write the body of ${id}`;
    const writer = new BodyWriter(
      () => this.#create(id),
      this.#inlineMax,
      (inFile) => this.#checkSpace(inFile),
    );
    try {
      let failure: HoldfastError | null = null;
      for await (const chunk of abortable(body, signal)) {
        failure ??= await writer.write(chunk).then(
          () => null,
          (cause: unknown) => diskError(doing, cause),
        );
      }
      if (failure !== null) throw failure;
      return await writer.finish().catch(rethrow(doing));
    } catch (error) {
      const file = await writer.abandon();
      if (file !== null) await this.remove(file);
      throw error;
    }
  }

  /** Reads a body that is not wanted, for the same reason. */
  async drain(body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<"known"> {
    for await (const _ of abortable(body, signal));
    return "known";
  }

  /** Streams a body file. Throws ERR_SPOOL when it is not as long, or not the same, as it was when it was written. */
  async *read(file: string, bytes: number, crc: number): AsyncGenerator<Uint8Array> {
    const path = join(this.#directory, file);
    const failed = rethrow(`cannot read ${path}`);
    const handle = await open(path, "r").catch(failed);
    let seen = 0;
    let sum = 0;
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle
          .read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, seen)
          .catch(failed);
        if (bytesRead === 0) break;
        const chunk = buffer.subarray(0, bytesRead);
        seen += bytesRead;
        sum = checksum(chunk, sum);
        // The last bytes go out only after all were found right: a damaged body must not look complete.
        if (seen >= bytes && (seen !== bytes || !isRecorded(sum, crc))) break;
        yield chunk;
      }
    } finally {
      await handle.close();
    }
    if (seen !== bytes || !isRecorded(sum, crc)) throw damagedBody(`the body ${path} is damaged`, { path });
  }

  /** Rejects with ERR_SPOOL when the file is missing or has another length. */
  async expect(file: string, bytes: number): Promise<void> {
    const path = join(this.#directory, file);
    const { size } = await stat(path).catch(rethrow(`cannot read ${path}`));
    if (size !== bytes) throw damagedBody(`the body ${path} is damaged`, { path, size, bytes });
  }

  /** What cannot be removed now is removed by `sweep` at the next open. */
  async remove(file: string): Promise<void> {
    await rm(join(this.#directory, file), { force: true }).catch(() => {});
  }

  /** Makes the directory, and removes files that no record names. Blocks; for open only. @returns how many. */
  sweep(isNamed: (id: string, file: string) => boolean): number {
    let removed = 0;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const shelf of readdirSync(this.#directory).filter((name) => SHELF.test(name))) {
      for (const name of readdirSync(join(this.#directory, shelf))) {
        const file = `${shelf}/${name}`;
        if (isNamed(name.split("-", 1)[0] ?? "", file)) continue;
        rmSync(join(this.#directory, file), { force: true });
        removed++;
      }
    }
    return removed;
  }

  async #create(id: MessageId): Promise<BodyFile> {
    // The low digits of the counter: 1024 directories that fill evenly.
    const shelf = id.slice(17, 19);
    const directory = join(this.#directory, shelf);
    const ready = this.#shelves.get(shelf) ?? this.#prepare(directory);
    this.#shelves.set(shelf, ready);
    await ready.catch((cause: unknown) => {
      this.#shelves.delete(shelf);
      throw cause;
    });
    const file = `${shelf}/${id}-${this.#run}-${(this.#written++).toString(36)}`;
    return { file, directory, handle: await open(join(this.#directory, file), "wx", 0o600) };
  }

  /** Once a run for each, even if it is there: a run that was killed may have made it and not synced it. */
  async #prepare(shelf: string): Promise<void> {
    await mkdir(shelf, { recursive: true, mode: 0o700 });
    await syncDirectory(this.#directory);
  }

  async #checkSpace(inFile: boolean): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(this.#directory);
    const reserve = Math.min(RESERVE_BYTES, (blocks * bsize) / 16);
    const onDisk = bavail * bsize;
    if (onDisk >= reserve) return;
    const free = inFile ? onDisk : onDisk + this.#unusedBytes();
    if (free < reserve)
      throw new HoldfastError("ERR_SPOOL_FULL", "no space left beyond the reserve", { free, reserve });
  }
}

interface BodyFile {
  readonly file: string;
  readonly directory: string;
  readonly handle: FileHandle;
}

/** Collects up to `inlineMax` bytes in memory; one more, and it goes on in a file, many small chunks in one write. */
class BodyWriter {
  #buffer = Buffer.alloc(0);
  #held = 0;
  #bytes = 0;
  #crc = 0;
  #checkAt = 0;
  #file: BodyFile | null = null;

  constructor(
    readonly create: () => Promise<BodyFile>,
    readonly inlineMax: number,
    readonly checkSpace: (inFile: boolean) => Promise<void>,
  ) {}

  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.byteLength;
    this.#crc = checksum(chunk, this.#crc);
    if (this.#bytes > this.inlineMax) {
      await this.#check();
      this.#file ??= await this.create();
      if (this.#held + chunk.byteLength > WRITE_BYTES) await this.#flush(this.#file);
      if (chunk.byteLength > WRITE_BYTES) return writeAll(this.#file.handle, chunk);
    }
    this.#hold(chunk);
  }

  async finish(): Promise<WrittenBody> {
    const bytes = this.#bytes;
    const crc = this.#crc;
    if (this.#file === null) {
      await this.checkSpace(false);
      return { bytes, crc, inline: this.#buffer.subarray(0, bytes), file: null };
    }
    const { handle, directory, file } = this.#file;
    await this.#flush(this.#file);
    await handle.sync();
    await handle.close();
    await syncDirectory(directory);
    return { bytes, crc, inline: null, file };
  }

  /** Closes what is open. @returns the file to remove, if there is one. */
  async abandon(): Promise<string | null> {
    await this.#file?.handle.close().catch(() => {});
    return this.#file?.file ?? null;
  }

  async #check(): Promise<void> {
    if (this.#bytes < this.#checkAt) return;
    this.#checkAt = this.#bytes + CHECK_BYTES;
    await this.checkSpace(true);
  }

  #hold(chunk: Uint8Array): void {
    const held = this.#held + chunk.byteLength;
    if (held > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(held, Math.min(2 * this.#buffer.length, this.inlineMax), 4096));
      this.#buffer.copy(grown, 0, 0, this.#held);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#held);
    this.#held = held;
  }

  async #flush({ handle }: BodyFile): Promise<void> {
    await writeAll(handle, this.#buffer.subarray(0, this.#held));
    this.#held = 0;
  }
}

function rethrow(doing: string): (cause: unknown) => never {
  return (cause) => {
    throw diskError(doing, cause);
  };
}

/** write(2) may take less than it is given, above all when the disk fills up. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    at += (await handle.write(bytes, at, bytes.byteLength - at)).bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** `body`, cut off by the signal even while its source says nothing. No race with one promise of the abort: that would
 * keep a reaction, and with it the chunk, for each chunk until the end. */
async function* abortable(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let stopWaiting = (_reason: unknown) => {};
  const abort = () => stopWaiting(signal.reason);
  signal.addEventListener("abort", abort);
  let ended = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        stopWaiting = reject;
        iterator.next().then(resolve, reject);
      });
      ended = step.done === true;
      if (step.done) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    if (!ended) void iterator.return?.().catch(() => {});
  }
}
