/**
 * Who had which address when, in a file: a JSON object a line, added at the end. The file is opened anew for each batch of
 * lines, so that whoever rotates it may move it away or cut it short, and has nobody to tell. Never waited for: what cannot
 * be written is told once, and given up.
 */
import { appendFile } from "node:fs/promises";
import { describeRanges } from "../core/address.js";
import type { OwnerChange } from "../core/io.js";
import { explain } from "../errors.js";
import type { NodeEventSink } from "./node.js";

/** Lines that wait while the disk does not answer: at 20 kB a line at the most, some 80 MB. */
const WAITING_MAX = 4_096;
/** Lines in one write. */
const BATCH = 256;

export class AuditFile {
  #lines: string[] = [];
  #writing: Promise<void> | null = null;
  /** The last write failed, or lines were left out, which has been told. */
  #inTrouble = false;

  constructor(
    private readonly path: string,
    private readonly node: string,
    private readonly sink: NodeEventSink,
  ) {}

  add({ ranges, count, from, to, reason, epoch, gapMs }: OwnerChange): void {
    if (this.#lines.length >= WAITING_MAX) return this.#complain(`${WAITING_MAX} lines wait to be written`);
    const facts = { addresses: describeRanges(ranges), count, from, to, reason, epoch };
    const gap = gapMs === null ? {} : { gapMs: Math.round(gapMs) };
    this.#lines.push(`${JSON.stringify({ time: new Date().toISOString(), node: this.node, ...facts, ...gap })}\n`);
    this.#writing ??= this.#write();
  }

  /** Everything that was added is written, or given up. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#lines.length > 0) {
      const batch = this.#lines.splice(0, BATCH);
      try {
        await appendFile(this.path, batch.join(""), { mode: 0o640 });
        this.#inTrouble = false;
      } catch (error) {
        this.#complain(explain(error));
      }
    }
    this.#writing = null;
  }

  #complain(reason: string): void {
    if (!this.#inTrouble) this.sink({ level: "error", code: "audit-failed", facts: { file: this.path, reason } });
    this.#inTrouble = true;
  }
}
