/** Sets of addresses as texts ("10.1.1.1-10.1.1.40 10.2.1.7"), put together without taking the ranges apart. */
import { type AddressRange, parseAddress } from "./address.js";

/** @returns null when a word of the text is no address and no range within one block. */
export function parseRanges(text: string): AddressRange[] | null {
  const ranges: AddressRange[] = [];
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const range = parseRange(word);
    if (range === null) return null;
    ranges.push(range);
  }
  return ranges;
}

function parseRange(word: string): AddressRange | null {
  const dash = word.indexOf("-");
  const first = parseAddress(dash < 0 ? word : word.slice(0, dash));
  const last = dash < 0 ? first : parseAddress(word.slice(dash + 1));
  if (first === null || last === null || first.block !== last.block || last.offset < first.offset) return null;
  return { block: first.block, start: first.offset, count: last.offset - first.offset + 1 };
}

/** The fewest ranges that hold the same addresses, in their order. */
export function uniteRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = ranges.toSorted((a, b) => (a.block === b.block ? a.start - b.start : a.block < b.block ? -1 : 1));
  const united: AddressRange[] = [];
  for (const range of sorted) {
    const last = united[united.length - 1];
    if (last === undefined || last.block !== range.block || range.start > last.start + last.count) united.push(range);
    else {
      const count = Math.max(last.count, range.start + range.count - last.start);
      united[united.length - 1] = { ...last, count };
    }
  }
  return united;
}
