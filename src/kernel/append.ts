/** The addresses of a batch, as they cross to C++: a great many texts as one string, which native/wire/address_text.h parses. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { NativeBatch } from "./addon.js";
import { MAPPED_BYTES, notAnAddress, writeAddress } from "./address.js";
import { RECORD } from "./records.js";
import type { FoundAddress, PlumbTarget } from "./types.js";

/** Addresses that go to the same place: at most SLICE. */
export interface Part {
  readonly addresses: readonly string[];
  readonly target: PlumbTarget;
}

/** So many addresses are handed over before other events get their turn: about 1 ms. */
const SLICE = 8192;

/** Between addresses; in none of them. A text that has one in it is taken for two, of which the count tells. */
const SEPARATOR = "\n";

export function* slicesOf(addresses: readonly string[], target: PlumbTarget): Generator<Part> {
  for (let first = 0; first < addresses.length; first += SLICE) {
    yield { addresses: addresses.slice(first, first + SLICE), target };
  }
}

/** In the order of `found`: what follows each other at one place is a part. */
export function* placesOf(found: readonly FoundAddress[]): Generator<Part> {
  let addresses: string[] = [];
  let place = found[0];
  for (const one of found) {
    if (place !== undefined && (addresses.length === SLICE || !samePlace(one, place))) {
      yield { addresses, target: place };
      addresses = [];
    }
    place = one;
    addresses.push(one.address);
  }
  if (place !== undefined) yield { addresses, target: place };
}

function samePlace(a: FoundAddress, b: FoundAddress): boolean {
  return a.ifindex === b.ifindex && a.plumbing === b.plumbing && a.prefix === b.prefix;
}

/** @throws TypeError naming the first text that is not an address. */
export async function appendAll(batch: NativeBatch, parts: Iterable<Part>): Promise<void> {
  let handedOver = 0;
  for (const { addresses, target } of parts) {
    if (handedOver > 0 && handedOver + addresses.length > SLICE) {
      await nextTurn();
      handedOver = 0;
    }
    append(batch, addresses, target);
    handedOver += addresses.length;
  }
}

function append(batch: NativeBatch, addresses: readonly string[], target: PlumbTarget): void {
  const isRoute = target.plumbing === "route";
  const prefix = isRoute || target.prefix === undefined ? null : target.prefix;
  const flags = isRoute ? RECORD.flagRoute : aliasFlags(target);
  const taken = batch.append(addresses.join(SEPARATOR), target.ifindex, prefix, flags);
  if (taken !== addresses.length) throw notAnAddress(firstWrong(addresses));
}

function aliasFlags({ dad = false, sourceHygiene = false }: PlumbTarget): number {
  return (dad ? RECORD.flagProbe : 0) | (sourceHygiene ? RECORD.flagNoSource : 0);
}

function firstWrong(addresses: readonly string[]): string {
  const bytes = new Uint8Array(MAPPED_BYTES);
  const wrong = addresses.find((address) => writeAddress(address, bytes, 0) === 0);
  if (wrong === undefined) throw new TypeError(`C++ takes one of ${addresses.length} addresses for none`);
  return wrong;
}
