/** What else stands on an address, packed as native/wire/uses.h has it: 24 bytes a use. */
import { formatMapped } from "./address.js";
import type { AddressUse } from "./types.js";

const RECORD = { bytes: 24, address: 0, kind: 16, prefix: 17, port: 18, where: 20 } as const;
const ROUTE = 1;
const TCP = 2;

export function unpackUses(bytes: Buffer): AddressUse[] {
  return Array.from({ length: bytes.length / RECORD.bytes }, (_, i) => unpackUse(bytes, i * RECORD.bytes));
}

function unpackUse(bytes: Buffer, at: number): AddressUse {
  const address = formatMapped(bytes, at + RECORD.address);
  const kind = bytes[at + RECORD.kind];
  if (kind === ROUTE) {
    const [prefix = 0, ifindex] = [bytes[at + RECORD.prefix], bytes.readUInt32LE(at + RECORD.where)];
    return { kind: "route", address, isDefault: prefix === 0, ifindex };
  }
  return {
    kind: "socket",
    address,
    protocol: kind === TCP ? "tcp" : "udp",
    port: bytes.readUInt16LE(at + RECORD.port),
  };
}
