/** Which of some network blocks an address is in, of both families; the most specific one, as a router finds its route. */
import { parseAddress, type Point } from "../address.js";

interface OfLength<T> {
  /** Of 128 bits; IPv4 counts as a block of 2^32, like a /96. */
  readonly length: number;
  readonly byPrefix: Map<string, T>;
}

/** @param blocks networks in canonical form, "10.1.1.0/24" or "2001:db8::/64"; of two equal ones the first counts. */
export function networkFinder<T>(blocks: Iterable<readonly [block: string, value: T]>) {
  const [v4, v6]: [OfLength<T>[], OfLength<T>[]] = [[], []];
  for (const [block, value] of blocks) {
    const [network = "", digits = ""] = block.split("/");
    const point = parseAddress(network);
    if (point === null) continue;
    const lengths = point.block === "" ? v4 : v6;
    const length = Number(digits) + (point.block === "" ? 96 : 0);
    let ofLength = lengths.find((known) => known.length === length);
    if (ofLength === undefined) lengths.push((ofLength = { length, byPrefix: new Map() }));
    const prefix = prefixOf(point, length);
    if (!ofLength.byPrefix.has(prefix)) ofLength.byPrefix.set(prefix, value);
  }
  for (const lengths of [v4, v6]) lengths.sort((a, b) => b.length - a.length);
  return (address: string): T | undefined => {
    const point = parseAddress(address);
    if (point === null) return undefined;
    for (const { length, byPrefix } of point.block === "" ? v4 : v6) {
      const found = byPrefix.get(prefixOf(point, length));
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** The first `length` bits of 128, as a text that is the same for all addresses that share them. */
function prefixOf({ block, offset }: Point, length: number): string {
  if (length >= 96) return `${block} ${Math.floor(offset / 2 ** (128 - length))}`;
  const digits = Math.floor(length / 4);
  const nibble = Number.parseInt(block[digits] ?? "0", 16) >> (4 - (length % 4));
  return `${block.slice(0, digits)} ${nibble}`;
}
