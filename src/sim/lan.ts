/**
 * The LAN of the VIPs: which frames are under way there, and what the neighbours believe: whose hardware address each
 * VIP has. Contract: a frame arrives after a while, behind all that its sender sent before; those of two senders in
 * any order. It may be lost for each neighbour by itself. The LAN is whole even when the cluster's own network is
 * cut, but for hosts that are unplugged.
 *
 * A neighbour believes the last announcement that reached it, however old (a router keeps an entry for hours). Some,
 * as Linux before 4.13, ignore a change within a second of the one before (`locktime`, arp(7)). Some also ask, now
 * and then, who has an address: every host whose kernel has it answers, and the first answer counts, since a second
 * one within the locktime does not (arp_process() in net/ipv4/arp.c).
 */
import type { ConflictPolicy } from "../core/conflict-watch.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import { ROUND_MS } from "./speaker.js";

export interface LanOptions {
  readonly neighbours: number;
  readonly rounds: number;
  /** Probability that one frame does not reach one neighbour. */
  readonly loss: number;
  /** Share of the neighbours that ignore a change that comes too soon. */
  readonly locktime: number;
  /** Period of repetition; 0: none. */
  readonly refreshMs: number;
  /** Mean time between two questions of a neighbour; 0: it never asks. */
  readonly askMs: number;
  /** What the hosts do about others who claim their addresses. */
  readonly conflict: ConflictPolicy;
}

const LOCKTIME_MS = 1_000;
/** Longest time that a frame is under way. */
const TRIP_MS = 1;

interface Entry {
  host: string;
  changedAt: number;
}

interface Neighbour {
  readonly name: string;
  readonly locks: boolean;
  readonly entries: Map<string, Entry>;
}

export interface LanHosts {
  /** Has the kernel of this host the address? */
  has(host: string, address: string): boolean;
  names(): Iterable<string>;
  /** A frame of another host has arrived. */
  hears(host: string, from: string, address: string): void;
}

export class Lan {
  readonly #neighbours: readonly Neighbour[];
  readonly #unplugged = new Set<string>();
  /** When the last frame of each host arrives. */
  readonly #arrivals = new Map<string, number>();
  /** Announcements that a neighbour ignored or missed. */
  missed = 0;

  constructor(
    readonly options: LanOptions,
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly hosts: LanHosts,
  ) {
    this.#neighbours = Array.from({ length: options.neighbours }, (_, i) => ({
      name: i === 0 ? "router" : `neighbour ${i}`,
      locks: random.chance(options.locktime),
      entries: new Map(),
    }));
    if (options.askMs > 0) for (const neighbour of this.#neighbours) this.#askLater(neighbour);
  }

  /** Until when a change of today may be unknown to somebody who misses nothing. */
  get settleMs(): number {
    const { rounds, refreshMs } = this.options;
    return rounds * ROUND_MS + 2 * refreshMs;
  }

  /** The host hears nobody on the LAN, and nobody hears it. */
  unplug(host: string): void {
    this.#unplugged.add(host);
  }

  plug(host: string): void {
    this.#unplugged.delete(host);
  }

  /**
   * One announcement of each address, to everybody.
   *
   * @param host of whom the frames say that they are: a host of the cluster or any other.
   */
  send(host: string, addresses: readonly string[]): void {
    if (this.#unplugged.has(host)) return;
    const { now } = this.schedule;
    const at = Math.max(now + this.random.between(0, TRIP_MS), this.#arrivals.get(host) ?? 0);
    this.#arrivals.set(host, at);
    this.schedule.at(at, () => {
      for (const address of addresses) {
        for (const neighbour of this.#neighbours) this.#hear(neighbour, host, address);
        for (const other of this.hosts.names())
          if (other !== host && !this.#unplugged.has(other)) this.hosts.hears(other, host, address);
      }
    });
  }

  /** L3. @returns a neighbour that sends somewhere else, in words, or null. An entry that is missing would be asked for. */
  misled(homes: ReadonlyMap<string, string>): string | null {
    for (const { name, entries } of this.#neighbours) {
      for (const [address, home] of homes) {
        const entry = entries.get(address);
        if (entry !== undefined && entry.host !== home)
          return `L3: ${name} sends what is for ${address} to ${entry.host}, and ${home} has it`;
      }
    }
    return null;
  }

  #hear(neighbour: Neighbour, host: string, address: string): void {
    if (this.options.loss > 0 && this.random.chance(this.options.loss)) this.missed++;
    else if (!this.#learn(neighbour, host, address, neighbour.locks)) this.missed++;
  }

  /** @param locks whether a change within the locktime is ignored. @returns false where it was. */
  #learn({ entries }: Neighbour, host: string, address: string, locks: boolean): boolean {
    const known = entries.get(address);
    const { now } = this.schedule;
    if (known?.host === host) return true;
    if (known !== undefined && locks && now - known.changedAt < LOCKTIME_MS) return false;
    entries.set(address, { host, changedAt: now });
    return true;
  }

  #askLater(neighbour: Neighbour): void {
    this.schedule.after(this.options.askMs * this.random.between(0.5, 1.5), () => {
      const address = this.random.pick([...neighbour.entries.keys()]);
      if (address !== undefined) this.#ask(neighbour, address);
      this.#askLater(neighbour);
    });
  }

  #ask(neighbour: Neighbour, address: string): void {
    for (const host of this.hosts.names()) {
      if (this.#unplugged.has(host) || !this.hosts.has(host, address)) continue;
      this.schedule.after(this.random.between(0, TRIP_MS), () => this.#learn(neighbour, host, address, true));
    }
  }
}
