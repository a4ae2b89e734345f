/**
 * What a dead predecessor left behind, and what is the host's own: decided from one dump, with no system call. Called
 * before the first address is plumbed.
 */
import type { FoundAddress } from "./types.js";

/** Where a VIP of the configuration would be plumbed: its Topology's interface and cidrmask. */
export interface VipPlace {
  readonly ifindex: number;
  readonly prefix: number;
}

export interface Findings {
  /** To be removed (`Kernel.removeFound`). */
  readonly orphans: readonly FoundAddress[];
  /** VIPs of the configuration that this host has for reasons of its own. Not to be touched: a start is to be refused. */
  readonly hostOwn: readonly FoundAddress[];
}

/**
 * An orphan carries our tag, whether the configuration still knows it or not. Any other VIP that is there is the
 * host's: whoever put it there, it was there before us. Only on a kernel that keeps no tags (before 5.18) one without a
 * tag may be an orphan: a VIP that stands as an alias of ours would stand, and that an earlier run has put down as
 * plumbed.
 *
 * @param found every address (`kernel.addresses()`, no filter).
 * @param vips by canonical address.
 * @param protocol our tag.
 * @param isRecorded whether an earlier run plumbed it at this very place. On a kernel that keeps tags: never.
 */
export function findOrphans(
  found: Iterable<FoundAddress>,
  vips: ReadonlyMap<string, VipPlace>,
  protocol: number,
  isRecorded: (one: FoundAddress) => boolean = () => false,
): Findings {
  const orphans: FoundAddress[] = [];
  const hostOwn: FoundAddress[] = [];
  for (const one of found) {
    const place = vips.get(one.address);
    if (one.protocol === protocol || (place !== undefined && isLeftover(one, place) && isRecorded(one)))
      orphans.push(one);
    else if (place !== undefined) hostOwn.push(one);
  }
  return { orphans, hostOwn };
}

function isLeftover(found: FoundAddress, place: VipPlace): boolean {
  return found.protocol === 0 && found.alias && found.ifindex === place.ifindex && found.prefix === place.prefix;
}
