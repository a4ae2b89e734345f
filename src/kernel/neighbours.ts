/** The packed neighbour table, as native/wire/neighbours.h writes it: 16 bytes a neighbour. */
import { formatAddress } from "./address.js";
import type { Neighbour } from "./types.js";

const RECORD = { bytes: 16, ifindex: 0, address: 4, mac: 8 } as const;

export function unpackNeighbours(bytes: Buffer): Neighbour[] {
  return Array.from({ length: bytes.length / RECORD.bytes }, (_, i) => {
    const at = i * RECORD.bytes;
    return {
      address: formatAddress(4, bytes, at + RECORD.address),
      ifindex: bytes.readUInt32LE(at + RECORD.ifindex),
      mac: bytes.toString("hex", at + RECORD.mac, at + RECORD.mac + 6).replace(/(..)(?!$)/g, "$1:"),
    };
  });
}

/** "02:00:00:00:00:0a" -> 6 bytes. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(":"), (byte) => Number.parseInt(byte, 16));
}
