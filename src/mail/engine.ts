/**
 * The mail engine in one event loop: listeners, deliveries and moves over one spool, as `MailService` promises.
 * It decides nothing about homes: it is told.
 */
import { Resolver } from "node:dns/promises";
import { explain } from "../errors.js";
import { Activity } from "./activity.js";
import { Courier } from "./delivery.js";
import type { Desk } from "./desk.js";
import { FailureNotices } from "./failure-notices.js";
import { Listeners } from "./listeners.js";
import { MoveReceiver } from "./mmove-receiver.js";
import { MoveSender } from "./mmove-sender.js";
import type { MailDns } from "./next-hop.js";
import { OutboundPool } from "./outbound-pool.js";
import { Places } from "./places.js";
import { Reception } from "./reception.js";
import { Scheduler } from "./scheduler.js";
import { openSpool } from "./spool/spool.js";
import type { MessageId, Spool, SpoolOptions } from "./spool/types.js";
import type {
  BindingHome,
  BusyAddresses,
  CrowdedAddress,
  MailEventSink,
  MailService,
  MailSetup,
  QueueRow,
  ServeResult,
  SocketBinder,
} from "./types.js";

const NOT_RUNNING = "mail is not running here";
const STOP_MS = 2_000;
/** What crosses to the node's thread, and from there to every other node, each time. */
const BUSIEST = 10_000;
const CROWDED = 1_000;
const SWEEP_INTERVAL_MS = 600_000;
const SWEPT_AT_ONCE = 1_000;
/** Messages of a binding that is gone, given to `default` at a time. */
const ADOPTED_AT_ONCE = 256;

/** What the mail layer does not have itself; and what tests put in the place of the world. */
export interface MailEngineParts {
  readonly binder: SocketBinder;
  readonly openSpool?: (options: SpoolOptions) => Spool;
  readonly dns?: MailDns;
}

export function createMailEngine(setup: MailSetup, sink: MailEventSink, parts: MailEngineParts): MailService {
  return new MailEngine(setup, sink, parts);
}

/** Everything that works on an open spool. */
interface Works {
  readonly desk: Desk;
  readonly listeners: Listeners;
  readonly pool: OutboundPool;
  readonly courier: Courier;
  readonly scheduler: Scheduler;
  /** null in a cluster of one. */
  readonly moves: { readonly sender: MoveSender; readonly receiver: MoveReceiver; readonly key: Uint8Array } | null;
}

class MailEngine implements MailService {
  readonly #places: Places;
  readonly #activity = new Activity();
  readonly #counts = new Map<string, number>();
  readonly #adopting = new Set<string>();
  #works: Works | null = null;
  #sweeping: NodeJS.Timeout | null = null;

  constructor(
    private readonly setup: MailSetup,
    private readonly sink: MailEventSink,
    private readonly parts: MailEngineParts,
  ) {
    this.#places = new Places(setup.config);
  }

  async start(): Promise<void> {
    const works = this.#openWorks();
    this.#works = works;
    try {
      await works.listeners.start();
      await works.moves?.receiver.open(works.moves.key);
      await this.#settleDoubts(works);
    } catch (error) {
      await this.stop();
      throw error;
    }
    for (const binding of works.desk.spool.bindings()) works.desk.wake(binding);
    this.#sweeping = setInterval(() => void this.#sweep(works), SWEEP_INTERVAL_MS);
    this.#sweeping.unref();
  }

