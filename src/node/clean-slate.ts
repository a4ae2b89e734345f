/**
 * Before a node joins: what a predecessor left in the kernel goes, the host's own addresses stay, and a configuration
 * that would take one of those is refused.
 */
import { describeAddresses } from "../core/address.js";
import type { Entry } from "../core/catalogue/catalogue.js";
import { HoldfastError } from "../errors.js";
import { type FoundAddress, type FoundAddresses, findOrphans, type Kernel, type VipPlace } from "../kernel/index.js";
import { judgeForeign } from "./foreign-watch.js";
import type { NodeEventSink } from "./node.js";
import type { PlumbedRecord } from "./plumbed-record.js";
import type { Plumber } from "./plumber.js";
import { aloneAmong, closeSockets } from "./sockets.js";

export interface Leftovers {
  readonly places: readonly FoundAddress[];
  /** Those of their addresses that this host has nowhere else. */
  readonly addresses: readonly string[];
}

/**
 * @param record what an earlier run put down as plumbed, where the kernel keeps no tags; else null.
 * @returns what is to be removed. @throws ERR_HOST_ADDRESS; nothing was touched.
 */
export async function findLeftovers(
  kernel: Pick<Kernel, "addresses" | "links" | "protocol" | "uses">,
  plumber: Pick<Plumber, "vipPlaces">,
  entries: readonly Entry[],
  record: PlumbedRecord | null = null,
): Promise<Leftovers> {
  const places = plumber.vipPlaces(entries.map(({ address }) => address));
  const found = await kernel.addresses();
  const isRecorded = (one: FoundAddress) => record?.had(one) === true;
  const { orphans, hostOwn } = findOrphans(found, places, kernel.protocol, isRecorded);
  await refuseHostAddresses(kernel, hostOwn, places, found);
  // Recorded as plumbed, and since then the host's by use: what is not tagged is judged like anybody's.
  const untagged = orphans.filter(({ protocol }) => protocol === 0);
  await refuseHostAddresses(kernel, untagged, places, found, (stays) => stays !== null);
  return { places: orphans, addresses: await aloneAmong(orphans, found) };
}

/** @param counts whether one that stays for this reason (null: for none) is the host's own. */
async function refuseHostAddresses(
  kernel: Pick<Kernel, "links" | "protocol" | "uses">,
  suspects: readonly FoundAddress[],
  places: ReadonlyMap<string, VipPlace>,
  found: FoundAddresses,
  counts: (stays: string | null) => boolean = () => true,
): Promise<void> {
  if (suspects.length === 0) return;
  const judged = await judgeForeign(kernel, suspects, places, found, new Set(places.keys()));
  const own = judged.filter(({ stays }) => counts(stays));
  const [first] = own;
  if (first === undefined) return;
  const { address, prefix, plumbing } = first.found;
  const addresses = describeAddresses(own.map((one) => one.found.address));
  const others = own.length === 1 ? "" : ` (and ${own.length - 1} more: ${addresses})`;
  const command =
    plumbing === "route"
      ? `ip route delete local ${address} dev ${first.ifname} table local`
      : `ip address delete ${address}/${prefix} dev ${first.ifname}`;
  throw new HoldfastError(
    "ERR_HOST_ADDRESS",
    `this host has ${address}/${prefix} on ${first.ifname} as an address of its own${others}: it is ` +
      `${first.stays ?? "without our tag, and was there before holdfastd"}; the configuration makes it a DuraVIP: ` +
      `take it out of the configuration, or, if the host does not need it, remove it by "${command}"`,
    { addresses },
  );
}

/** @throws ERR_NETLINK where one will not go: nobody else may have it while it is here. */
export async function removeLeftovers(kernel: Kernel, leftovers: Leftovers, sink: NodeEventSink): Promise<void> {
  const { places } = leftovers;
  if (places.length === 0) return;
  const addresses = describeAddresses(places.map(({ address }) => address));
  await closeSockets(kernel, leftovers.addresses, sink);
  const { statuses, texts } = await kernel.removeFound(places);
  const status = statuses.find((one) => one !== 0);
  if (status !== undefined) {
    const reason = texts.get(status) ?? `errno ${-status}`;
    throw new HoldfastError("ERR_NETLINK", `cannot remove what an earlier run left (${addresses}): ${reason}`, {
      addresses,
    });
  }
  sink({ level: "warn", code: "leftovers-removed", facts: { count: places.length, addresses } });
}
