/**
 * The sending end of moves: queues of bindings that live elsewhere go to their owners.
 *
 * A message is offered only after the disk says to whom (`beginMove`), and leaves only after a 250 (`finishMove`). Where
 * the connection ended in between, nobody knows: the peer is asked what became of it, for ever, before anything else is
 * done with it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { explain } from "../errors.js";
import { Claims } from "./claims.js";
import { type Desk, domainOf, groupOf } from "./desk.js";
import type { FailureNotices } from "./failure-notices.js";
import { MoveDoubts } from "./mmove-doubts.js";
import { type MoveLink, openLink, type Sent } from "./mmove-link.js";
import type { Prologue } from "./mmove-wire.js";
import type { Destination } from "./places.js";
import { failUnreadable } from "./unreadable.js";
import { isDamagedBody } from "./spool/damaged-body.js";
import type { MessageId, SpooledMessage } from "./spool/types.js";

/** Messages offered in one commit. */
const BATCH = 16;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 10_000;
/** How long a connection waits for more. */
const LINGER_MS = 2_000;
/** A message that a node does not take is offered again after so long. */
const KEPT_BACK_MS = 600_000;
/** Time at one node after which a move is not part of a chain any more. */
const REST_MS = 60_000;

interface Peer {
  readonly node: string;
  /** Bindings that may have mail for it, in turn. */
  readonly ready: Set<string>;
  workers: number;
  retryMs: number;
  /** Nothing is tried before: the peer did not answer. */
  waiting: boolean;
  /** Ends the lingering of a connection. */
  nudge: () => void;
}

interface Batch {
  readonly binding: string;
  readonly destination: Destination;
  readonly ids: readonly MessageId[];
}

export class MoveSender {
  readonly doubts: MoveDoubts;
  readonly #peers = new Map<string, Peer>();
  readonly #claims = new Claims();
  readonly #links = new Set<MoveLink>();
  readonly #running = new Set<Promise<void>>();
  /** Bindings whose owner refused them, and the wait before they are offered again. */
  readonly #refused = new Map<string, number>();
  /** Messages that could not go, until they are tried again. */
  readonly #behind = new Set<MessageId>();
  #stopped = false;

  constructor(
    private readonly desk: Desk,
    private readonly key: Uint8Array,
    private readonly notices: FailureNotices,
  ) {
    this.doubts = new MoveDoubts(desk, key);
  }

