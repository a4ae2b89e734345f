/**
 * Connections on addresses that leave: closed at once, so that their peers come back now, to the new owner, and not when
 * their time is out. Whoever they belong to, since without the address they are of no use to anybody.
 */
import { explain } from "../errors.js";
import type { FoundAddress, FoundAddresses, Kernel } from "../kernel/types.js";
import type { NodeEventSink } from "./node.js";

/** For addresses that are still there, and ours: no reset leaves without them. What fails is told; the address goes all the
 * same. */
export async function closeSockets(
  kernel: Pick<Kernel, "killSockets">,
  addresses: readonly string[],
  sink: NodeEventSink,
): Promise<void> {
  if (addresses.length === 0) return;
  try {
    const { closed, failures } = await kernel.killSockets(addresses);
    if (closed > 0) sink({ level: "info", code: "sockets-closed", facts: { count: closed } });
    for (const { count, reason } of failures) sink({ level: "warn", code: "sockets-left", facts: { count, reason } });
  } catch (error) {
    sink({ level: "warn", code: "sockets-left", facts: { reason: explain(error) } });
  }
}

/** Addresses that leave this host with these places: the others stand elsewhere too, as the host's own or another's.
 * @param found every place, those that leave too. */
export async function aloneAmong(
  leaving: readonly FoundAddress[],
  found: Pick<FoundAddresses, "slices">,
): Promise<string[]> {
  const elsewhere = new Map<string, number>();
  for (const { address } of leaving) elsewhere.set(address, (elsewhere.get(address) ?? 0) - 1);
  for await (const some of found.slices()) {
    for (const { address } of some) {
      const count = elsewhere.get(address);
      if (count !== undefined) elsewhere.set(address, count + 1);
    }
  }
  return [...elsewhere].flatMap(([address, count]) => (count === 0 ? [address] : []));
}
