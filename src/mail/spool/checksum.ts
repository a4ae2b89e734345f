/** The checksum of what is in the spool: CRC-32 (zlib.h). */
import { crc32 } from "node:zlib";

/**
 * `zlib.crc32` of Node 20 and 22 answers 0 for no bytes at all, whatever the sum so far: an empty slice may have no
 * address, and zlib takes that as the wish for a first value.
 *
 * @param sum of the bytes before these.
 */
export function checksum(bytes: Uint8Array, sum = 0): number {
  return bytes.byteLength === 0 ? sum : crc32(bytes, sum);
}

/**
 * True when a body of the recorded length with this sum is the one that was recorded.
 *
 * Version 0.1.0 recorded 0 for a body whose last chunk was empty: of such a body only the length is known.
 */
export function isRecorded(sum: number, recorded: number): boolean {
  return recorded === 0 || sum === recorded;
}