  /** Mail of the binding may have to move. */
  wake(binding: string): void {
    const destination = this.desk.places.destination(binding);
    if (this.#stopped || this.desk.config.mail.suspended || destination === null) return;
    if (this.#refused.has(binding)) return;
    const peer = this.#peerOf(destination.node);
    peer.ready.add(binding);
    peer.nudge();
    this.#pump(peer);
  }

  /** Finishes messages on their way, up to `drainMs`, and starts no others. */
  async stop(drainMs: number): Promise<void> {
    this.#stopped = true;
    this.doubts.stop();
    for (const peer of this.#peers.values()) peer.nudge();
    const limit = new AbortController();
    const waited = delay(drainMs, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), waited]);
    limit.abort();
    for (const link of this.#links) link.destroy();
    await Promise.all(this.#running);
  }

  #peerOf(node: string): Peer {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    const peer: Peer = { node, ready: new Set(), workers: 0, retryMs: RETRY_MIN_MS, waiting: false, nudge: () => {} };
    this.#peers.set(node, peer);
    return peer;
  }

  #pump(peer: Peer): void {
    if (this.#stopped || peer.waiting || peer.ready.size === 0) return;
    if (peer.workers >= this.desk.config.mail.mmoveConnections) return;
    // The first batch is taken before there is a connection, so that no connection is opened for nothing.
    const batch = this.#take(peer);
    if (batch === null) return;
    peer.workers++;
    const work = this.#work(peer, batch)
      .catch((error: unknown) => this.#backOff(peer, error))
      .finally(() => {
        peer.workers--;
        this.#running.delete(work);
        this.#pump(peer);
      });
    this.#running.add(work);
    // A full batch means that there is more: another connection may take it.
    if (batch.ids.length === BATCH) this.#pump(peer);
  }

  #take(peer: Peer): Batch | null {
    const { spool, places } = this.desk;
    for (const binding of peer.ready) {
      peer.ready.delete(binding);
      const destination = places.destination(binding);
      if (this.#refused.has(binding) || destination?.node !== peer.node) continue;
      const found = spool.due(binding, Number.MAX_SAFE_INTEGER, BATCH + this.#claims.count(binding));
      const ids = found.map((due) => due.id).filter((id) => this.#claims.take(binding, id));
      if (ids.length === 0) continue;
      // To the end of the turn, until nothing of it is found.
      peer.ready.add(binding);
      return { binding, destination, ids };
    }
    return null;
  }

  async #work(peer: Peer, first: Batch): Promise<void> {
    let batch: Batch | null = first;
    let link: MoveLink;
    try {
      link = await openLink(first.destination.endpoint, this.desk.config.nodename, peer.node, this.key);
    } catch (error) {
      this.#release(first);
      peer.ready.add(first.binding);
      throw error;
    }
    peer.retryMs = RETRY_MIN_MS;
    this.#links.add(link);
    try {
      while (!this.#stopped && link.isOpen) {
        batch ??= this.#take(peer) ?? (await this.#linger(peer, link));
        if (batch === null) break;
        await this.#move(peer, batch, link);
        batch = null;
      }
      if (batch !== null) this.#release(batch);
      link.quit();
    } catch (error) {
      link.destroy();
      throw error;
    } finally {
      this.#links.delete(link);
    }
  }

  async #linger(peer: Peer, link: MoveLink): Promise<Batch | null> {
    // One spare connection a peer is enough.
    if (peer.workers > 1) return null;
    const limit = new AbortController();
    const nudged = new Promise<void>((resolve) => {
      peer.nudge = resolve;
    });
    await Promise.race([
      nudged,
      link.closed,
      delay(LINGER_MS, undefined, { signal: limit.signal }).catch(() => undefined),
    ]);
    limit.abort();
    return link.isOpen && !this.#stopped ? this.#take(peer) : null;
  }

  /** Rejects when the connection is of no use any more. */
  async #move(peer: Peer, batch: Batch, link: MoveLink): Promise<void> {
    const { spool, places } = this.desk;
    const { binding, destination } = batch;
    const offered = await spool.beginMove(batch.ids, peer.node, destination.epoch).catch((error: unknown) => {
      this.#release(batch);
      peer.ready.add(binding);
      throw error;
    });
    const left = new Set(offered);
    const finished: Promise<void>[] = [];
    let trouble: unknown = null;
    for (const id of offered) {
      // The home may have come back, or gone elsewhere, meanwhile.
      if (this.#stopped || places.destination(binding)?.node !== peer.node) break;
      const sent = await this.#send(id, destination, link);
      if (sent.kind === "taken") {
        left.delete(id);
        finished.push(this.#finish(id, peer.node));
      } else if (sent.kind === "unreadable") {
        left.delete(id);
        finished.push(this.#leaveBehind(batch, id, peer.node, sent.error));
        if (!link.isOpen) break;
      } else if (sent.kind === "lost") {
        left.delete(id);
        this.doubts.add(peer.node, [id]);
        trouble = sent.error;
        break;
      } else if (sent.kind === "refused" && sent.permanent) {
        this.#keepBack(id, batch, sent.reply);
      } else {
        if (sent.kind === "refused") this.#refusedBy(peer, binding, sent.reply);
        else trouble = sent.error;
        break;
      }
    }
    await this.#cancel([...left]);
    await Promise.all(finished);
    this.#release(batch);
    if (left.size > 0) this.desk.wake(binding);
    if (trouble !== null) throw trouble;
  }

  async #send(id: MessageId, destination: Destination, link: MoveLink): Promise<Sent> {
    const { spool } = this.desk;
    const message = spool.get(id);
    if (message === null) return { kind: "unsent", error: new Error(`message ${id} is gone`) };
    let body: AsyncIterable<Uint8Array>;
    try {
      // Before anything is said, so that the connection stays of use.
      body = await spool.openBody(id);
    } catch (error) {
      return { kind: "unreadable", error };
    }
    const sent = await link.send(prologueOf(message, destination.epoch, Date.now()), message.bodyBytes, () =>
      Promise.resolve(body),
    );
    if (sent.kind === "taken") this.#report(message, destination);
    return sent;
  }

  #report(message: SpooledMessage, destination: Destination): void {
    const { desk } = this;
    desk.count("moved-out");
    desk.emit("xfer", "info", {
      id: message.id,
      group: groupOf(desk, message.binding),
      binding: message.binding,
      domain: domainOf(message.envelope.recipients[0]?.address ?? ""),
      recipients: message.envelope.recipients.length,
      bytes: message.bodyBytes,
      node: destination.node,
      peer: destination.endpoint.host,
      epoch: destination.epoch,
      seconds: Math.round((Date.now() - message.context.receivedAtMs) / 1000),
    });
  }

  /** A tombstone that cannot be written now: the peer has the message, so only asking it can free our copy. */
  async #finish(id: MessageId, node: string): Promise<void> {
    try {
      await this.desk.spool.finishMove([id], node);
    } catch (error) {
      this.desk.emit("spool-trouble", "error", { id, reason: explain(error) });
      this.doubts.add(node, [id]);
    }
  }

  async #cancel(ids: readonly MessageId[]): Promise<void> {
    if (ids.length === 0) return;
    await this.desk.spool.cancelMove(ids).catch((error: unknown) => {
      this.desk.emit("spool-trouble", "error", { reason: explain(error) });
    });
  }

  #release(batch: Batch): void {
    for (const id of batch.ids) if (!this.#behind.has(id)) this.#claims.drop(batch.binding, id);
  }

  /** The owner does not take this one message: it stays here, claimed, and the others go. */
  #keepBack(id: MessageId, { binding, destination }: Batch, reply: string): void {
    this.desk.count("moves-kept-back");
    const facts = { id, binding, node: destination.node, reply, retryMs: KEPT_BACK_MS };
    this.desk.emit("mmove-message-refused", "warn", facts);
    this.#rest(binding, id, KEPT_BACK_MS);
  }

