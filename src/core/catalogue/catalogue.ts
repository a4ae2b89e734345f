/**
 * From a configuration to the addresses that this node asks the cluster to manage. An address has one entry, however
 * many bindings and listeners name it; what the cluster compares between nodes is this entry.
 */
import type { Config, PartitionPolicy, Topology } from "../../config/types.js";
import { sortByAddress } from "../address.js";
import { networkFinder } from "./networks.js";

export interface Entry {
  readonly address: string;
  /** Bindings on the address, sorted. */
  readonly names: readonly string[];
  /** What runs on it, sorted: "multivip" for a binding, "ESMTP:25" for a listener. */
  readonly services: readonly string[];
  /** Members that are to have it where they can, the first that can. */
  readonly preferences: readonly string[];
  /** Address that this one goes along with, or null. */
  readonly follows: string | null;
  /** Block of the Topology that it is plumbed by. */
  readonly topology: string;
  /** `partition_policy` of that Topology. */
  readonly policy: PartitionPolicy;
  /** `failback` of that Topology. */
  readonly failback: string;
}

/** @returns one entry for each VIP of the configuration, sorted by address. The rules of `config` hold already. */
export function catalogueOf(config: Config): Entry[] {
  const drafts = new Map<string, Draft>();
  const draft = (address: string) => {
    const known = drafts.get(address) ?? {
      names: new Set(),
      services: new Set(),
      preferences: [],
      follows: null,
      own: false,
    };
    drafts.set(address, known);
    return known;
  };
  for (const { name, address, duravip } of config.bindings) {
    if (address === null || !duravip.enabled) continue;
    const vip = draft(address);
    vip.names.add(name);
    vip.services.add("multivip");
    if (vip.preferences.length === 0) vip.preferences = duravip.preferences;
    vip.own ||= !duravip.upgraded;
  }
  for (const { endpoint, duravip, follow, enabled } of config.listens) {
    if (!enabled || (!duravip.enabled && follow === null)) continue;
    const vip = draft(endpoint.host);
    vip.services.add(`ESMTP:${endpoint.port}`);
    if (vip.preferences.length === 0) vip.preferences = duravip.preferences;
    vip.own ||= duravip.enabled && !duravip.upgraded;
    vip.follows ??= follow?.address ?? null;
  }
  const topologyOf = topologyFinder(config.topologies);
  const entries = [...drafts].map(([address, { names, services, preferences, follows, own }]) => {
    const topology = topologyOf(address);
    return {
      address,
      names: [...names].sort(),
      services: [...services].sort(),
      preferences,
      follows: own ? null : follows, // An address that is a VIP by itself leads; only the others can follow.
      topology: topology?.block ?? "",
      policy: topology?.partitionPolicy ?? "available",
      failback: topology?.failback ?? "immediate",
    };
  });
  return sortByAddress(entries, ({ address }) => address);
}

interface Draft {
  readonly names: Set<string>;
  readonly services: Set<string>;
  preferences: readonly string[];
  follows: string | null;
  own: boolean;
}

/** @returns what finds the most specific Topology that holds an address, at the same cost however many there are. */
export function topologyFinder(topologies: readonly Topology[]): (address: string) => Topology | undefined {
  return networkFinder(topologies.map((topology) => [topology.block, topology]));
}
