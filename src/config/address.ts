/** Addresses, networks and endpoints as they are written in a configuration -> canonical text. */
import ipaddr from "ipaddr.js";
import type { Endpoint } from "./types.js";

const DOT = 46;
const ZERO = 48;

/** @returns 0 to 2^32-1, or null unless the text is a dotted quad without leading zeros. */
export function parseIpv4(text: string): number | null {
  if (text.length < 7 || text.length > 15) return null;
  let value = 0;
  let dots = 0;
  let octet = -1;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT && octet >= 0 && dots < 3) {
      value = value * 256 + octet;
      dots++;
      octet = -1;
    } else {
      if (code < ZERO || code > ZERO + 9 || octet === 0) return null;
      octet = Math.max(octet, 0) * 10 + code - ZERO;
      if (octet > 255) return null;
    }
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : null;
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** Dotted quad as it is, IPv6 by RFC 5952 section 4; null when the text is neither. A zone (`%eth0`) is not accepted. */
export function canonicalAddress(text: string): string | null {
  if (parseIpv4(text) !== null) return text;
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return null;
  return ipaddr.IPv6.parse(text).toRFC5952String();
}

export function isIpv6(address: string): boolean {
  return address.includes(":");
}

export interface Network {
  /** Canonical, with the bits behind the prefix cleared: "10.1.1.0/24". */
  readonly block: string;
  readonly family: 4 | 6;
  readonly length: number;
  /** The text had bits behind the prefix: "10.1.1.7/24". */
  readonly hadHostBits: boolean;
}

/** "address/length"; null when the text is not of that form. */
export function parseNetwork(text: string): Network | null {
  const [, address = "", digits = ""] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const canonical = canonicalAddress(address);
  const length = Number(digits);
  if (canonical === null || digits === "" || length > hostPrefix(canonical)) return null;
  const block = blockOf(canonical, length);
  return { block, family: isIpv6(canonical) ? 6 : 4, length, hadHostBits: block !== `${canonical}/${length}` };
}

/** The block of that length that holds a canonical address: "10.1.1.7", 24 -> "10.1.1.0/24". */
export function blockOf(address: string, length: number): string {
  const value = parseIpv4(address);
  if (value !== null) return `${formatIpv4(value - (value % 2 ** (32 - length)))}/${length}`;
  const first = ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`);
  return `${first.toRFC5952String()}/${length}`;
}

/** Prefix length of a single address: 32 or 128. */
export function hostPrefix(address: string): number {
  return isIpv6(address) ? 128 : 32;
}

/** Orders addresses by family, then by value. Both are canonical. */
export function compareAddresses(a: string, b: string): number {
  const [valueOfA, valueOfB] = [parseIpv4(a), parseIpv4(b)];
  if (valueOfA !== null && valueOfB !== null) return valueOfA - valueOfB;
  if (valueOfA !== null || valueOfB !== null) return valueOfA === null ? 1 : -1;
  return compareBytes(ipaddr.IPv6.parse(a).toByteArray(), ipaddr.IPv6.parse(b).toByteArray());
}

function compareBytes(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** Unspecified and loopback are of their own; link-local means nothing without a zone; mapped is IPv4 in other clothes. */
const UNUSABLE_IPV6: ReadonlySet<string> = new Set(["unspecified", "loopback", "linkLocal", "multicast", "ipv4Mapped"]);

/**
 * False for what no host can have, or not as an address that moves between hosts: 0.0.0.0/8 (RFC 1122 section 3.2.1.3) and
 * everything from multicast up (RFC 1112 section 4); of IPv6 the kinds above (RFC 4291 section 2.4).
 */
export function isUsable(address: string): boolean {
  const value = parseIpv4(address);
  if (value === null) return !UNUSABLE_IPV6.has(ipaddr.IPv6.parse(address).range());
  const first = Math.floor(value / 2 ** 24);
  return first !== 0 && first < 224;
}

/** What may stand before the port. */
export type HostForm = "listen" | "next-hop";

/**
 * "host:port", IPv6 in brackets. Listening: `*`, nothing and 0.0.0.0 are every IPv4 address, `[*]` and `[::]` every
 * address, and the port must be there. A next hop may be a host name, and its port is 25 unless it is written.
 *
 * @returns the endpoint, or what is wrong with the text.
 */
export function parseEndpoint(text: string, form: HostForm): Endpoint | string {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::([0-9]{1,6}))?$/.exec(text) ?? [];
  if (bracketed === undefined && plain === undefined) {
    return canonicalAddress(text) === null ? "is not of the form host:port" : "is an IPv6 address without brackets";
  }
  const port = digits === undefined ? (form === "next-hop" ? 25 : null) : Number(digits);
  if (port === null) return "has no port";
  if (port < 1 || port > 65535) return "has a port that is not from 1 to 65535";
  const host = bracketed === undefined ? hostOf(plain ?? "", form) : bracketedHostOf(bracketed, form);
  return host === null ? `has no valid ${form === "listen" ? "address" : "host"}` : { host, port };
}

function hostOf(text: string, form: HostForm): string | null {
  if (form === "listen") return ["", "*", "0.0.0.0"].includes(text) ? "*" : parseIpv4(text) === null ? null : text;
  return parseIpv4(text) !== null || isHostName(text) ? text.toLowerCase() : null;
}

function bracketedHostOf(text: string, form: HostForm): string | null {
  if (form === "listen" && text === "*") return "::";
  const address = canonicalAddress(text);
  return address !== null && isIpv6(address) ? address : null;
}

/** RFC 1123 section 2.1: labels of letters, digits and inner hyphens; not all digits, which would be a bad address. */
export function isHostName(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name.length > 253 || /^[0-9.]+$/.test(name)) return false;
  return name.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
}

/** "10.1.1.1:25", "[::1]:25". */
export function formatEndpoint({ host, port }: Endpoint): string {
  return isIpv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
