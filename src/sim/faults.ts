/**
 * What goes wrong in a run, drawn from its seed: each run has its own mix of faults and its own rhythm, since a mean of
 * everything never gets far into anything (swarm testing: Groce et al., ISSTA 2012).
 */
import type { Cluster } from "./cluster.js";
import { TOPOLOGIES } from "./layout.js";
import type { Random } from "./random.js";

export const FAULTS = [
  "kill",
  "power",
  "restart",
  "leave",
  "cut",
  "cut-one-way",
  "heal",
  "slow-kernel",
  "failing-plumb",
  "lost-address",
  "pause",
  "move",
  "drain",
  "carrier",
] as const;
export type Fault = (typeof FAULTS)[number];

export class Faults {
  readonly #weights: ReadonlyMap<Fault, number>;
  readonly #meanMs: number;
  readonly #addresses: readonly string[];

  /** @param allowed what may be drawn at all. */
  constructor(
    private readonly cluster: Cluster,
    allowed: ReadonlySet<Fault>,
  ) {
    const { random, options } = cluster;
    this.#addresses = [
      ...new Set([...options.layout.values()].flatMap((entries) => entries.map(({ address }) => address))),
    ];
    const always = new Set<Fault>(["restart", "heal"]);
    this.#weights = new Map(
      FAULTS.filter((fault) => allowed.has(fault)).map((fault) => {
        const weight = random.between(0.2, 1) ** 2;
        return [fault, always.has(fault) || random.chance(0.5) ? weight : 0];
      }),
    );
    this.#meanMs = 10 ** random.between(1.5, 3.7);
  }

  /** Lets things go wrong for so long, and so often. */
  run(ms: number, most: number): void {
    const { cluster } = this;
    const end = cluster.schedule.now + ms;
    for (let drawn = 0; drawn < most && cluster.schedule.now < end; drawn++) {
      cluster.run(Math.min(end - cluster.schedule.now, this.#wait(cluster.random)));
      const fault = this.#draw(cluster.random);
      if (fault !== null && this.#strike(fault)) cluster.measures.count(`fault ${fault}`);
    }
  }

  /** Everything is repaired, and everybody is back. */
  stop(): void {
    const { cluster } = this;
    for (const name of cluster.daemons.keys()) cluster.resume(name);
    cluster.heal();
    for (const host of cluster.hosts.values()) Object.assign(host, { slowness: 1, failing: new Set() });
    for (const name of cluster.hosts.keys()) {
      cluster.unplug(name, []);
      cluster.drain(name, false);
    }
    cluster.start(...cluster.hosts.keys());
  }

  /** Mostly far apart, sometimes upon each other's heels. */
  #wait(random: Random): number {
    return random.chance(0.2) ? random.between(0, 5) : -Math.log(1 - random.unit()) * this.#meanMs;
  }

  #draw(random: Random): Fault | null {
    const total = [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0);
    let left = random.unit() * total;
    for (const [fault, weight] of this.#weights) {
      left -= weight;
      if (left < 0) return fault;
    }
    return null;
  }

  /** @returns false when there was nobody to strike. */
  #strike(fault: Fault): boolean {
    const { cluster } = this;
    const { random, hosts, daemons } = cluster;
    const all = [...hosts.keys()];
    const victim = random.pick([...daemons.keys()]);
    const host = hosts.get(victim ?? "");
    switch (fault) {
      case "restart":
        return this.#restart();
      case "heal":
        if (cluster.network.whole) return false;
        for (const name of daemons.keys()) cluster.resume(name);
        cluster.heal();
        return true;
      case "cut":
      case "cut-one-way": {
        const side = random.some(all, random.unit());
        const rest = all.filter((name) => !side.includes(name));
        if (side.length === 0 || rest.length === 0) return false;
        cluster.cut(side, fault === "cut" ? rest : random.some(rest, 0.7), fault === "cut-one-way");
        return true;
      }
    }
    if (host === undefined) return false;
    switch (fault) {
      case "kill":
        cluster.die(host.name, "killed");
        return true;
      case "power":
        cluster.die(host.name, "power");
        return true;
      case "leave":
        cluster.leave(host.name);
        return true;
      case "slow-kernel":
        host.slowness = random.chance(0.3) ? 1 : 10 ** random.between(0, 2.5);
        return true;
      case "failing-plumb":
        host.failing = new Set(random.chance(0.3) ? [] : random.some(this.#addresses, random.unit()));
        return true;
      case "lost-address": {
        const address = random.pick([...host.plumbed()]);
        if (address !== undefined) host.lose(address);
        return address !== undefined;
      }
      case "pause": {
        // Whoever is stopped hears nobody, and the others hear nothing of it.
        const others = all.filter((name) => name !== host.name);
        cluster.pause(host.name);
        if (others.length > 0) cluster.cut([host.name], others);
        return true;
      }
      case "drain":
        return cluster.drain(host.name, random.chance(0.6)) !== null;
      case "carrier":
        cluster.unplug(host.name, random.chance(0.4) ? [] : random.some(TOPOLOGIES, 0.6));
        return true;
      case "move":
        return cluster.move(host.name, random.pick(this.#addresses) ?? "", random.pick(all) ?? "") !== null;
    }
  }

  #restart(): boolean {
    const { hosts, daemons, random } = this.cluster;
    const down = [...hosts.keys()].filter((name) => !daemons.has(name));
    const up = random.chance(0.3) ? down : down.slice(0, 1);
    this.cluster.start(...up);
    return up.length > 0;
  }
}
