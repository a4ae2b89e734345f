/**
 * What a member has learnt and others can use: who is on the LAN, and which of its addresses are in use most. A hint, out of
 * date the moment it is made: no rule of ownership looks at it.
 *
 * Source: docs/PROTOCOL.md, "Messages", SHARE.
 */
import { type ByteReader, type ByteWriter, Malformed } from "./bytes.js";
import { readAddress, readSet, writeAddress, writeSet } from "./sets.js";

/** A host on the LAN. */
export interface SharedHost {
  readonly address: string;
  /** "02:00:00:00:00:01" */
  readonly mac: string;
}

export interface Share {
  /** The neighbour table behind each Topology's interface. */
  readonly neighbours: readonly { readonly block: string; readonly hosts: readonly SharedHost[] }[];
  /** Addresses of the sender that were used: those of one level about as much, those of the next one twice as much. */
  readonly busy: readonly { readonly level: number; readonly addresses: readonly string[] }[];
}

/** Of one Topology; the kernel itself has no more than net.ipv4.neigh.default.gc_thresh3 neighbours, 1,024 by default. */
export const MAX_HOSTS = 4096;
/** Of one host's interfaces: more than carry VIPs anywhere. */
const MAX_MACS = 256;
/** Of counts below 2^53. */
const MAX_LEVEL = 52;
/** More than any node says, and nothing to keep for each peer that grows. */
const MAX_BUSY = 65_536;

/** @param share hardware addresses of six bytes each. */
export function writeShare(out: ByteWriter, { neighbours, busy }: Share): void {
  out.list(neighbours, ({ block, hosts }) => {
    out.string(block).list(hosts, ({ address, mac }) => {
      writeAddress(out, address);
      writeMac(out, mac);
    });
  });
  out.list(busy, ({ level, addresses }) => writeSet(out.uint(level), addresses));
}

export function readShare(source: ByteReader): Share {
  return {
    neighbours: source.list(() => ({
      block: source.string(64),
      hosts: source.list(() => ({ address: readAddress(source), mac: readMac(source) }), MAX_HOSTS),
    })),
    busy: readBusy(source),
  };
}

/** The first MAX_MACS of them. */
export function writeMacs(out: ByteWriter, macs: readonly string[]): void {
  out.list(macs.slice(0, MAX_MACS), (mac) => writeMac(out, mac));
}

export function readMacs(source: ByteReader): string[] {
  return source.list(() => readMac(source), MAX_MACS);
}

function writeMac(out: ByteWriter, mac: string): void {
  for (const byte of mac.split(":")) out.byte(Number.parseInt(byte, 16));
}

function readBusy(source: ByteReader): Share["busy"] {
  let left = MAX_BUSY;
  return source.list(() => {
    const level = source.uint(MAX_LEVEL);
    const addresses = readSet(source);
    left -= addresses.length;
    if (left < 0) throw new Malformed("more busy addresses than anybody names");
    return { level, addresses };
  });
}

function readMac(source: ByteReader): string {
  const mac = Array.from({ length: 6 }, () => source.byte().toString(16).padStart(2, "0")).join(":");
  // A group address (IEEE 802 section 8.2) is nobody's, and frames to it would reach many.
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) throw new Malformed(`${mac} is no host's hardware address`);
  return mac;
}
