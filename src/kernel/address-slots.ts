/**
 * Small numbers for addresses, and the packed form of each: lists and tables over a million of them are arrays of numbers
 * then, nothing that the collector has to walk.
 */
import { isMapped, MAPPED_BYTES, writeMapped } from "./address.js";

/** Addresses a piece of packed bytes: growing copies nothing. */
const CHUNK = 4096;
/**
 * One map of a million entries takes tens of milliseconds when it grows. Of very many small ones each grows at a time of its own: so
 * few addresses to each that chance spreads them unevenly.
 */
const SHARDS = 1 << 14;

export class AddressSlots {
  /** By a hash of the text. */
  readonly #slots = new Map<number, Map<string, number>>();
  readonly #chunks: Uint8Array[] = [];
  readonly #free: number[] = [];
  #end = 0;

  /** Its slot, from now on until `delete`. -1 for what is not an address, or has no form of its own in 16 bytes. */
  put(address: string): number {
    if (typeof address !== "string") return -1;
    const shard = this.#shardOf(address);
    const known = shard.get(address);
    if (known !== undefined) return known;
    const slot = this.#free.at(-1) ?? this.#end;
    const chunk = (this.#chunks[Math.floor(slot / CHUNK)] ??= new Uint8Array(CHUNK * MAPPED_BYTES));
    if (writeMapped(address, chunk, (slot % CHUNK) * MAPPED_BYTES) === 0) return -1;
    if (this.#free.pop() === undefined) this.#end++;
    shard.set(address, slot);
    return slot;
  }

  /** @returns the slot that it had, which another address may get; -1 where it had none. */
  delete(address: string): number {
    if (typeof address !== "string") return -1;
    const shard = this.#shardOf(address);
    const slot = shard.get(address);
    if (slot === undefined) return -1;
    shard.delete(address);
    this.#free.push(slot);
    return slot;
  }

  /** Writes the 16 bytes of a slot that has an address. */
  pack(slot: number, into: Uint8Array, offset: number): void {
    const start = (slot % CHUNK) * MAPPED_BYTES;
    const chunk = this.#chunks[Math.floor(slot / CHUNK)]!;
    // By hand: a subarray for each of a million is slower.
    for (let i = 0; i < MAPPED_BYTES; i++) into[offset + i] = chunk[start + i]!;
  }

  isIpv4(slot: number): boolean {
    return isMapped(this.#chunks[Math.floor(slot / CHUNK)]!, (slot % CHUNK) * MAPPED_BYTES);
  }

  #shardOf(address: string): Map<string, number> {
    let hash = 0;
    for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193); // as in FNV-1a
    const number = (hash ^ (hash >>> 15)) & (SHARDS - 1);
    let shard = this.#slots.get(number);
    if (shard === undefined) this.#slots.set(number, (shard = new Map<string, number>()));
    return shard;
  }
}
