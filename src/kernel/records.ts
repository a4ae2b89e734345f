/**
 * Packed address records, as they come from C++. The table is the same as in native/wire/address_record.h; a
 * test compares the two, so change both together. Little-endian, except `address`, which is in network order.
 */
import { formatAddress } from "./address.js";
import type { FoundAddress } from "./types.js";

export const RECORD = {
  bytes: 24,
  family: 0, // 4 or 6
  prefix: 1, // 0 to 32 or 128
  protocol: 2, // found: IFA_PROTO or rtm_protocol; in a request: ignored
  flags: 3,
  ifindex: 4, // 32 bits
  address: 8, // 16 bytes, IPv4 uses the first 4
  flagRoute: 1,
  flagAlias: 2,
  flagProbe: 4,
  flagNoSource: 8,
} as const;

/** @param bytes few enough for one turn of the event loop. */
export function unpackSlice(bytes: Buffer): FoundAddress[] {
  return Array.from({ length: bytes.length / RECORD.bytes }, (_, i) => unpackRecord(bytes, i * RECORD.bytes));
}

export function unpackRecord(bytes: Buffer, start: number): FoundAddress {
  const flags = bytes[start + RECORD.flags] ?? 0;
  return {
    address: formatAddress(bytes[start + RECORD.family] === 4 ? 4 : 6, bytes, start + RECORD.address),
    prefix: bytes[start + RECORD.prefix] ?? 0,
    ifindex: bytes.readUInt32LE(start + RECORD.ifindex),
    plumbing: (flags & RECORD.flagRoute) === 0 ? "address" : "route",
    protocol: bytes[start + RECORD.protocol] ?? 0,
    alias: (flags & RECORD.flagAlias) !== 0,
  };
}

export function hostPrefix(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}
