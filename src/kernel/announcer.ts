/**
 * Gratuitous ARP for many addresses under one budget of frames.
 *
 * Each address is announced in `rounds` rounds at least 1.1 s apart, because a Linux neighbour takes no second change of
 * an entry within its locktime of 1 s (arp_process() in net/ipv4/arp.c), and because frames get lost. First rounds go
 * before repeated ones, and among equals what was asked for last: after a failover that is what is not reachable yet. What
 * has been announced is announced again once a refresh period, for neighbours that missed every round, when nothing else
 * waits.
 */
import { writeAddress } from "./address.js";
import type { NativeAnnounceResult } from "./addon.js";
import { macBytes } from "./neighbours.js";
import { RefreshRing } from "./refresh.js";
import type { AnnounceSource, Link } from "./types.js";

/** Sends a request and a reply for each of the packed IPv4 addresses to each of the packed Ethernet addresses; never
 * rejects. */
export type SendAnnouncements = (
  link: Link,
  mac: Uint8Array,
  to: Uint8Array,
  addresses: Uint8Array,
) => Promise<Pick<NativeAnnounceResult, "sent" | "failed">>;

/** The Ethernet addresses of the hosts that are known behind a link, each once; null when they could not be asked for. */
export type FindHosts = (link: Link) => Promise<readonly Uint8Array[] | null>;

export interface AnnounceCounters {
  arpFramesSent: number;
  /** Refused by the device or the kernel. */
  arpFramesFailed: number;
  /** Addresses that cannot be announced: IPv6, or an interface without a hardware address. */
  announceSkipped: number;
}

export const ROUND_INTERVAL_MS = 1100;
const FORMS = 2;
const MAC_BYTES = 6;
const BROADCAST = new Uint8Array(MAC_BYTES).fill(0xff);
/** Hosts that were looked up are good for so long: less than the time between two rounds. */
const HOSTS_FRESH_MS = 1000;
/** Budget that may gather while there is nothing to send, so that a small failover is announced at once. */
const BURST_MS = 50;
/** How often the budget is looked at while it is short. */
const TICK_MS = 10;
/** What setTimeout takes for more is 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Of a refresh: after every round of whatever was asked for. */
const REFRESH_ROUND = Number.MAX_SAFE_INTEGER;

/** Addresses of one call, or the part of them that went out together. */
interface Batch {
  readonly request: Request;
  readonly addresses: readonly string[];
  /** Those before it are sent in this round. */
  next: number;
  /** 0 is the first; REFRESH_ROUND. */
  readonly round: number;
  /** performance.now() before which this round may not begin. */
  readonly due: number;
}

interface Request {
  /** Higher is later. */
  readonly order: number;
  readonly segment: Segment;
  readonly rounds: number;
}

/** The LAN behind an interface, as frames get there: one object for each, however often it is asked for. */
interface Segment {
  readonly link: Link;
  readonly mac: Uint8Array;
  /** Who is told: packed Ethernet addresses. */
  hosts: Uint8Array;
  /** performance.now() up to which `hosts` are good; Infinity for a broadcast. */
  goodUntil: number;
}

/** Frames that one address takes; no fewer than for one host, so that a great many addresses for nobody are paced too. */
function costOf({ hosts }: Segment): number {
  return FORMS * Math.max(1, hosts.length / MAC_BYTES);
}

/** Sorts what goes first to the end. */
function byUrgency(a: Batch, b: Batch): number {
  return b.round - a.round || a.request.order - b.request.order || b.due - a.due;
}

export class Announcer {
  readonly counters: AnnounceCounters = { arpFramesSent: 0, arpFramesFailed: 0, announceSkipped: 0 };
  /** The latest request for each address that is still to be announced; older batches pass over it. */
  readonly #latest = new Map<string, Request>();
  /** May go now, by urgency: the last one goes first. */
  readonly #ready: Batch[] = [];
  /** In the order of `due`: every round is due the same time after it went out. */
  #waiting: Batch[] = [];
  readonly #refresh: RefreshRing<Segment>;
  readonly #segments = new Map<string, Segment>();
  #requests = 0;
  #budget: number;
  #budgetAt = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #closed = false;

  /** @param rate frames a second, at least 1. @param refreshMs period in which each address is announced again; 0: never. */
  constructor(
    private readonly send: SendAnnouncements,
    private readonly findHosts: FindHosts,
    private readonly rate: number,
    refreshMs: number,
  ) {
    this.#budget = this.#burst;
    this.#refresh = new RefreshRing(refreshMs);
  }

