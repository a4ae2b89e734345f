/** The kernel's notifications as changes; reading, the table and the making up for losses are in native/io/monitor.cc. */
import type { Addon } from "./addon.js";
import { unpackNeighbourChanges } from "./neighbours.js";
import { unpackSlice } from "./records.js";
import type { KernelChanges, Monitor, WatchOptions } from "./types.js";

/**
 * Some 16,000 notifications while the reader thread gets no processor. The kernel charges only what is used. Without
 * CAP_NET_ADMIN it grants net.core.rmem_max, and losses, hence dumps, come earlier.
 */
const RECEIVE_BYTES = 16 << 20;

/** @param receiveBytes smaller, to see a loss made up for. Rejects with a SystemCallError. */
export async function openMonitor(
  addon: Addon,
  handler: (changes: KernelChanges) => void,
  { neighbours: withNeighbours = false }: WatchOptions,
  receiveBytes = RECEIVE_BYTES,
): Promise<Monitor> {
  let resyncsSeen = 0;
  const native = await addon.openMonitor(receiveBytes, withNeighbours, (removed, added, links, pairs, resyncs) => {
    const resynced = resyncs !== resyncsSeen;
    resyncsSeen = resyncs;
    const neighbours = unpackNeighbourChanges(pairs);
    handler({ removed: unpackSlice(removed), added: unpackSlice(added), links, neighbours, resynced });
  });
  let closing: Promise<void> | null = null;
  return { has: (address) => native.has(address), close: () => (closing ??= native.close()) };
}
