/** What `partition_policy = strict` asks of the rest of the configuration. */
import type { Diagnostics } from "./diagnostics.js";
import type { ChannelOptions, ClusterOptions, Topology } from "./types.js";

export function checkPartitions(
  topologies: readonly Topology[],
  { leaseMs }: ClusterOptions,
  { failureTimeoutMs }: ChannelOptions,
  diagnostics: Diagnostics,
): void {
  for (const { block, partitionPolicy, lifeline, at } of topologies) {
    if (partitionPolicy !== "strict") continue;
    if (!lifeline) {
      const message = `Topology "${block}" is strict, and without a lifeline a daemon that is killed leaves its addresses behind`;
      diagnostics.warn("strict-without-lifeline", at, message, "write lifeline = true");
    }
    if (leaseMs < 2 * failureTimeoutMs) {
      const message = `lease_ms (${leaseMs}) is over before the cluster has found out that a peer is gone`;
      diagnostics.warn(
        "lease-too-short",
        at,
        message,
        `make it at least twice failure_timeout_ms, which is ${failureTimeoutMs}`,
      );
    }
  }
}
