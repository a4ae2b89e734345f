/**
 * What goes wrong in a run, drawn from its seed: each run has its own mix of faults and its own rhythm, since a mean of
 * everything never gets far into anything (swarm testing: Groce et al., ISSTA 2012).
 */
import type { Cluster } from "./cluster.js";
import { Counts } from "./counts.js";
import type { Host } from "./host.js";
import { TOPOLOGIES } from "./layout.js";
import { Rollout } from "./rollout.js";
import type { Random } from "./random.js";

export const FAULTS = [
  "kill",
  "power",
  "restart",
  "leave",
  "pause",
  "cut",
  "cut-one-way",
  "cut-partial",
  "clog",
  "heal",
  "slow-kernel",
  "failing-plumb",
  "denying-plumb",
  "pretending-plumb",
  "lost-address",
  "fast-clock",
  "wall-jump",
  "rollout",
  "move",
  "unpin",
  "calm",
  "drain",
  "carrier",
  "lifeline-deleted",
  "interface-deleted",
  "interface-late",
  "by-hand",
  "deaf",
  "mute",
  "flushed",
  "dumb",
] as const;
export type Fault = (typeof FAULTS)[number];

/** What is sent over a clogged link comes up to so much later, and so does all that is sent after it. */
export const CLOG_MAX_MS = 10 ** 3.5;

/** Without them a run has nobody left, or nobody who sees another. */
const ALWAYS: ReadonlySet<Fault> = new Set(["restart", "heal"]);

export class Faults {
  readonly counts = new Counts(FAULTS);
  /** Until then a pin may end. */
  pinnedUntil = 0;
  readonly #random: Random;
  readonly #weights: ReadonlyMap<Fault, number>;
  readonly #meanMs: number;
  readonly #rollout: Rollout;
  readonly #paused = new Set<string>();

