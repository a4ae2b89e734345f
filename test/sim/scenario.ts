/** Small clusters to play a story with: nodes a, b, c and addresses 10.1.0.1, 10.1.0.2, ... */
import type { Entry } from "../../src/core/catalogue/catalogue.js";
import type { NodeInput, NodeOutput } from "../../src/core/io.js";
import type { Row } from "../../src/core/ownership/table.js";
import { Cluster } from "../../src/sim/cluster.js";
import { USUAL, type ClusterOptions } from "../../src/sim/options.js";

/** The n-th address, in the only Topology, with a binding of its own. */
export function vip(n: number, different: Partial<Entry> = {}): Entry {
  const address = addressOf(n);
  const plain = {
    names: [`v${n}`],
    services: ["multivip"],
    preferences: [],
    follows: null,
    policy: "available" as const,
    failback: "immediate",
  };
  return { address, ...plain, topology: "10.1.0.0/16", ...different };
}

export function vips(count: number, different: Partial<Entry> = {}): Entry[] {
  return Array.from({ length: count }, (_, i) => vip(i + 1, different));
}

export function addressOf(n: number): string {
  return `10.1.0.${n}`;
}

/** A cluster whose nodes all configure the same. Nothing has started yet. */
export function alike(names: readonly string[], entries: readonly Entry[], options: Partial<ClusterOptions> = {}) {
  return cluster(Object.fromEntries(names.map((name) => [name, entries])), options);
}

export function cluster(layout: Record<string, readonly Entry[]>, options: Partial<ClusterOptions> = {}): Cluster {
  return new Cluster({ ...USUAL, seed: 1, layout: new Map(Object.entries(layout)), ...options });
}

/** Starts all nodes and waits until they are one mature view, in balance, and at rest. */
export function started(cluster: Cluster): Cluster {
  cluster.start(...cluster.hosts.keys());
  return rested(cluster);
}

/** Waits until the live nodes are one view at rest, and balance has had its turns. */
export function rested(cluster: Cluster): Cluster {
  cluster.runUntilCalm();
  cluster.run(10 * cluster.options.viewBalanceIntervalMs);
  cluster.runUntilCalm();
  return cluster;
}

/** How many addresses each live node serves. */
export function loads(cluster: Cluster): Record<string, number> {
  const loads: Record<string, number> = {};
  for (const home of Object.values(cluster.homes())) loads[home] = (loads[home] ?? 0) + 1;
  return loads;
}

export function row(cluster: Cluster, on: string, n: number): Row | undefined {
  return cluster.daemons.get(on)?.core.ownership.rows.get(addressOf(n));
}

export function marks(cluster: Cluster, on: string, n: number): string[] {
  const vip = cluster.daemons.get(on)?.core.ownership.definitions.vips.get(addressOf(n));
  return (["conflict", "unsafe", "broken"] as const).filter((mark) => vip?.[mark]);
}

export interface Step {
  /** By the clock of the run. */
  readonly time: number;
  readonly on: string;
  readonly input: NodeInput;
  readonly outputs: readonly NodeOutput[];
}

/** Every step of every core from now on, in their order. */
export function recorded(cluster: Cluster): Step[] {
  const steps: Step[] = [];
  cluster.onStep = (daemon, input, outputs) =>
    steps.push({ time: cluster.schedule.now, on: daemon.name, input, outputs });
  return steps;
}

/** Runs in small steps and collects, time by time, how many live nodes have the address plumbed. */
export function watch(cluster: Cluster, n: number, ms: number): Set<number> {
  const seen = new Set<number>();
  const end = cluster.schedule.now + ms;
  while (cluster.schedule.step(end)) seen.add(cluster.measures.plumbedBy(addressOf(n)).size);
  return seen;
}
