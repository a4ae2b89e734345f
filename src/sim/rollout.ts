/**
 * A change of the configuration, as administrators make one: some nodes have it and are restarted, the others have it
 * later, or get the next one first. While a part of the nodes has it, the cluster contradicts itself about what changed.
 */
import type { Entry } from "../core/catalogue/catalogue.js";
import type { Cluster } from "./cluster.js";
import { withOthers } from "./layout.js";
import type { Random } from "./random.js";

type Layout = ReadonlyMap<string, readonly Entry[]>;

/** Some part of a second until a daemon that was told to leave is started again. */
const RESTART_MS = 500;

export class Rollout {
  #newest: Layout;
  /** Every address of every configuration so far. */
  addresses: readonly string[];

  constructor(
    private readonly cluster: Cluster,
    private readonly random: Random,
  ) {
    this.#newest = new Map([...cluster.hosts.keys()].map((name) => [name, cluster.entriesOf(name)]));
    this.addresses = addressesOf(this.#newest);
  }

  /** A new configuration, on some nodes. @returns false where it would change nothing. */
  begin(): boolean {
    const address = this.random.pick(this.addresses);
    if (address === undefined) return false;
    const change = this.#drawChange(address);
    this.#newest = new Map(
      [...this.#newest].map(([name, entries]) => [
        name,
        entries.flatMap((entry) => (entry.address === address ? change(entry) : entry)),
      ]),
    );
    for (const name of this.random.some([...this.cluster.hosts.keys()], 0.5)) this.#give(name);
    return true;
  }

  /** All nodes that have it not yet. */
  complete(): void {
    for (const name of this.cluster.hosts.keys()) this.#give(name);
  }

  #give(name: string): void {
    const { cluster } = this;
    const entries = this.#newest.get(name) ?? [];
    cluster.configure(name, entries);
    if (cluster.daemons.get(name)?.core.setup.entries === entries || !cluster.daemons.has(name)) return;
    cluster.leave(name);
    cluster.schedule.after(this.random.between(0, RESTART_MS), () => cluster.start(name));
  }

  #drawChange(address: string): (entry: Entry) => Entry[] {
    const nodes = [...this.cluster.hosts.keys()];
    const preferences = withOthers(this.random.pick(nodes), nodes, this.random.stream(address));
    switch (this.random.below(5)) {
      case 0:
        return (entry) => [{ ...entry, preferences: entry.follows === null ? preferences : [] }];
      case 1:
        return (entry) => [{ ...entry, preferences: [] }];
      case 2:
        return (entry) => [{ ...entry, names: [`new ${address}`] }];
      case 3:
        return (entry) => [{ ...entry, services: ["ESMTP:25", "multivip"] }];
      default:
        return () => [];
    }
  }
}

function addressesOf(layout: Layout): string[] {
  return [...new Set([...layout.values()].flatMap((entries) => entries.map(({ address }) => address)))];
}