  /** @param allowed what may be drawn at all. */
  constructor(
    private readonly cluster: Cluster,
    allowed: ReadonlySet<Fault>,
  ) {
    const random = cluster.random.stream("faults");
    this.#random = random;
    this.#rollout = new Rollout(cluster, cluster.random.stream("rollout"));
    this.#weights = new Map(
      FAULTS.filter((fault) => allowed.has(fault)).map((fault) => {
        const drawn = cluster.random.stream(`weight ${fault}`);
        const weight = drawn.between(0.2, 1) ** 2;
        return [fault, ALWAYS.has(fault) || drawn.chance(0.4) ? weight : 0];
      }),
    );
    this.#meanMs = 10 ** random.between(1.5, 3.7);
  }

  /** Lets things go wrong for so long, and so often. */
  run(ms: number, most: number): void {
    const { cluster } = this;
    const end = cluster.schedule.now + ms;
    for (let drawn = 0; drawn < most && cluster.schedule.now < end; drawn++) {
      cluster.run(Math.min(end - cluster.schedule.now, this.#wait()));
      const fault = this.#draw();
      if (fault !== null && this.#strike(fault)) this.counts.add(fault);
    }
  }

  /** Everything is repaired, everybody has the newest configuration, and everybody is back or about to be. */
  stop(): void {
    const { cluster } = this;
    cluster.heal();
    for (const name of this.#paused) cluster.resume(name);
    this.#paused.clear();
    for (const host of cluster.hosts.values()) {
      Object.assign(host, { slowness: 1, failing: new Set(), denying: new Set(), pretending: new Set() });
      host.clock.runAt(1);
    }
    for (const name of cluster.hosts.keys()) {
      cluster.unplug(name, []);
      for (const how of ["deaf", "mute", "flushed"] as const) cluster.ail(name, how, []);
      cluster.silence(name, false);
      cluster.drain(name, false);
    }
    this.#rollout.complete();
    for (const name of cluster.hosts.keys()) this.#mend(name);
    cluster.start(...cluster.hosts.keys());
  }

  /**
   * What has to stay is the administrator's to take away, and all of it where no daemon runs, or none that stays: none starts
   * beside it.
   */
  #mend(name: string): void {
    const { cluster } = this;
    const isWatched = cluster.daemons.get(name)?.core.leaving === false;
    for (const [address, fate] of cluster.host(name).foreign)
      if (fate === "stays" || !isWatched) cluster.takeAway(name, address);
  }

  /** Mostly far apart, sometimes upon each other's heels. */
  #wait(): number {
    const random = this.#random;
    return random.chance(0.2) ? random.between(0, 5) : -Math.log(1 - random.unit()) * this.#meanMs;
  }

  #draw(): Fault | null {
    const total = [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0);
    let left = this.#random.unit() * total;
    for (const [fault, weight] of this.#weights) {
      left -= weight;
      if (left < 0) return fault;
    }
    return null;
  }

  /** @returns false when there was nobody to strike. */
  #strike(fault: Fault): boolean {
    const { hosts, daemons } = this.cluster;
    switch (fault) {
      case "restart":
        return this.#restart();
      case "rollout":
        return this.#rollout.begin();
      case "heal":
      case "cut":
      case "cut-one-way":
      case "cut-partial":
      case "clog":
        return this.#strikeNetwork(fault, [...hosts.keys()]);
      default: {
        const host = hosts.get(this.#random.pick([...daemons.keys()]) ?? "");
        return host !== undefined && this.#strikeHost(fault, host);
      }
    }
  }

  #strikeNetwork(fault: "heal" | "cut" | "cut-one-way" | "cut-partial" | "clog", all: readonly string[]): boolean {
    const [cluster, random] = [this.cluster, this.#random];
    if (fault === "heal") {
      if (cluster.network.whole) return false;
      cluster.heal();
      return true;
    }
    if (fault === "clog") {
      const [from, to] = [random.pick(all) ?? "", random.pick(all) ?? ""];
      cluster.clog(from, to, 10 ** random.between(1, Math.log10(CLOG_MAX_MS)));
      return from !== to;
    }
    if (fault === "cut-partial") {
      const pairs = all.flatMap((a, i) => all.slice(i + 1).map((b) => [a, b] as const));
      const cut = random.some(pairs, random.between(0, 0.5));
      for (const [a, b] of cut) cluster.cut([a], [b]);
      return cut.length > 0;
    }
    const side = random.some(all, random.unit());
    const rest = all.filter((name) => !side.includes(name));
    if (side.length === 0 || rest.length === 0) return false;
    cluster.cut(side, fault === "cut" ? rest : random.some(rest, 0.7), fault === "cut-one-way");
    return true;
  }

  #strikeHost(fault: Fault, host: Host): boolean {
    const [cluster, random] = [this.cluster, this.#random];
    const some = () => new Set(random.chance(0.3) ? [] : random.some(this.#rollout.addresses, random.unit()));
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
      case "pause":
        return this.#pause(host.name);
      case "slow-kernel":
        host.slowness = random.chance(0.3) ? 1 : 10 ** random.between(0, 2.5);
        return true;
      case "failing-plumb":
        host.failing = some();
        return true;
      case "denying-plumb":
        host.denying = some();
        return true;
      case "pretending-plumb":
        host.pretending = some();
        return true;
      case "lost-address": {
        const address = random.pick([...host.plumbed()]);
        if (address !== undefined) host.lose(address);
        return address !== undefined;
      }
      case "by-hand":
        return this.#byHand(host);
      case "fast-clock":
        host.clock.runAt(random.chance(0.3) ? 1 : random.between(0.7, 1.4));
        return true;
      case "wall-jump":
        host.clock.jump(random.between(-1, 1) * 10 ** random.between(2, 8));
        return true;
      case "drain":
        return cluster.drain(host.name, random.chance(0.6)) !== null;
      case "carrier":
        cluster.unplug(host.name, random.chance(0.4) ? [] : random.some(TOPOLOGIES, 0.6));
        return true;
      case "lifeline-deleted":
        if (host.lifeline) cluster.deleteLifeline(host.name, 10 ** random.between(0, 3.7));
        return host.lifeline;
      case "interface-deleted":
        return this.#deleteInterface(host.name);
      case "interface-late":
        // It is not there when the daemon starts.
        cluster.die(host.name, random.chance(0.5) ? "killed" : "power");
        cluster.schedule.after(10 ** random.between(2, 3.5), () => cluster.start(host.name));
        return this.#deleteInterface(host.name);
      case "deaf":
      case "mute":
      case "flushed":
        cluster.ail(host.name, fault, random.chance(0.4) ? [] : random.some(TOPOLOGIES, 0.6));
        return true;
      case "dumb":
        cluster.silence(host.name, random.chance(0.6));
        return true;
      case "move": {
        const to = random.pick([...cluster.hosts.keys()]) ?? "";
        const forMs = random.chance(0.3) ? Math.round(10 ** random.between(2, 3.5)) : 0;
        // The slowest clock that there is keeps it.
        if (forMs > 0) this.pinnedUntil = Math.max(this.pinnedUntil, this.cluster.schedule.now + 2 * forMs);
        return cluster.move(host.name, random.pick(this.#rollout.addresses) ?? "", to, forMs) !== null;
      }
      case "unpin":
        return cluster.unpin(host.name, this.#pinned(host.name)) !== null;
      case "calm":
        return cluster.calm(host.name, random.pick([...cluster.hosts.keys()]) ?? "") !== null;
      default:
        return false;
    }
  }

  /** Mostly one that is, as far as this host knows. */
  #pinned(name: string): string {
    const random = this.#random;
    const rows = this.cluster.daemons.get(name)?.core.ownership.rows ?? new Map();
    const pinned = [...rows].filter(([, { pin }]) => pin !== null).map(([lead]): string => lead);
    return random.pick(random.chance(0.9) && pinned.length > 0 ? pinned : this.#rollout.addresses) ?? "";
  }

  #deleteInterface(name: string): boolean {
    const { cluster } = this;
    const block = this.#random.pick(TOPOLOGIES);
    if (block === undefined) return false;
    cluster.deleteInterface(name, block);
    cluster.schedule.after(10 ** this.#random.between(0, 4), () => cluster.makeInterface(name, block));
    return true;
  }

  #byHand(host: Host): boolean {
    const random = this.#random;
    const there = random.chance(0.3) ? random.pick([...host.foreign.keys()]) : undefined;
    const address = there ?? random.pick(this.#rollout.addresses) ?? "";
    if (there !== undefined) this.cluster.takeAway(host.name, there);
    else this.cluster.putByHand(host.name, address, random.chance(0.5) ? "stays" : "removable");
    return true;
  }

  /** From less than a heartbeat to many failure timeouts. */
  #pause(name: string): boolean {
    const { cluster } = this;
    if (this.#paused.has(name)) return false;
    this.#paused.add(name);
    cluster.pause(name);
    cluster.schedule.after(10 ** this.#random.between(1.5, 4.2), () => {
      if (this.#paused.delete(name)) cluster.resume(name);
    });
    return true;
  }

  #restart(): boolean {
    const { hosts, daemons } = this.cluster;
    const down = [...hosts.keys()].filter((name) => !daemons.has(name));
    const up = this.#random.chance(0.3) ? down : down.slice(0, 1);
    this.cluster.start(...up);
    return up.length > 0;
  }
}
