/** The packed neighbour table, as native/wire/neighbours.h writes it: 28 bytes a neighbour. */
import { formatAddress } from "./address.js";
import type { Neighbour, NeighbourChange } from "./types.js";

export const MAC_BYTES = 6;

const RECORD = { bytes: 28, ifindex: 0, family: 4, mac: 5, address: 12 } as const;

export function unpackNeighbours(bytes: Buffer): Neighbour[] {
  return Array.from({ length: bytes.length / RECORD.bytes }, (_, i) => unpackNeighbour(bytes, i * RECORD.bytes));
}

/** @param bytes two records a change, before and after; one of zeros stands for none. */
export function unpackNeighbourChanges(bytes: Buffer): NeighbourChange[] {
  const orNull = (at: number) => (bytes[at + RECORD.family] === 0 ? null : unpackNeighbour(bytes, at));
  return Array.from({ length: bytes.length / (2 * RECORD.bytes) }, (_, i) => {
    const at = 2 * i * RECORD.bytes;
    return { before: orNull(at), after: orNull(at + RECORD.bytes) };
  });
}

function unpackNeighbour(bytes: Buffer, at: number): Neighbour {
  return {
    address: formatAddress(bytes[at + RECORD.family] === 4 ? 4 : 6, bytes, at + RECORD.address),
    ifindex: bytes.readUInt32LE(at + RECORD.ifindex),
    mac: formatMac(bytes, at + RECORD.mac),
  };
}

export function formatMac(bytes: Buffer, at: number): string {
  return bytes.toString("hex", at, at + MAC_BYTES).replace(/(..)(?!$)/g, "$1:");
}

/** "02:00:00:00:00:0a" -> 6 bytes. @throws TypeError. */
export function macBytes(mac: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) {
    throw new TypeError(`expected a hardware address like 02:00:00:00:00:0a, not ${JSON.stringify(mac)}`);
  }
  return Uint8Array.from(mac.split(":"), (byte) => Number.parseInt(byte, 16));
}
