/**
 * Telling the LAN whose address it is now, for many addresses under one budget of frames: gratuitous ARP for IPv4, unsolicited
 * neighbour advertisements for IPv6 (RFC 4861 section 7.2.6).
 *
 * Each address is announced in `rounds` rounds at least 1.1 s apart, because a Linux neighbour takes no second change of
 * an entry within its locktime of 1 s (arp_process() in net/ipv4/arp.c), and because frames get lost. First rounds go
 * before repeated ones, and among equals what was asked for last: after a failover that is what is not reachable yet. Within a
 * request the order is the caller's. What has been announced is announced again once a refresh period, for neighbours that
 * missed every round, when nothing else waits.
 */
import { MAPPED_BYTES } from "./address.js";
import { AddressSlots } from "./address-slots.js";
import type { NativeSendResult } from "./addon.js";
import { AnnounceQueue, type Batch, REFRESH_ROUND, type Request } from "./announce-queue.js";
import type { Budget } from "./budget.js";
import { RefreshRing } from "./refresh.js";
import { hostsTold, type Segment, Segments, update } from "./segment.js";
import { SlotTable } from "./slot-table.js";
import type { AnnounceSource, Link } from "./types.js";

/** Announces each of the packed addresses to each of the packed Ethernet addresses; null where there is no way to. Never
 * rejects. */
export type SendAnnouncements = (
  link: Link,
  mac: Uint8Array,
  to: Uint8Array,
  addresses: Uint8Array,
) => Promise<Pick<NativeSendResult, "sent" | "failed"> | null>;

/** The Ethernet addresses of the hosts that are known behind a link; null when they could not be asked for. */
export type FindHosts = (link: Link) => Promise<readonly string[] | null>;

export interface AnnounceCounters {
  announceFramesSent: number;
  /** Refused by the device or the kernel. */
  announceFramesFailed: number;
  /** Addresses that cannot be announced: of an interface without a hardware address. */
  announceSkipped: number;
}

export const ROUND_INTERVAL_MS = 1100;
/** Frames that one address takes for each host: a request and a reply, or an advertisement. */
const IPV4_FRAMES = 2;
const IPV6_FRAMES = 1;
/** How often the budget is looked at while it is short. */
const TICK_MS = 10;
/** What setTimeout takes for more is 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** So many addresses are taken in before other events get their turn: about 1 ms. */
const SLICE = 1024;

/** What a caller asked for, and how much of it has been taken in. */
interface Intake {
  readonly addresses: readonly string[];
  /** Null: to be cancelled. */
  readonly request: Request | null;
  next: number;
}

export class Announcer {
  readonly counters: AnnounceCounters = { announceFramesSent: 0, announceFramesFailed: 0, announceSkipped: 0 };
  readonly #slots = new AddressSlots();
  /** By slot: the latest request while the address is still to be announced; older batches pass over it. */
  readonly #latest = new SlotTable<Request>();
  readonly #intake: Intake[] = [];
  /** May go now. */
  readonly #ready = new AnnounceQueue();
  /** In the order of `due`: every round is due the same time after it went out. */
  readonly #waiting: Batch[] = [];
  readonly #refresh: RefreshRing<Segment>;
  readonly #segments = new Segments();
  #requests = 0;
  #timer: NodeJS.Timeout | null = null;
  #turn: NodeJS.Immediate | null = null;
  #sending: Promise<void> | null = null;
  #closed = false;
  #hushed = false;

  /** @param refreshMs period in which each address is announced again; 0: never. */
  constructor(
    private readonly send: SendAnnouncements,
    private readonly findHosts: FindHosts,
    private readonly budget: Budget,
    refreshMs: number,
  ) {
    this.#refresh = new RefreshRing(refreshMs);
  }

  /** @param addresses not to be changed any more: a great many are taken in over several turns of the event loop. */
  announce(addresses: readonly string[], source: AnnounceSource): void {
    const segment = this.#segments.of(source);
    if (segment === null) this.counters.announceSkipped += addresses.length;
    if (segment === null || source.rounds < 1 || this.#closed) return;
    this.#take({ addresses, request: { order: ++this.#requests, segment, rounds: source.rounds }, next: 0 });
  }

  /** Nothing is handed to the kernel any more about these addresses. */
  cancel(addresses: readonly string[]): void {
    if (!this.#closed) this.#take({ addresses, request: null, next: 0 });
  }

  /** On: only first rounds go. Off: what was due meanwhile goes, where it was not cancelled. */
  hush(on: boolean): void {
    this.#hushed = on;
    this.#wake();
  }

  /** Resolves when what was handed to the kernel is out. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#intake.length = 0;
    this.#ready.clear();
    this.#waiting.length = 0;
    this.#refresh.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#turn !== null) clearImmediate(this.#turn);
    await this.#sending;
  }

  #take(intake: Intake): void {
    this.#intake.push(intake);
    if (this.#turn === null) this.#takeIn();
  }

  /** In the order of the calls, a slice a turn. */
  #takeIn(): void {
    this.#turn = null;
    for (let left = SLICE; left > 0; ) {
      const intake = this.#intake[0];
      if (intake === undefined) break;
      const end = Math.min(intake.addresses.length, intake.next + left);
      left -= end - intake.next;
      if (intake.request === null) this.#cancelSlice(intake, end);
      else this.#announceSlice(intake, intake.request, end);
      intake.next = end;
      if (end === intake.addresses.length) this.#intake.shift();
    }
    if (this.#intake.length > 0) this.#turn = setImmediate(() => this.#takeIn());
    this.#wake();
  }

  #announceSlice({ addresses, next }: Intake, request: Request, end: number): void {
    const now = performance.now();
    const slots: number[] = [];
    for (let i = next; i < end; i++) {
      const slot = this.#slots.put(addresses[i]!);
      if (slot === -1) {
        this.counters.announceSkipped++;
        continue;
      }
      slots.push(slot);
      this.#latest.set(slot, request);
      this.#refresh.put(slot, request.segment, now);
    }
    this.#ready.put({ request, slots, next: 0, round: 0, due: 0, part: next });
  }

  #cancelSlice({ addresses, next }: Intake, end: number): void {
    for (let i = next; i < end; i++) {
      const slot = this.#slots.delete(addresses[i]!);
      if (slot === -1) continue;
      this.#latest.set(slot, null);
      this.#refresh.delete(slot);
    }
  }

