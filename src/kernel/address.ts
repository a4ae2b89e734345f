/** IP addresses: text <-> bytes in network order. */
import { isIPv6 } from "node:net";

/**
 * Writes an address at `offset`: 4 bytes or 16.
 *
 * @returns its family, or 0 for what is not an address; then nothing useful was written. A zone ("fe80::1%eth0") is not
 *   part of an address, and 010.1.1.1 is none, because programs differ in whether that is octal (RFC 6943 section 3.1.1).
 */
export function writeAddress(text: string, bytes: Uint8Array, offset: number): 4 | 6 | 0 {
  if (typeof text !== "string") return 0; // A caller without types may give anything.
  if (!text.includes(":")) return writeIpv4(text, bytes, offset) ? 4 : 0;
  if (!isIPv6(text) || text.includes("%")) return 0;
  writeIpv6(text, bytes, offset);
  return 6;
}

export function notAnAddress(text: string): TypeError {
  return new TypeError(`expected an IPv4 or IPv6 address, not ${JSON.stringify(text)}`);
}

/** The one text that each address has: dotted quad, or RFC 5952. */
export function formatAddress(family: 4 | 6, bytes: Uint8Array, offset: number): string {
  if (family === 4) return formatIpv4(bytes, offset);
  return formatIpv6(bytes.subarray(offset, offset + 16));
}

/** Of an address of either family, as native/wire/ip_address.h has it: IPv4 is IPv4-mapped (RFC 4291 section 2.5.5.2). */
export const MAPPED_BYTES = 16;

/**
 * Writes 16 bytes at `offset`.
 *
 * @returns the family, or 0 for what is not an address, and for an IPv4-mapped text: no frame on a LAN is about that.
 */
export function writeMapped(text: string, bytes: Uint8Array, offset: number): 4 | 6 | 0 {
  const isIpv6 = text.includes(":");
  if (!isIpv6) bytes.fill(0, offset, offset + 10).fill(0xff, offset + 10, offset + 12);
  const family = writeAddress(text, bytes, isIpv6 ? offset : offset + 12);
  return family === 6 && isMapped(bytes, offset) ? 0 : family;
}

export function formatMapped(bytes: Uint8Array, offset: number): string {
  return isMapped(bytes, offset) ? formatAddress(4, bytes, offset + 12) : formatAddress(6, bytes, offset);
}

/** Is what is packed at `offset` an IPv4 address? */
export function isMapped(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset + 10] !== 0xff || bytes[offset + 11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

const OCTETS = Array.from({ length: 256 }, (_, octet) => `${octet}`);

/** "10.1.1.", the beginning of the last text: the addresses of a dump have it in common with their neighbours, and a hundred
 * thousand texts are made in half the time and garbage. */
let network = -1;
let networkText = "";

function formatIpv4(bytes: Uint8Array, offset: number): string {
  const a = bytes[offset] ?? 0;
  const b = bytes[offset + 1] ?? 0;
  const c = bytes[offset + 2] ?? 0;
  const here = (a << 16) | (b << 8) | c;
  if (here !== network) {
    network = here;
    networkText = `${a}.${b}.${c}.`;
  }
  return networkText + (OCTETS[bytes[offset + 3] ?? 0] ?? "");
}

/** By hand and not by a regular expression: a call may bring a hundred thousand. */
function writeIpv4(text: string, bytes: Uint8Array, offset: number): boolean {
  let octet = 0;
  let digits = 0;
  let at = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (digits === 0 || at === 4) return false;
      bytes[offset + at++] = octet;
      octet = 0;
      digits = 0;
      continue;
    }
    if (code < ZERO || code > NINE || (digits > 0 && octet === 0)) return false;
    octet = octet * 10 + code - ZERO;
    digits++;
    if (octet > 255) return false;
  }
  return at === 4;
}

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** @param text what isIPv6 accepted. */
function writeIpv6(text: string, bytes: Uint8Array, offset: number): void {
  const [head = "", tail] = text.split("::");
  const left = groupBytes(head);
  const right = tail === undefined ? [] : groupBytes(tail);
  bytes.fill(0, offset, offset + 16);
  bytes.set(left, offset);
  bytes.set(right, offset + 16 - right.length);
}

/** "2001:db8" -> 4 bytes; the last group may be a dotted quad. */
function groupBytes(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  // RFC 5952 section 5: the known prefix of IPv4-mapped addresses is written mixed.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatAddress(4, bytes, 12)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** RFC 5952 section 4.2.3: the longest run, the first of equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