  async listen(addresses: readonly string[]): Promise<readonly ServeResult[]> {
    if (this.#works === null) return addresses.map((address) => ({ address, error: NOT_RUNNING }));
    return this.#works.listeners.open(addresses);
  }

  async serve(addresses: readonly string[]): Promise<readonly ServeResult[]> {
    const opened = await this.listen(addresses);
    const works = this.#works;
    return opened.map((result) => {
      if (result.error !== null) return result;
      // It may have been withdrawn meanwhile.
      if (works?.listeners.isOpen(result.address) !== true) return { ...result, error: NOT_RUNNING };
      this.#places.serve(result.address);
      for (const binding of this.#places.bindingsOn(result.address)) works.desk.wake(binding.name);
      return result;
    });
  }

  async withdraw(addresses: readonly string[], drainMs: number): Promise<void> {
    const bindings = new Set<string>();
    for (const address of addresses) {
      this.#places.withdraw(address);
      this.#activity.forget(address);
      for (const binding of this.#places.bindingsOn(address)) bindings.add(binding.name);
    }
    await Promise.all([this.#works?.listeners.close(addresses, drainMs), this.#endDeliveries(bindings, drainMs)]);
  }

  setHomes(homes: readonly BindingHome[]): void {
    const changed = this.#places.setHomes(homes);
    const works = this.#works;
    if (works === null || changed.length === 0) return;
    const withMail = new Set(works.desk.spool.bindings());
    for (const binding of changed) if (withMail.has(binding)) works.desk.wake(binding);
  }

  async queues(): Promise<readonly QueueRow[]> {
    const rows = new Map<string, { group: string; binding: string; domain: string; active: number; delayed: number }>();
    for (const count of this.#works?.desk.spool.counts(Date.now()) ?? []) {
      // Mail that is bound elsewhere is on its way, under a name that no user can give.
      const away = this.#places.livesElsewhere(count.binding);
      const binding = away ? "#mmove" : count.binding;
      const group = away ? "default" : (this.#places.binding(count.binding)?.group ?? "default");
      const key = `${binding}\n${count.domain}`;
      const row = rows.get(key) ?? { group, binding, domain: count.domain, active: 0, delayed: 0 };
      row.active += count.active;
      row.delayed += count.delayed;
      rows.set(key, row);
    }
    return [...rows.values()];
  }

  async activity(): Promise<readonly BusyAddresses[]> {
    return this.#activity.take(BUSIEST);
  }

  async crowded(): Promise<readonly CrowdedAddress[]> {
    return this.#works?.listeners.crowded(CROWDED) ?? [];
  }

  async counters(): Promise<Readonly<Record<string, number>>> {
    const spool = Object.entries(this.#works?.desk.spool.counters ?? {});
    return Object.fromEntries([...this.#counts, ...spool.map(([name, value]) => [`spool-${name}`, value])]);
  }

  async stop(): Promise<void> {
    const works = this.#works;
    if (works === null) return;
    this.#works = null;
    if (this.#sweeping !== null) clearInterval(this.#sweeping);
    works.scheduler.stop();
    await Promise.all([
      works.listeners.stop(STOP_MS),
      works.moves?.receiver.close(STOP_MS),
      works.moves?.sender.stop(STOP_MS),
      works.scheduler.settled(works.scheduler.running(), STOP_MS),
    ]);
    works.courier.stop();
    await works.pool.cut(works.pool.bindings());
    await works.scheduler.settled(works.scheduler.running(), STOP_MS);
    await works.desk.spool.close();
  }

  #openWorks(): Works {
    const { config, incarnation, peerKey } = this.setup;
    const open = this.parts.openSpool ?? openSpool;
    const spool = open({ directory: config.mail.spoolBase, incarnation, nodename: config.nodename });
    const desk: Desk = {
      config,
      spool,
      places: this.#places,
      activity: this.#activity,
      emit: (code, level, facts) => this.sink({ code, level, facts }),
      count: (name, by = 1) => this.#counts.set(name, (this.#counts.get(name) ?? 0) + by),
      wake: (binding) => this.#wake(binding),
    };
    const pool = new OutboundPool(desk);
    const dns = this.parts.dns ?? new Resolver({ timeout: 5_000, tries: 2 });
    const notices = new FailureNotices(desk);
    const courier = new Courier(desk, pool, dns, notices);
    const moves =
      peerKey === null
        ? null
        : { sender: new MoveSender(desk, peerKey, notices), receiver: new MoveReceiver(desk), key: peerKey };
    const listeners = new Listeners(desk, new Reception(desk), this.parts.binder);
    return { desk, listeners, pool, courier, scheduler: new Scheduler(desk, courier), moves };
  }

  #wake(binding: string): void {
    const works = this.#works;
    if (works === null) return;
    if (this.#places.binding(binding) === undefined) {
      void this.#adopt(works, binding);
      return;
    }
    works.scheduler.wake(binding);
    works.moves?.sender.wake(binding);
  }

  /** The configuration has no such binding any more: its mail goes to `default`. */
  async #adopt(works: Works, binding: string): Promise<void> {
    if (this.#adopting.has(binding)) return;
    this.#adopting.add(binding);
    const { spool, emit, wake } = works.desk;
    try {
      let adopted = 0;
      for (;;) {
        const due = spool.due(binding, Number.MAX_SAFE_INTEGER, ADOPTED_AT_ONCE);
        if (due.length === 0 || this.#works !== works) break;
        await Promise.all(due.map(({ id }) => spool.rebind(id, "default")));
        adopted += due.length;
      }
      if (adopted > 0) emit("binding-gone", "warn", { binding, messages: adopted });
      wake("default");
    } catch (error) {
      emit("spool-trouble", "error", { binding, reason: explain(error) });
    } finally {
      this.#adopting.delete(binding);
    }
  }

  /** What the last run left open: deliveries are made again, and said to be in doubt; moves are asked about. */
  async #settleDoubts({ desk, moves }: Works): Promise<void> {
    const { moving, delivering } = desk.spool.inDoubt();
    for (const message of delivering) {
      const recipients = message.delivering.map((index) => message.envelope.recipients[index]?.address).join(" ");
      const reason = "the node ended before the outcome was recorded";
      desk.count("in-doubt");
      desk.emit("delivery-in-doubt", "warn", { id: message.id, binding: message.binding, recipients, reason });
      await desk.spool.settle(message.id, new Map());
    }
    const byNode = new Map<string, MessageId[]>();
    for (const { id, moving: offer } of moving) {
      if (offer === null) continue;
      const ids = byNode.get(offer.node);
      if (ids === undefined) byNode.set(offer.node, [id]);
      else ids.push(id);
    }
    for (const [node, ids] of byNode) {
      if (moves === null) desk.emit("mmove-in-doubt", "warn", { node, messages: ids.length });
      else moves.sender.doubts.add(node, ids);
    }
  }

  async #endDeliveries(bindings: ReadonlySet<string>, drainMs: number): Promise<void> {
    const works = this.#works;
    if (works === null || bindings.size === 0) return;
    works.pool.closeIdle(bindings);
    await works.scheduler.settled(bindings, drainMs);
    await works.pool.cut(bindings);
  }

  async #sweep({ desk }: Works): Promise<void> {
    const beforeMs = Date.now() - this.setup.config.mail.messageExpirationMs;
    try {
      while ((await desk.spool.sweep(beforeMs)) === SWEPT_AT_ONCE);
    } catch (error) {
      desk.emit("spool-trouble", "error", { reason: explain(error) });
    }
  }
}
