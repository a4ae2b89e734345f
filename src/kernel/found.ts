/** What a dump found: packed records (records.ts), from which objects are made as somebody looks at them. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { RECORD, unpackRecord, unpackSlice } from "./records.js";
import type { FoundAddress, FoundAddresses } from "./types.js";

/** Made in less than a millisecond or two. */
const A_TURN = 4096;

export class PackedAddresses implements FoundAddresses {
  readonly length: number;

  constructor(private readonly bytes: Buffer) {
    this.length = bytes.length / RECORD.bytes;
  }

  *[Symbol.iterator](): Generator<FoundAddress> {
    for (let start = 0; start < this.bytes.length; start += RECORD.bytes) yield unpackRecord(this.bytes, start);
  }

  async *slices(): AsyncGenerator<readonly FoundAddress[]> {
    for (let first = 0; first < this.length; first += A_TURN) {
      if (first > 0) await nextTurn();
      yield unpackSlice(this.bytes.subarray(first * RECORD.bytes, (first + A_TURN) * RECORD.bytes));
    }
  }

  /** For JSON.stringify. */
  toJSON(): FoundAddress[] {
    return [...this];
  }
}
