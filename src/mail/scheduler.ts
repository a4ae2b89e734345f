/**
 * Starts deliveries: what is due, for bindings that may deliver here now, within the limits of each (binding, domain)
 * and of the whole node. The domains of one message go in parallel.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Binding } from "../config/types.js";
import { explain } from "../errors.js";
import { Claims } from "./claims.js";
import type { Courier } from "./delivery.js";
import type { Desk } from "./desk.js";
import { SourceMissing } from "./outbound-pool.js";

/** Deliveries of the whole node at one time: two descriptors each. */
const MAX_DELIVERIES = 2_000;
/** Due messages looked at on each wake, and once a second while more are due: a full domain hides what lies behind it
 * for at most that long. */
const WINDOW = 32;
const WIDE_WINDOW = 2_048;
const LOOK_AGAIN_MS = 1_000;
/** Longest time that setTimeout takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Scheduler {
  readonly #suspended: ReadonlySet<string>;
  /** (message, domain) pairs in delivery. */
  readonly #claims = new Claims();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #woken = new Map<string, number>();
  readonly #slots = new Map<string, number>();
  readonly #running = new Map<string, Set<Promise<void>>>();
  readonly #paused = new Set<string>();
  readonly #waiting = new Set<string>();
  #deliveries = 0;
  #stopped = false;

  constructor(
    private readonly desk: Desk,
    private readonly courier: Courier,
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
    this.#wake(binding, WINDOW);
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

  #wake(binding: string, window: number): void {
    if (this.#stopped) return;
    // Outcomes that come in together are answered by one look at the queue.
    if (this.#woken.size === 0) setImmediate(() => this.#pumpAll());
    this.#woken.set(binding, Math.max(window, this.#woken.get(binding) ?? 0));
  }

  #pumpAll(): void {
    const woken = [...this.#woken];
    this.#woken.clear();
    const until = performance.now() + 5;
    for (const [at, [binding, window]] of woken.entries()) {
      if (performance.now() > until) {
        for (const [later, wide] of woken.slice(at)) this.#wake(later, wide);
        return;
      }
      this.#pump(binding, window);
    }
  }

  #mayRun(name: string): Binding | null {
    if (this.#stopped || this.#suspended.has(name) || this.#paused.has(name)) return null;
    const { places } = this.desk;
    return places.mayDeliver(name) ? (places.binding(name) ?? null) : null;
  }

  #pump(name: string, window: number): void {
    const binding = this.#mayRun(name);
    if (binding === null) return;
    const due = this.desk.spool.due(name, Date.now(), window + this.#claims.count(name));
    for (const message of due) {
      for (const domain of message.domains) {
        if (this.#deliveries >= MAX_DELIVERIES) {
          this.#waiting.add(name);
          return;
        }
        if (this.courier.isSuspended(domain) || !this.#hasSlot(binding, domain)) continue;
        if (this.#claims.take(name, `${message.id} ${domain}`)) this.#start(binding, message.id, domain);
      }
    }
    this.#arm(name);
  }

  #hasSlot(binding: Binding, domain: string): boolean {
    const limit = binding.maxConnectionsPerDomain ?? this.desk.config.mail.maxOutboundConnections;
    return (this.#slots.get(slotOf(binding.name, domain)) ?? 0) < limit;
  }

  #start(binding: Binding, id: string, domain: string): void {
    const slot = slotOf(binding.name, domain);
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + 1);
    this.#deliveries++;
    const job = this.courier.deliver(id, binding, domain).then(
      () => undefined,
      (error: unknown) => this.#failed(binding, error),
    );
    const running = this.#running.get(binding.name) ?? new Set();
    this.#running.set(binding.name, running.add(job));
    void job.then(() => {
      running.delete(job);
      if (running.size === 0) this.#running.delete(binding.name);
      const left = (this.#slots.get(slot) ?? 1) - 1;
      if (left === 0) this.#slots.delete(slot);
      else this.#slots.set(slot, left);
      this.#deliveries--;
      this.#claims.drop(binding.name, `${id} ${domain}`);
      this.desk.wake(binding.name);
      this.#wakeWaiting();
    });
  }

  #wakeWaiting(): void {
    for (const name of this.#waiting) {
      this.#waiting.delete(name);
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
    }, LOOK_AGAIN_MS).unref();
  }

  #arm(name: string): void {
    const known = this.#timers.get(name);
    if (known !== undefined) clearTimeout(known);
    this.#timers.delete(name);
    const next = this.desk.spool.nextAttempt(name);
    if (next === null) return;
    const wait = next - Date.now();
    const timer = setTimeout(
      () => {
        this.#timers.delete(name);
        this.#wake(name, WIDE_WINDOW);
      },
      wait > 0 ? Math.min(wait, MAX_TIMER_MS) : LOOK_AGAIN_MS,
    );
    timer.unref();
    this.#timers.set(name, timer);
  }
}

function slotOf(binding: string, domain: string): string {
  return `${binding}\n${domain}`;
}
