/**
 * What the neighbours on the LAN believe: whose hardware address each VIP has. Contract: a neighbour believes the last
 * announcement that reached it, however old, and asks nobody (a router keeps an entry for hours). A change within a
 * second of the one before may be ignored (`locktime` of older Linux neighbours). Each frame may be lost for each
 * neighbour by itself. The LAN is whole even when the cluster's own network is cut.
 *
 * A host announces as the daemon's announcer does: a round at once, then `rounds` - 1 more, 1.1 s apart, and then once
 * a period; only what its kernel still has, and only while its daemon lives and runs.
 */
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";

export interface LanOptions {
  readonly neighbours: number;
  readonly rounds: number;
  /** Probability that one frame does not reach one neighbour. */
  readonly loss: number;
  /** Share of the neighbours that ignore a change that comes too soon. */
  readonly locktime: number;
  /** Period of repetition; 0: none. */
  readonly refreshMs: number;
}

const ROUND_MS = 1_100;
const LOCKTIME_MS = 1_000;

interface Entry {
  host: string;
  changedAt: number;
}

interface Neighbour {
  readonly name: string;
  readonly locks: boolean;
  readonly entries: Map<string, Entry>;
}

/** Has this host the address, and a daemon that is not dead or stopped? */
export type Announces = (host: string, address: string) => boolean;

export class Lan {
  readonly #neighbours: readonly Neighbour[];
  /** Announcements that a neighbour ignored or missed. */
  missed = 0;

  constructor(
    private readonly options: LanOptions,
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly announces: Announces,
  ) {
    this.#neighbours = Array.from({ length: options.neighbours }, (_, i) => ({
      name: i === 0 ? "router" : `neighbour ${i}`,
      locks: random.chance(options.locktime),
      entries: new Map(),
    }));
  }

  /** Until when a change of today may be unknown to somebody who misses nothing. */
  get settleMs(): number {
    const { rounds, refreshMs } = this.options;
    return rounds * ROUND_MS + 2 * refreshMs;
  }

  announce(host: string, addresses: readonly string[], rounds = this.options.rounds): void {
    const still = addresses.filter((address) => this.announces(host, address));
    for (const address of still) for (const neighbour of this.#neighbours) this.#hear(neighbour, host, address);
    if (rounds > 1 && still.length > 0) this.schedule.after(ROUND_MS, () => this.announce(host, still, rounds - 1));
  }

  /** @param held what the host has at the time. */
  refresh(host: string, held: () => readonly string[]): void {
    const { refreshMs } = this.options;
    if (refreshMs === 0) return;
    this.schedule.after(refreshMs * this.random.between(0.9, 1.1), () => {
      this.announce(host, held(), 1);
      this.refresh(host, held);
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

  #hear({ locks, entries }: Neighbour, host: string, address: string): void {
    const known = entries.get(address);
    const now = this.schedule.now;
    if (this.options.loss > 0 && this.random.chance(this.options.loss)) this.missed++;
    else if (known === undefined) entries.set(address, { host, changedAt: now });
    else if (known.host !== host) {
      if (locks && now - known.changedAt < LOCKTIME_MS) this.missed++;
      else Object.assign(known, { host, changedAt: now });
    }
  }
}