  #wake(): void {
    if (this.#closed || this.#sending !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // Not before every address that was cancelled is known.
    if (this.#intake.some(({ request }) => request === null)) return;
    const now = performance.now();
    this.#ripen(now);
    const batch = this.#mostUrgent();
    if (batch !== null && batch.round > 0 && this.#hushed) return;
    if (batch === null) return this.#sleep(now);
    const { segment } = batch.request;
    const { burst } = this.budget;
    // Where one address alone takes more than the budget ever holds, it goes into debt.
    if (now > segment.goodUntil) this.#sending = this.#lookAround(segment);
    else if (this.budget.spare(now) < Math.min(this.#costAt(batch, batch.next), burst)) this.#sleep(now);
    else this.#sending = this.#sendPart(this.#takePart(batch, this.budget.spare(now)));
  }

  #sleep(now: number): void {
    if (this.#hushed && this.#ready.length === 0) return;
    const nextDue = (this.#waiting[0]?.due ?? Number.POSITIVE_INFINITY) - now;
    const wait = this.#ready.length > 0 ? TICK_MS : Math.min(nextDue, this.#refresh.wait(now));
    if (wait === Number.POSITIVE_INFINITY) return; // nothing left
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(0, wait), LONGEST_TIMER_MS));
    this.#timer.unref();
  }

  /** Moves the batches whose next round is due among the ready ones; where there are none, what is to be refreshed. */
  #ripen(now: number): void {
    if (this.#hushed) return;
    const stillWaiting = this.#waiting.findIndex(({ due }) => due > now);
    const due = this.#waiting.splice(0, stillWaiting === -1 ? this.#waiting.length : stillWaiting);
    for (const batch of due) this.#ready.put(batch);
    if (this.#ready.length > 0) return;
    for (const [segment, slots] of this.#refresh.take(now)) {
      const request = { order: ++this.#requests, segment, rounds: 1 };
      const quiet = slots.filter((slot) => this.#latest.get(slot) === null);
      for (const slot of quiet) this.#latest.set(slot, request);
      this.#ready.put({ request, slots: quiet, next: 0, round: REFRESH_ROUND, due: 0, part: 0 });
    }
  }

  /** Null when nothing waits. The first of its addresses is one that is still wanted. */
  #mostUrgent(): Batch | null {
    for (let batch = this.#ready.first(); batch !== undefined; batch = this.#ready.first()) {
      for (; batch.next < batch.slots.length; batch.next++) {
        if (this.#latest.get(batch.slots[batch.next]!) === batch.request) return batch;
      }
      this.#ready.dropFirst();
    }
    return null;
  }

  /** Frames that one address takes. */
  #costAt({ request, slots }: Batch, at: number): number {
    return hostsTold(request.segment) * (this.#slots.isIpv4(slots[at]!) ? IPV4_FRAMES : IPV6_FRAMES);
  }

  #costOf(batch: Batch): number {
    let cost = 0;
    for (let i = 0; i < batch.slots.length; i++) cost += this.#costAt(batch, i);
    return cost;
  }

  /** As much of a batch as `frames` allow, and at least one address; they are spent. */
  #takePart(batch: Batch, frames: number): Batch {
    const { request, round } = batch;
    const slots: number[] = [];
    let cost = 0;
    for (; batch.next < batch.slots.length; batch.next++) {
      const slot = batch.slots[batch.next]!;
      if (this.#latest.get(slot) !== request) continue;
      const more = this.#costAt(batch, batch.next);
      if (slots.length > 0 && cost + more > frames) break;
      slots.push(slot);
      cost += more;
    }
    this.budget.spend(cost);
    return { request, slots, next: 0, round, due: 0, part: 0 };
  }

  async #lookAround(segment: Segment): Promise<void> {
    const hosts = await this.findHosts(segment.link);
    update(segment, hosts, performance.now());
    this.#sending = null;
    this.#wake();
  }

  async #sendPart(part: Batch): Promise<void> {
    const { slots, request } = part;
    const packed = new Uint8Array(MAPPED_BYTES * slots.length);
    for (let i = 0; i < slots.length; i++) this.#slots.pack(slots[i]!, packed, MAPPED_BYTES * i);
    const { link, mac, hosts } = request.segment;
    const { sent, failed } = (await this.send(link, mac, hosts, packed)) ?? { sent: 0, failed: this.#costOf(part) };
    this.counters.announceFramesSent += sent;
    this.counters.announceFramesFailed += failed;
    this.#arrangeNextRound(part);
    this.#sending = null;
    this.#wake();
  }

  #arrangeNextRound({ request, slots, round }: Batch): void {
    if (round + 1 < request.rounds) {
      const due = performance.now() + ROUND_INTERVAL_MS;
      this.#waiting.push({ request, slots, next: 0, round: round + 1, due, part: 0 });
      return;
    }
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      if (this.#latest.get(slot) === request) this.#latest.set(slot, null);
    }
  }
}
