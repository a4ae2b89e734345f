/**
 * Before a node joins: what a predecessor left in the kernel goes, the host's own addresses stay, and a configuration
 * that would take one of those is refused.
 */
import { describeAddresses } from "../core/address.js";
import type { Entry } from "../core/catalogue/catalogue.js";
import { HoldfastError } from "../errors.js";
import { type FoundAddress, findOrphans, type Kernel } from "../kernel/index.js";
import type { NodeEventSink } from "./node.js";
import type { Plumber } from "./plumber.js";
import { aloneAmong, closeSockets } from "./sockets.js";

export interface Leftovers {
  readonly places: readonly FoundAddress[];
  /** Those of their addresses that this host has nowhere else. */
  readonly addresses: readonly string[];
}

/** @returns what is to be removed. @throws ERR_HOST_ADDRESS; nothing was touched. */
export async function findLeftovers(kernel: Kernel, plumber: Plumber, entries: readonly Entry[]): Promise<Leftovers> {
  const vips = plumber.vipPlaces(entries.map(({ address }) => address));
  const found = await kernel.addresses();
  const { orphans, hostOwn } = findOrphans(found, vips, kernel.protocol);
  const [first] = hostOwn;
  if (first === undefined) return { places: orphans, addresses: await aloneAmong(orphans, found) };
  const addresses = describeAddresses(hostOwn.map(({ address }) => address));
  throw new HoldfastError(
    "ERR_HOST_ADDRESS",
    `this host has ${first.address}/${first.prefix} as an address of its own, and the configuration makes it a DuraVIP: ` +
      "give it another address, or take it out of the configuration",
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
