/**
 * IPv4 addresses as numbers, and sets of them as ranges. A VIP is IPv4 (as in the original); everything else in the core
 * names it by its canonical text.
 */

/** `count` consecutive addresses from `start`; never beyond 255.255.255.255. */
export interface AddressRange {
  readonly start: number;
  readonly count: number;
}

/** @returns 0 to 2^32-1, or null when the text is not a dotted quad in canonical form (no leading zeros). */
export function parseIpv4(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return null;
    const octet = Number(part);
    if (octet > 255) return null;
    value = value * 256 + octet;
  }
  return value;
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** By number and not by text: 10.0.0.9 comes before 10.0.0.10. */
export function compareAddresses(a: string, b: string): number {
  return (parseIpv4(a) ?? -1) - (parseIpv4(b) ?? -1);
}

/** The fewest ranges that hold exactly these addresses. Duplicates count once. */
export function toRanges(addresses: Iterable<string>): AddressRange[] {
  const values = [...addresses].map((address) => parseIpv4(address) ?? -1).filter((value) => value >= 0);
  const sorted = Float64Array.from(values).sort();
  const ranges: { start: number; count: number }[] = [];
  for (const value of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && value === last.start + last.count) last.count++;
    else if (last === undefined || value > last.start + last.count) ranges.push({ start: value, count: 1 });
  }
  return ranges;
}

export function fromRanges(ranges: readonly AddressRange[]): string[] {
  const addresses: string[] = [];
  for (const { start, count } of ranges) for (let i = 0; i < count; i++) addresses.push(formatIpv4(start + i));
  return addresses;
}

/** For people: "10.1.1.1-10.1.1.40 10.2.1.7". */
export function describeAddresses(addresses: Iterable<string>): string {
  return toRanges(addresses)
    .map(({ start, count }) =>
      count === 1 ? formatIpv4(start) : `${formatIpv4(start)}-${formatIpv4(start + count - 1)}`,
    )
    .join(" ");
}
