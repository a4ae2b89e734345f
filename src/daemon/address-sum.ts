/** The addresses of many events as one text of ranges, in bounded memory. */
import { describeRange } from "../core/address.js";
import { parseRanges, uniteRanges } from "../core/address-ranges.js";

/** Characters of a text in a line of the log. */
export const TEXT_LIMIT = 2_000;
/** Characters that are kept before they are united, and at most after that. */
const KEPT_LIMIT = 64 << 10;

export interface AddressSum {
  /** A host that floods says the same over and over. */
  readonly texts: Set<string>;
  chars: number;
  /** Addresses that there was no room for, each time that they came. */
  leftOut: number;
}

export function emptySum(): AddressSum {
  return { texts: new Set(), chars: 0, leftOut: 0 };
}

/** @param text ranges, as `describeAddresses` gives them. */
export function sumAddresses(sum: AddressSum, text: string): void {
  if (sum.texts.has(text)) return;
  sum.texts.add(text);
  sum.chars += text.length;
  if (sum.chars <= KEPT_LIMIT) return;
  const { text: united, leftOut } = cut(unite(sum.texts), KEPT_LIMIT / 2);
  sum.texts.clear();
  sum.texts.add(united);
  sum.chars = united.length;
  sum.leftOut += leftOut;
}

/** @returns nothing where no event had addresses. */
export function describeSum({ texts, leftOut }: AddressSum): Readonly<Record<string, string | number>> {
  return texts.size === 0 ? {} : fitAddresses(unite(texts), leftOut);
}

/** A text that fits into a line, and how many addresses it leaves out. */
export function fitAddresses(addresses: string, leftOutBefore = 0): Readonly<Record<string, string | number>> {
  const { text, leftOut } = cut(addresses, TEXT_LIMIT);
  const all = leftOut + leftOutBefore;
  return all === 0 ? { addresses: text } : { addresses: text, addressesLeftOut: all };
}

function unite(texts: ReadonlySet<string>): string {
  const all = [...texts].join(" ");
  const ranges = parseRanges(all);
  // What is no address is not put in order; nothing of it is lost.
  return ranges === null ? all : uniteRanges(ranges).map(describeRange).join(" ");
}

function cut(text: string, limit: number): { readonly text: string; readonly leftOut: number } {
  if (text.length <= limit) return { text, leftOut: 0 };
  const end = Math.max(0, text.lastIndexOf(" ", limit));
  return { text: text.slice(0, end), leftOut: countIn(text.slice(end + 1)) };
}

function countIn(text: string): number {
  const ranges = parseRanges(text);
  return ranges === null ? text.split(" ").length : ranges.reduce((sum, { count }) => sum + count, 0);
}
