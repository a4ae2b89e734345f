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
  flagProbe: 4,
  flagNoSource: 8,
} as const;

/** So many records are worked on before other events get their turn: about 1 ms. */
const SLICE = 8192;

/**
 * Hands over the records of all items in slices, in buffers that are used again: one turn of the event loop each.
 *
 * @throws TypeError naming the first text that is not an address.
 */
export async function packRecords<T>(
  items: readonly T[],
  addressOf: (item: T) => string,
  targetOf: (item: T) => PlumbTarget,
  take: (slice: Buffer) => void,
): Promise<void> {
  const buffer = Buffer.alloc(Math.min(SLICE, items.length) * RECORD.bytes);
  for (let first = 0; first < items.length; first += SLICE) {
    if (first > 0) await nextTurn();
    const some = items.slice(first, first + SLICE);
    buffer.fill(0);
    let start = 0;
    for (const item of some) {
      packRecord(buffer, start, addressOf(item), targetOf(item));
      start += RECORD.bytes;
    }
    take(buffer.subarray(0, start));
  }
}

function packRecord(bytes: Buffer, start: number, address: string, target: PlumbTarget): void {
  const { ifindex, plumbing, prefix } = target;
  const family = writeAddress(address, bytes, start + RECORD.address);
  if (family === 0) throw new TypeError(`expected an IPv4 or IPv6 address, not ${JSON.stringify(address)}`);
  const isRoute = plumbing === "route";
  bytes[start + RECORD.family] = family;
  bytes[start + RECORD.prefix] = isRoute || prefix === undefined ? hostPrefix(family) : prefix;
  bytes[start + RECORD.flags] = isRoute ? RECORD.flagRoute : aliasFlags(target);
  bytes.writeUInt32LE(ifindex, start + RECORD.ifindex);
}

function aliasFlags({ dad = false, sourceHygiene = false }: PlumbTarget): number {
  return (dad ? RECORD.flagProbe : 0) | (sourceHygiene ? RECORD.flagNoSource : 0);
}

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