  announce(addresses: readonly string[], { link, rounds, allHosts = true }: AnnounceSource): void {
    const segment = this.#segmentOf(link, allHosts);
    const wanted = segment === null ? [] : addresses.filter((address) => !address.includes(":"));
    this.counters.announceSkipped += addresses.length - wanted.length;
    if (segment === null || wanted.length === 0 || rounds < 1 || this.#closed) return;
    const request = { order: ++this.#requests, segment, rounds };
    const now = performance.now();
    for (const address of wanted) {
      this.#latest.set(address, request);
      this.#refresh.put(address, segment, now);
    }
    this.#ready.push({ request, addresses: wanted, next: 0, round: 0, due: 0 });
    this.#wake();
  }

  cancel(addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#latest.delete(address);
      this.#refresh.delete(address);
    }
  }

  /** Resolves when what was handed to the kernel is out. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#latest.clear();
    this.#refresh.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#sending;
  }

  get #burst(): number {
    return Math.max(FORMS, (this.rate * BURST_MS) / 1000);
  }

  /** Null for a link without a hardware address. */
  #segmentOf(link: Link, allHosts: boolean): Segment | null {
    if (link.mac === null) return null;
    const key = `${link.index} ${link.mac} ${allHosts}`;
    const known = this.#segments.get(key);
    if (known !== undefined) return known;
    const who = allHosts
      ? { hosts: BROADCAST, goodUntil: Number.POSITIVE_INFINITY }
      : { hosts: new Uint8Array(), goodUntil: Number.NEGATIVE_INFINITY };
    const segment = { link, mac: macBytes(link.mac), ...who };
    this.#segments.set(key, segment);
    return segment;
  }

  #wake(): void {
    if (this.#closed || this.#sending !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const now = performance.now();
    this.#ripen(now);
    this.#budget = Math.min(this.#burst, this.#budget + ((now - this.#budgetAt) * this.rate) / 1000);
    this.#budgetAt = now;
    const batch = this.#mostUrgent();
    if (batch === null) return this.#sleep(now);
    const { segment } = batch.request;
    // Where one address alone takes more than the budget ever holds, it goes into debt.
    if (now > segment.goodUntil) this.#sending = this.#lookAround(segment);
    else if (this.#budget < Math.min(costOf(segment), this.#burst)) this.#sleep(now);
    else this.#sending = this.#sendPart(this.#take(batch));
  }

  #sleep(now: number): void {
    const nextDue = (this.#waiting[0]?.due ?? Number.POSITIVE_INFINITY) - now;
    const wait = this.#ready.length > 0 ? TICK_MS : Math.min(nextDue, this.#refresh.wait(now));
    if (wait === Number.POSITIVE_INFINITY) return; // nothing left
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(0, wait), LONGEST_TIMER_MS));
    this.#timer.unref();
  }

  /** Moves the batches whose next round is due among the ready ones; where there are none, what is to be refreshed. */
  #ripen(now: number): void {
    const stillWaiting = this.#waiting.findIndex(({ due }) => due > now);
    const due = this.#waiting.splice(0, stillWaiting === -1 ? this.#waiting.length : stillWaiting);
    if (due.length > 0) {
      this.#ready.push(...due);
      this.#ready.sort(byUrgency);
    }
    if (this.#ready.length > 0) return;
    for (const [segment, addresses] of this.#refresh.take(now)) {
      const request = { order: ++this.#requests, segment, rounds: 1 };
      const quiet = addresses.filter((address) => !this.#latest.has(address));
      for (const address of quiet) this.#latest.set(address, request);
      this.#ready.push({ request, addresses: quiet, next: 0, round: REFRESH_ROUND, due: 0 });
    }
  }

  /** Null when nothing waits. The first of its addresses is one that is still wanted. */
  #mostUrgent(): Batch | null {
    for (let batch = this.#ready.at(-1); batch !== undefined; batch = this.#ready.at(-1)) {
      for (; batch.next < batch.addresses.length; batch.next++) {
        if (this.#latest.get(batch.addresses[batch.next] ?? "") === batch.request) return batch;
      }
      this.#ready.pop();
    }
    return null;
  }

  /** As much of a batch as the budget allows, and at least one address. */
  #take(batch: Batch): Batch {
    const { request, round } = batch;
    const limit = Math.max(1, Math.floor(this.#budget / costOf(request.segment)));
    const addresses: string[] = [];
    while (batch.next < batch.addresses.length && addresses.length < limit) {
      const address = batch.addresses[batch.next++];
      if (address !== undefined && this.#latest.get(address) === request) addresses.push(address);
    }
    return { request, addresses, next: 0, round, due: 0 };
  }

  async #lookAround(segment: Segment): Promise<void> {
    const hosts = await this.findHosts(segment.link);
    if (hosts !== null) segment.hosts = Buffer.concat(hosts);
    segment.goodUntil = performance.now() + HOSTS_FRESH_MS;
    this.#sending = null;
    this.#wake();
  }

  async #sendPart(part: Batch): Promise<void> {
    const { request, addresses } = part;
    const packed = new Uint8Array(4 * addresses.length);
    addresses.forEach((address, i) => writeAddress(address, packed, 4 * i));
    const { link, mac, hosts } = request.segment;
    this.#budget -= costOf(request.segment) * addresses.length;
    const { sent, failed } = await this.send(link, mac, hosts, packed);
    this.counters.arpFramesSent += sent;
    this.counters.arpFramesFailed += failed;
    this.#arrangeNextRound(part);
    this.#sending = null;
    this.#wake();
  }

  #arrangeNextRound({ request, addresses, round }: Batch): void {
    if (round + 1 < request.rounds) {
      this.#waiting.push({ request, addresses, next: 0, round: round + 1, due: performance.now() + ROUND_INTERVAL_MS });
      return;
    }
    for (const address of addresses) if (this.#latest.get(address) === request) this.#latest.delete(address);
  }
}
