/** Addresses and sets of them as bytes. Source: docs/PROTOCOL.md, "Messages". */
import { addressesIn, type AddressRange, formatAddress, parseAddress, toRanges } from "../address.js";
import { type ByteReader, ByteWriter, Malformed } from "./bytes.js";

/** No table has more addresses; so a few bytes cannot stand for gigabytes. */
export const MAX_ADDRESSES = 2 ** 20;
const MAX_OFFSET = 2 ** 32 - 1;

export function writeAddress(out: ByteWriter, address: string): void {
  const { block, offset } = parseAddress(address) ?? { block: "", offset: 0 };
  writeBlock(out, block);
  out.uint(offset);
}

export function readAddress(source: ByteReader): string {
  const block = readBlock(source);
  return formatAddress({ block, offset: source.uint(MAX_OFFSET) });
}

/** Of IPv4 no byte, of IPv6 the upper twelve. */
function writeBlock(out: ByteWriter, block: string): void {
  out.bytes(
    Uint8Array.from({ length: block.length / 2 }, (_, i) => Number.parseInt(block.slice(2 * i, 2 * i + 2), 16)),
  );
}

function readBlock(source: ByteReader): string {
  const bytes = source.bytes(12);
  if (bytes.length !== 0 && bytes.length !== 12) throw new Malformed(`${bytes.length} bytes are no block of addresses`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** In each block as ranges, or as bits where these take less: every other address of a network, say. */
export function writeSet(out: ByteWriter, addresses: Iterable<string>): void {
  const blocks = new Map<string, AddressRange[]>();
  for (const range of toRanges(addresses)) {
    const ranges = blocks.get(range.block);
    if (ranges === undefined) blocks.set(range.block, [range]);
    else ranges.push(range);
  }
  out.list([...blocks], ([block, ranges]) => {
    writeBlock(out, block);
    const asRanges = rangesOf(ranges);
    const [first, last] = [ranges[0]?.start ?? 0, (ranges.at(-1)?.start ?? 0) + (ranges.at(-1)?.count ?? 0)];
    if ((last - first) / 8 < asRanges.length)
      out
        .byte(1)
        .uint(first)
        .bytes(bitsOf(ranges, first, last));
    else out.byte(0).bytes(asRanges);
  });
}

function rangesOf(ranges: readonly AddressRange[]): Uint8Array {
  const out = new ByteWriter();
  let end = 0;
  out.list(ranges, ({ start, count }) => {
    out.uint(start - end).uint(count);
    end = start + count;
  });
  return out.finish();
}

function bitsOf(ranges: readonly AddressRange[], first: number, last: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil((last - first) / 8));
  for (const { start, count } of ranges) {
    for (let at = start - first; at < start - first + count; at++)
      bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  }
  return bits;
}

/** @returns the addresses, in their order. */
export function readSet(source: ByteReader): string[] {
  return [...addressesIn(readRanges(source))];
}

export function readRanges(source: ByteReader): AddressRange[] {
  let left = MAX_ADDRESSES;
  const take = (range: AddressRange) => {
    left -= range.count;
    if (left < 0) throw new Malformed("more addresses than any table has");
    if (range.start + range.count > MAX_OFFSET + 1) throw new Malformed("beyond the last address");
    return range;
  };
  const ranges = source.list(() => {
    const block = readBlock(source);
    const form = source.byte();
    if (form > 1) throw new Malformed(`${form} is no form of a set`);
    if (form === 1) return readBits(block, source.uint(MAX_OFFSET), source.bytes(), take);
    const inner = source.inner();
    let end = 0;
    return inner.list(() => {
      const start = end + inner.uint(MAX_OFFSET);
      const count = inner.uint(MAX_ADDRESSES);
      end = start + count;
      return take({ block, start, count });
    });
  });
  return ranges.flat();
}

function readBits(
  block: string,
  first: number,
  bits: Uint8Array,
  take: (range: AddressRange) => AddressRange,
): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (let at = 0; at < 8 * bits.length; at++) {
    if (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) ranges.push(take({ block, start: first + at, count: 1 }));
  }
  return ranges;
}
