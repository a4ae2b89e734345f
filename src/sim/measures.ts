/** What a run did to the addresses, and which rare branches it took. */
export interface AddressMeasure {
  readonly address: string;
  /** Longest time, and all the time together, that nobody served it, after it was first served. Milliseconds. */
  readonly longestGapMs: number;
  readonly gapMs: number;
  /** All the time that two live nodes or more had it plumbed: after partitions only. Milliseconds. */
  readonly overlapMs: number;
  /** How often it changed hands. */
  readonly moves: number;
}

class Watched {
  readonly plumbedBy = new Set<string>();
  readonly servedBy = new Set<string>();
  lastServer: string | null = null;
  gapSince: number | null = null;
  overlapSince: number | null = null;
  longestGapMs = 0;
  gapMs = 0;
  overlapMs = 0;
  moves = 0;
}

export class Measures {
  readonly counts: Record<string, number> = {};
  readonly #addresses = new Map<string, Watched>();

  count(what: string, times = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + times;
  }

  /** Hosts with a live daemon that have the address plumbed. */
  plumbedBy(address: string): ReadonlySet<string> {
    return this.#watched(address).plumbedBy;
  }

  changed(at: number, host: string, address: string, plumbed: boolean, serving: boolean): void {
    const watched = this.#watched(address);
    if (plumbed) watched.plumbedBy.add(host);
    else watched.plumbedBy.delete(host);
    if (watched.plumbedBy.size > 1) watched.overlapSince ??= at;
    else if (watched.overlapSince !== null) {
      watched.overlapMs += at - watched.overlapSince;
      watched.overlapSince = null;
    }
    this.#serve(at, watched, host, serving);
  }

  #serve(at: number, watched: Watched, host: string, serving: boolean): void {
    const servers = watched.servedBy;
    if (serving && !servers.has(host)) {
      servers.add(host);
      if (watched.lastServer !== null && watched.lastServer !== host) watched.moves++;
      watched.lastServer = host;
      if (watched.gapSince !== null) this.#endGap(watched, at);
    } else if (!serving && servers.delete(host) && servers.size === 0) {
      watched.gapSince = at;
    }
  }

  #endGap(watched: Watched, at: number): void {
    const gap = at - (watched.gapSince ?? at);
    watched.gapSince = null;
    watched.gapMs += gap;
    watched.longestGapMs = Math.max(watched.longestGapMs, gap);
  }

  /** Gaps and overlaps that last until now end here. */
  addresses(at: number): AddressMeasure[] {
    return [...this.#addresses].map(([address, watched]) => {
      if (watched.gapSince !== null) this.#endGap(watched, at);
      const { longestGapMs, gapMs, overlapMs, moves } = watched;
      return { address, longestGapMs, gapMs, overlapMs, moves };
    });
  }

  #watched(address: string): Watched {
    const known = this.#addresses.get(address);
    if (known !== undefined) return known;
    const fresh = new Watched();
    this.#addresses.set(address, fresh);
    return fresh;
  }
}
