/**
 * Packed address records, as they cross to C++ and back. The table is the same as in native/wire/address_record.h; a
 * test compares the two, so change both together. Little-endian, except `address`, which is in network order.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { formatAddress, writeAddress } from "./address.js";
import type { FoundAddress, PlumbTarget } from "./types.js";

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
} as const;

/** An address and where it goes. A FoundAddress is one. */
export interface AddressAt extends PlumbTarget {
  readonly address: string;
}

/** So many records are worked on before other events get their turn: about 3 ms. */
const SLICE = 8192;

/** @throws TypeError naming the first text that is not an address. */
export async function packRecords<T>(items: readonly T[], addressAt: (item: T) => AddressAt): Promise<Buffer> {
  const bytes = Buffer.alloc(items.length * RECORD.bytes);
  for (const [i, item] of items.entries()) {
    if (i > 0 && i % SLICE === 0) await nextTurn();
    packRecord(bytes, i * RECORD.bytes, addressAt(item));
  }
  return bytes;
}

function packRecord(bytes: Buffer, start: number, { address, ifindex, plumbing, prefix }: AddressAt): void {
  const family = writeAddress(address, bytes, start + RECORD.address);
  if (family === 0) throw new TypeError(`expected an IPv4 or IPv6 address, not ${JSON.stringify(address)}`);
  const isRoute = plumbing === "route";
  bytes[start + RECORD.family] = family;
  bytes[start + RECORD.prefix] = isRoute ? hostPrefix(family) : prefix;
  bytes[start + RECORD.flags] = isRoute ? RECORD.flagRoute : 0;
  bytes.writeUInt32LE(ifindex, start + RECORD.ifindex);
}

export async function unpackRecords(bytes: Buffer): Promise<FoundAddress[]> {
  const found: FoundAddress[] = [];
  for (let start = 0; start < bytes.length; start += SLICE * RECORD.bytes) {
    if (start > 0) await nextTurn();
    for (const one of unpackSlice(bytes.subarray(start, start + SLICE * RECORD.bytes))) found.push(one);
  }
  return found;
}

/** @param bytes few enough for one turn of the event loop. */
export function unpackSlice(bytes: Buffer): FoundAddress[] {
  return Array.from({ length: bytes.length / RECORD.bytes }, (_, i) => unpackRecord(bytes, i * RECORD.bytes));
}

function unpackRecord(bytes: Buffer, start: number): FoundAddress {
  const flags = bytes.readUInt8(start + RECORD.flags);
  return {
    address: formatAddress(bytes[start + RECORD.family] === 4 ? 4 : 6, bytes, start + RECORD.address),
    prefix: bytes.readUInt8(start + RECORD.prefix),
    ifindex: bytes.readUInt32LE(start + RECORD.ifindex),
    plumbing: (flags & RECORD.flagRoute) === 0 ? "address" : "route",
    protocol: bytes.readUInt8(start + RECORD.protocol),
    alias: (flags & RECORD.flagAlias) !== 0,
  };
}

export function hostPrefix(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}
