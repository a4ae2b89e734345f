/**
 * Addresses of both families, and sets of them as ranges. The core names an address by its canonical text: a dotted quad
 * without leading zeros, or RFC 5952 in plain hexadecimal. For order, ranges and bytes it is a *point*: a block of 2^32
 * addresses and a place in it. All of IPv4 is one block; one of IPv6 is a /96.
 */
export interface Point {
  /** The upper 96 bits as 24 hexadecimal digits; empty for IPv4, which therefore comes first. */
  readonly block: string;
  /** 0 to 2^32-1. */
  readonly offset: number;
}

/** `count` consecutive addresses from `start`, all in one block. */
export interface AddressRange {
  readonly block: string;
  readonly start: number;
  readonly count: number;
}

const [ZERO, DOT] = [48, 46];

/** @returns 0 to 2^32-1, or null when the text is not a dotted quad in canonical form (no leading zeros). */
export function parseIpv4(text: string): number | null {
  let [value, dots, octet] = [0, 0, -1];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT && octet >= 0) {
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
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** @returns null for what is no address. Accepts more spellings of IPv6 than the canonical one, but no dotted tail. */
export function parseAddress(text: string): Point | null {
  const value = parseIpv4(text);
  if (value !== null) return { block: "", offset: value };
  const hex = text.includes(":") ? ipv6Digits(text) : null;
  return hex === null ? null : { block: hex.slice(0, 24), offset: Number.parseInt(hex.slice(24), 16) };
}

/** All 32 digits. */
function ipv6Digits(text: string): string | null {
  const halves = text.toLowerCase().split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const groups = [...(head ?? []), ...(tail ?? [])];
  const missing = 8 - groups.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  const digits = (some: readonly string[] = []) => some.map((group) => group.padStart(4, "0")).join("");
  return digits(head) + "0000".repeat(missing) + digits(tail);
}

/** In canonical form: RFC 5952 section 4, without the mixed notation of its section 5. */
export function formatAddress({ block, offset }: Point): string {
  if (block === "") return formatIpv4(offset);
  const digits = block + offset.toString(16).padStart(8, "0");
  const groups = Array.from({ length: 8 }, (_, i) => Number.parseInt(digits.slice(4 * i, 4 * i + 4), 16));
  const [from, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, from).join(":")}::${hex.slice(from + length).join(":")}`;
}

/** The first of the longest runs of groups that are zero. */
function longestZeros(groups: readonly number[]): readonly [from: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === 0) length++;
    if (length > best[1]) best = [i, length];
    i += length;
  }
  return best;
}

/** By number and not by text: 10.0.0.9 comes before 10.0.0.10. IPv4 first. */
export function compareAddresses(a: string, b: string): number {
  return comparePoints(pointOf(a), pointOf(b));
}

export function comparePoints(a: Point, b: Point): number {
  if (a.block !== b.block) return a.block < b.block ? -1 : 1;
  return a.offset - b.offset;
}

/** Sorts by address, each of which is parsed once. */
export function sortByAddress<T>(items: Iterable<T>, addressOf: (item: T) => string): T[] {
  const all: { readonly item: T; readonly point: Point }[] = [];
  let sorted = true;
  for (const item of items) {
    const point = pointOf(addressOf(item));
    const last = all[all.length - 1];
    if (last !== undefined && comparePoints(last.point, point) > 0) sorted = false;
    all.push({ item, point });
  }
  if (!sorted) all.sort((a, b) => comparePoints(a.point, b.point));
  return all.map(({ item }) => item);
}

const NOWHERE: Point = { block: "", offset: -1 };

/** What is no address comes before all that are. */
export function pointOf(address: string): Point {
  return parseAddress(address) ?? NOWHERE;
}

/** The fewest ranges that hold exactly these addresses, in their order. Duplicates count once. */
export function toRanges(addresses: Iterable<string>): AddressRange[] {
  const offsets = new Map<string, number[]>();
  for (const address of addresses) {
    const point = parseAddress(address);
    if (point === null) continue;
    const inBlock = offsets.get(point.block);
    if (inBlock === undefined) offsets.set(point.block, [point.offset]);
    else inBlock.push(point.offset);
  }
  return [...offsets.keys()].sort().flatMap((block) => rangesIn(block, offsets.get(block) ?? []));
}

function rangesIn(block: string, offsets: readonly number[]): AddressRange[] {
  const ranges: AddressRange[] = [];
  const sorted = new Float64Array(offsets).sort();
  let [start, count] = [sorted[0] ?? 0, 0];
  for (let i = 0; i < sorted.length; i++) {
    const offset = sorted[i] ?? 0;
    if (offset === start + count) count++;
    else if (offset > start + count) {
      ranges.push({ block, start, count });
      [start, count] = [offset, 1];
    }
  }
  if (count > 0) ranges.push({ block, start, count });
  return ranges;
}

export function* addressesIn(ranges: readonly AddressRange[]): Generator<string, undefined> {
  for (const { block, start, count } of ranges) {
    for (let i = 0; i < count; i++) yield formatAddress({ block, offset: start + i });
  }
}

/** For people: "10.1.1.1-10.1.1.40 10.2.1.7 2001:db8::1-2001:db8::9". */
export function describeAddresses(addresses: Iterable<string>): string {
  return describeRanges(toRanges(addresses));
}

/** As `describeAddresses` says it. */
export function describeRanges(ranges: readonly AddressRange[]): string {
  return ranges.map(describeRange).join(" ");
}

/** "10.1.1.1-10.1.1.40", "10.2.1.7". */
export function describeRange({ block, start, count }: AddressRange): string {
  const first = formatAddress({ block, offset: start });
  return count === 1 ? first : `${first}-${formatAddress({ block, offset: start + count - 1 })}`;
}
