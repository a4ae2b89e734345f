/** What a member has, as bytes: a set for each kind of claim, then the epochs, each as its distance from the one before,
 * and how long it is pinned where that has an end. */
import { sortByAddress } from "../address.js";
import { type ByteReader, type ByteWriter, Malformed } from "./bytes.js";
import { readSet, writeSet } from "./sets.js";

/** An address that a member has, or is about to have, when it announces itself. */
export interface Claim {
  readonly address: string;
  readonly epoch: number;
  /** It has begun to let go. */
  readonly releasing: boolean;
  readonly pinned: boolean;
  /** How much longer, in milliseconds; 0 where it is not pinned, or without an end. */
  readonly pinnedMs: number;
}

export function writeClaims(out: ByteWriter, claims: readonly Claim[]): void {
  const kinds = new Map<number, Claim[]>();
  for (const claim of sortByAddress(claims, ({ address }) => address)) {
    const flags = Number(claim.releasing) | (Number(claim.pinned) << 1) | (Number(claim.pinnedMs > 0) << 2);
    const some = kinds.get(flags);
    if (some === undefined) kinds.set(flags, [claim]);
    else some.push(claim);
  }
  out.list(
    [...kinds].sort(([a], [b]) => a - b),
    ([flags, some]) => {
      out.byte(flags);
      writeSet(
        out,
        some.map(({ address }) => address),
      );
      let last = 0;
      for (const { epoch } of some) {
        out.int(epoch - last);
        last = epoch;
      }
      if ((flags & 4) === 4) for (const { pinnedMs } of some) out.uint(pinnedMs);
    },
  );
}

export function readClaims(source: ByteReader): Claim[] {
  return source
    .list(() => {
      const flags = source.byte();
      let last = 0;
      const addresses = readSet(source);
      const epochs = Float64Array.from(addresses, () => {
        last += source.int();
        if (last < 0 || last > Number.MAX_SAFE_INTEGER) throw new Malformed("no epoch");
        return last;
      });
      const [releasing, pinned, hasEnd] = [(flags & 1) === 1, (flags & 2) === 2, (flags & 4) === 4];
      return addresses.map((address, i) => {
        return { address, epoch: epochs[i] ?? 0, releasing, pinned, pinnedMs: hasEnd ? source.uint() : 0 };
      });
    })
    .flat();
}
