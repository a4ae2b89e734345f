/**
 * Starts deliveries: what is due, for bindings that may deliver here now, within the limits of each (binding, domain)
 * and of the whole node. The domains of one message go in parallel, and no domain waits for another one's queue: what
 * is due is asked for by domain, a domain at its limit is not asked about until something of it ends, and the last half of
 * what the node may deliver at a time is for domains of which nothing is being delivered.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Binding } from "../config/types.js";
import { explain } from "../errors.js";
import type { Courier } from "./delivery.js";
import type { Desk } from "./desk.js";
import { type Lane, Lanes } from "./lanes.js";
import { SourceMissing } from "./outbound-pool.js";
import type { MessageId } from "./spool/types.js";

/** Deliveries of the whole node at one time: two descriptors each. */
const MAX_DELIVERIES = 2_000;
/** Of these, what a domain may use that has a delivery under way already. */
const MAX_SHARED = 1_000;
/** Messages of a domain that are read ahead, and domains that are taken at a time. */
const READ_AHEAD = 32;
const DOMAINS_AT_ONCE = 1_000;
/** Of one turn of the event loop. */
const TURN_MS = 5;
const REST_MS = 1_000;
/** Longest time that setTimeout takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Scheduler {
  readonly #suspended: ReadonlySet<string>;
  readonly #lanes = new Map<string, Lanes>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #woken = new Set<string>();
  readonly #running = new Map<string, Set<Promise<void>>>();
  readonly #paused = new Set<string>();
  /** Bindings that wait for room on this node: for any, and for a share that a busy domain may use. */
  readonly #waitForAny = new Set<string>();
  readonly #waitForShare = new Set<string>();
  /** Bindings that may start one delivery although others wait. */
  readonly #turns = new Set<string>();
  #deliveries = 0;
  #stopped = false;

  constructor(
    private readonly desk: Desk,
    private readonly courier: Pick<Courier, "deliver" | "isSuspended">,
  ) {
    const { bindings, bindingGroups, mail } = desk.config;
    const groups = new Set(bindingGroups.filter((group) => group.suspended).map((group) => group.name));
    this.#suspended = new Set(
      bindings
        .filter(
          (binding) =>
            mail.suspended ||
            binding.suspended ||
            groups.has(binding.group) ||
            (binding.name === "default" && mail.defaultBinding === "suspended"),
        )
        .map((binding) => binding.name),
    );
  }

  /** Mail of the binding may be due. */
  wake(binding: string): void {
    if (this.#stopped) return;
    // Outcomes that come in together are answered by one look at the queue.
    if (this.#woken.size === 0) setImmediate(() => this.#pumpAll());
    this.#woken.add(binding);
  }

  /** Waits until no delivery of these bindings runs, `limitMs` at most. New ones start only while they may deliver. */
  async settled(bindings: Iterable<string>, limitMs: number): Promise<void> {
    const running = [...bindings].flatMap((binding) => [...(this.#running.get(binding) ?? [])]);
    if (running.length === 0) return;
    const limit = new AbortController();
    const waited = delay(limitMs, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([Promise.all(running), waited]);
    limit.abort();
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  running(): Iterable<string> {
    return this.#running.keys();
  }

  #pumpAll(): void {
    const woken = [...this.#woken];
    this.#woken.clear();
    const until = performance.now() + TURN_MS;
    for (const binding of woken) {
      if (performance.now() < until) this.#pump(binding, until);
      else this.wake(binding);
    }
  }

  #mayRun(name: string): Binding | null {
    if (this.#stopped || this.#suspended.has(name) || this.#paused.has(name)) return null;
    const { places } = this.desk;
    return places.mayDeliver(name) ? (places.binding(name) ?? null) : null;
  }

  #pump(name: string, until: number): void {
    const binding = this.#mayRun(name);
    let hasTurn = this.#turns.delete(name);
    if (binding === null) {
      this.#wait(name, null);
      return;
    }
    const lanes = this.#lanes.get(name) ?? new Lanes(name);
    this.#lanes.set(name, lanes);
    const now = Date.now();
    const domains = this.desk.spool.takeDomains(name, now, DOMAINS_AT_ONCE);
    for (const domain of domains) if (!this.courier.isSuspended(domain)) lanes.ready(domain);
    for (let lane = this.#next(lanes, hasTurn); lane !== null; lane = this.#next(lanes, hasTurn)) {
      if (this.#serve(binding, lanes, lane, now)) hasTurn = false;
      if (performance.now() < until) continue;
      this.wake(name);
      return;
    }
    if (lanes.size === 0) this.#lanes.delete(name);
    this.#arm(name);
    this.#wait(name, lanes);
  }

  /** The domain that is to start something now; null when there is no room, or others have waited for it longer. */
  #next(lanes: Lanes, hasTurn: boolean): Lane | null {
    if (this.#deliveries >= MAX_DELIVERIES) return null;
    const first = hasTurn || !(othersWait(this.#waitForAny, lanes.binding) || othersWait(this.#turns, lanes.binding));
    if (lanes.hasIdle()) return first ? lanes.takeIdle() : null;
    if (this.#deliveries >= MAX_SHARED) return null;
    return hasTurn || (first && !othersWait(this.#waitForShare, lanes.binding)) ? lanes.takeBusy() : null;
  }

  /** Whoever has something left to start waits for room, and keeps its place; whoever has not makes way. */
  #wait(name: string, lanes: Lanes | null): void {
    if (lanes?.hasIdle() === true) this.#waitForAny.add(name);
    else this.#waitForAny.delete(name);
    if (lanes?.hasIdle() === false && lanes.hasBusy()) this.#waitForShare.add(name);
    else this.#waitForShare.delete(name);
    this.#wakeWaiting();
  }

  /** Starts one message of a domain. @returns false when there is none, or the domain is at its limit. */
  #serve(binding: Binding, lanes: Lanes, lane: Lane, now: number): boolean {
    const limit = binding.maxConnectionsPerDomain ?? this.desk.config.mail.maxOutboundConnections;
    // At its limit: it comes again when one of its deliveries ends.
    if (lane.claims.size >= limit) return false;
    const id = this.#nextOf(lane, now);
    if (id === null) {
      this.desk.spool.leaveDomain(binding.name, lane.domain, now);
      lanes.rest(lane);
      return false;
    }
    this.#start(binding, lanes, lane, id);
    lanes.line(lane);
    return true;
  }

  #nextOf(lane: Lane, now: number): MessageId | null {
    const known = lane.found.shift();
    if (known !== undefined) return known;
    const due = this.desk.spool.dueIn(lane.binding, lane.domain, now, READ_AHEAD + lane.claims.size);
    lane.found = due.filter((id) => !lane.claims.has(id));
    return lane.found.shift() ?? null;
  }

  #start(binding: Binding, lanes: Lanes, lane: Lane, id: MessageId): void {
    lane.claims.add(id);
    this.#deliveries++;
    const job = this.courier.deliver(id, binding, lane.domain).then(
      () => undefined,
      (error: unknown) => this.#failed(binding, error),
    );
    const running = this.#running.get(binding.name) ?? new Set();
    this.#running.set(binding.name, running.add(job));
    void job.then(() => {
      running.delete(job);
      if (running.size === 0) this.#running.delete(binding.name);
      this.#deliveries--;
      lane.claims.delete(id);
      lanes.line(lane);
      this.desk.wake(binding.name);
      this.#wakeWaiting();
    });
  }

  /** One binding after the other gets the room that there is; one that cannot use it passes it on. */
  #wakeWaiting(): void {
    const waiting = this.#waitForAny.size > 0 ? this.#waitForAny : this.#waitForShare;
    if (this.#deliveries >= (waiting === this.#waitForAny ? MAX_DELIVERIES : MAX_SHARED)) return;
    for (const name of waiting) {
      waiting.delete(name);
      this.#turns.add(name);
      this.wake(name);
      return;
    }
  }

  /** Nothing was recorded: the message is due still, so the binding rests before it is tried again. */
  #failed(binding: Binding, error: unknown): void {
    // Withdrawn meanwhile: it starts again when the address comes back.
    if (this.#paused.has(binding.name) || !this.desk.places.mayDeliver(binding.name)) return;
    if (error instanceof SourceMissing) {
      // Not ours now: the next look asks again whether it is.
      this.desk.count("source-missing");
      this.desk.emit("source-missing", "warn", { binding: binding.name, address: binding.address ?? "" });
    } else {
      this.desk.emit("delivery-trouble", "error", { binding: binding.name, reason: explain(error) });
    }
    this.#paused.add(binding.name);
    setTimeout(() => {
      this.#paused.delete(binding.name);
      this.wake(binding.name);
    }, REST_MS).unref();
  }

  #arm(name: string): void {
    const known = this.#timers.get(name);
    if (known !== undefined) clearTimeout(known);
    this.#timers.delete(name);
    const next = this.desk.spool.nextDomain(name);
    if (next === null) return;
    const wait = Math.min(Math.max(0, next - Date.now()), MAX_TIMER_MS);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      this.wake(name);
    }, wait);
    timer.unref();
    this.#timers.set(name, timer);
  }
}

function othersWait(waiting: ReadonlySet<string>, name: string): boolean {
  return waiting.size > (waiting.has(name) ? 1 : 0);
}
