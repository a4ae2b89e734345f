/** What is heard on a LAN; hearing and answering are in native/io/lan_port.cc, what a frame means in native/wire/lan_table.cc. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { formatMapped, MAPPED_BYTES, writeMapped } from "./address.js";
import type { Addon, NativeLan } from "./addon.js";
import { formatMac, macBytes } from "./neighbours.js";
import type { Host, Lan, Link, Sighting } from "./types.js";

/** As in native/wire/lan_table.h. */
const RECORD = { bytes: 28, count: 0, address: 4, mac: 20, kind: 26 } as const;
const KINDS = { 1: "rival", 2: "prober", 3: "answerer" } as const;

export interface Heard extends Host {
  readonly kind: (typeof KINDS)[keyof typeof KINDS];
  readonly frames: number;
}

/** So many addresses are worked on before other events get their turn: about 2 ms. */
const SLICE = 1024;

/** @throws TypeError for a link without a hardware address. Rejects with a SystemCallError. */
export async function openNativeLan(
  addon: Addon,
  { name, index, mac }: Link,
  handler: (heard: readonly Heard[]) => void,
): Promise<NativeLan> {
  if (mac === null) throw new TypeError(`expected a link with a hardware address, not ${name}`);
  return addon.openLan(index, macBytes(mac), (sightings) => handler(unpackSightings(sightings)));
}

export async function openLan(
  addon: Addon,
  link: Link,
  handler: (sightings: readonly Sighting[]) => void,
): Promise<Lan> {
  const native = await openNativeLan(addon, link, (heard) => handler(heard.filter(isSighting)));
  let last = Promise.resolve();
  let closing: Promise<void> | null = null;
  const inTurn = (addresses: readonly string[], change: (packed: Uint8Array) => void) => {
    last = last.then(() => inSlices(addresses, (packed) => closing === null && change(packed)));
    return last;
  };
  return {
    own: (addresses, onLink) => inTurn(addresses, (packed) => native.own(onLink, packed)),
    disown: (addresses) => inTurn(addresses, (packed) => native.disown(packed)),
    get answers() {
      return native.answers();
    },
    close: () => (closing ??= native.close()),
  };
}

/** What is not an address is passed over. */
export async function inSlices(addresses: readonly string[], work: (packed: Uint8Array) => unknown): Promise<void> {
  for (let start = 0; start < addresses.length; start += SLICE) {
    if (start > 0) await nextTurn();
    work(pack(addresses.slice(start, start + SLICE)));
  }
}

export function pack(addresses: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(MAPPED_BYTES * addresses.length);
  let end = 0;
  for (const address of addresses) if (writeMapped(address, bytes, end) !== 0) end += MAPPED_BYTES;
  return bytes.subarray(0, end);
}

function unpackSightings(bytes: Buffer): Heard[] {
  return Array.from({ length: bytes.length / RECORD.bytes }, (_, i) => {
    const at = i * RECORD.bytes;
    const kind = bytes.readUInt8(at + RECORD.kind);
    return {
      kind: kind === 1 || kind === 2 ? KINDS[kind] : KINDS[3],
      address: formatMapped(bytes, at + RECORD.address),
      mac: formatMac(bytes, at + RECORD.mac),
      frames: bytes.readUInt32LE(at + RECORD.count),
    };
  });
}

function isSighting(heard: Heard): heard is Heard & Sighting {
  return heard.kind !== "answerer";
}