  /** Its claim is kept meanwhile, so that no batch takes it. */
  #rest(binding: string, id: MessageId, forMs: number): void {
    this.#behind.add(id);
    setTimeout(() => {
      this.#behind.delete(id);
      this.#claims.drop(binding, id);
      this.desk.wake(binding);
    }, forMs).unref();
  }

  /** One message that cannot be read: it is failed where its body is damaged, else it rests; the others go on. */
  async #leaveBehind({ binding }: Batch, id: MessageId, node: string, error: unknown): Promise<void> {
    const { desk } = this;
    const [reason, damaged] = [explain(error), isDamagedBody(error)];
    this.#behind.add(id);
    desk.count("moves-left-behind");
    desk.emit("mmove-left-behind", "error", { id, binding, node, reason, damaged, retryMs: damaged ? 0 : REST_MS });
    await this.#cancel([id]);
    if (!damaged || !(await this.#fail(id, reason))) return this.#rest(binding, id, REST_MS);
    this.#behind.delete(id);
    this.#claims.drop(binding, id);
  }

  async #fail(id: MessageId, reason: string): Promise<boolean> {
    try {
      await failUnreadable(this.desk, this.notices, id, reason);
      return true;
    } catch (error) {
      this.desk.emit("spool-trouble", "error", { id, reason: explain(error) });
      return false;
    }
  }

  /** The owner does not take the binding now; others go on. */
  #refusedBy(peer: Peer, binding: string, reply: string): void {
    const waitMs = Math.min((this.#refused.get(binding) ?? RETRY_MIN_MS / 2) * 2, RETRY_MAX_MS);
    this.#refused.set(binding, waitMs);
    peer.ready.delete(binding);
    this.desk.count("moves-refused");
    this.desk.emit("mmove-refused", "warn", { binding, node: peer.node, reply, retryMs: waitMs });
    setTimeout(() => {
      this.#refused.delete(binding);
      this.desk.wake(binding);
    }, waitMs).unref();
  }

  #backOff(peer: Peer, error: unknown): void {
    if (this.#stopped) return;
    this.desk.count("move-connections-failed");
    this.desk.emit("mmove-unreachable", "warn", { node: peer.node, reason: explain(error), retryMs: peer.retryMs });
    if (peer.waiting) return;
    peer.waiting = true;
    const timer = setTimeout(() => {
      peer.waiting = false;
      this.#pump(peer);
    }, peer.retryMs);
    timer.unref();
    peer.retryMs = Math.min(peer.retryMs * 2, RETRY_MAX_MS);
  }
}

/** What is left to do of a message, as its next home begins with it. */
function prologueOf(message: SpooledMessage, epoch: number, nowMs: number): Prologue {
  const { id, binding, envelope, context } = message;
  const left = message.recipients.flatMap((state, index) => (state.state === "queued" ? [index] : []));
  const movedAtMs = Number(context["movedAtMs"] ?? 0);
  const chain = nowMs - movedAtMs < REST_MS ? Number(context["chain"] ?? 0) + 1 : 1;
  return {
    message: {
      id,
      binding,
      envelope: { ...envelope, recipients: left.flatMap((index) => envelope.recipients[index] ?? []) },
      context: { ...context, hops: context.hops + 1, chain, movedAtMs: nowMs },
      recipients: left.flatMap((index) => message.recipients[index] ?? []),
    },
    epoch,
  };
}
