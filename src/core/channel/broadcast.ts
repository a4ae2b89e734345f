/**
 * Multicasts in the present view: submitted to the sequencer, ordered by it, acknowledged, and kept until they are
 * stable. Between a promise and the next view it is closed, and what is multicast meanwhile waits for that view.
 *
 * The `on...` methods return what the peer did against the protocol, or null. Frames of another view are no fault: they
 * were under way when the view changed.
 */
import type { FrameOf, Message } from "./frames.js";
import type { Link, Links } from "./links.js";
import { ViewOrder } from "./order.js";
import type { Outbox } from "./outbox.js";
import { NO_ROUND, type RoundId, sameRound } from "./round.js";

/** A node sends nothing more while it knows of so much that is not stable yet. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** Nor while so many are not: a burst must not keep the node from its heartbeats. */
const WINDOW_MESSAGES = 512;
/** What the sequencer keeps for members that acknowledge nothing, before it gives them up. */
export const MAX_KEPT_BYTES = 16 * WINDOW_BYTES;
/** A member says how far it is at each heartbeat, and after so many messages or bytes. */
const ACK_MESSAGES = 128;
const ACK_BYTES = 1024 * 1024;

export class Broadcast {
  /** Null until the first view. */
  #order: ViewOrder | null = null;
  #open = false;
  #installedOver: ReadonlyMap<string, number | null> = new Map();
  /** Multicasts that the next view, or an acknowledgement, will let go. */
  readonly #waiting: Uint8Array[] = [];
  /** Delivered since this node last said how far it is, or as sequencer what is stable. */
  #unacknowledged = { messages: 0, bytes: 0 };

  constructor(
    readonly self: string,
    readonly links: Links,
    readonly outbox: Outbox,
  ) {}

  get members(): readonly string[] {
    return this.#order?.members ?? [];
  }

  get delivered(): number {
    return this.#order?.delivered ?? 0;
  }

  /** The link to each member when the view began (null: this node). What goes over a later one is not in sequence. */
  get installedOver(): ReadonlyMap<string, number | null> {
    return this.#installedOver;
  }

  /** Is it the link over which its peer came to the view? One that was opened later is to another run, or lacks frames. */
  isViewLink(link: Link | undefined): link is Link {
    return link !== undefined && this.#installedOver.get(link.peer) === link.id;
  }

  multicast(payload: Uint8Array): void {
    this.#waiting.push(payload);
    this.#sendWaiting();
  }

  onSubmit(link: Link, frame: FrameOf<"submit">): string | null {
    const order = this.#openIn(frame.view);
    if (order?.sequencer !== this.self || !this.isViewLink(link)) return null;
    if (frame.number !== order.next(link.peer)) return "multicasts out of sequence";
    this.#place(order, { seq: 0, from: link.peer, number: frame.number, payload: frame.payload });
    return null;
  }

  onOrdered(link: Link, frame: FrameOf<"ordered">): string | null {
    const order = this.#openIn(frame.view);
    if (order?.sequencer !== link.peer || !this.isViewLink(link)) return null;
    if (!order.accept(frame.message)) return "order has a gap";
    this.outbox.deliver(frame.message);
    if (!order.settle(frame.stable)) return "stable before delivered";
    this.#count(frame.message);
    if (this.#isAckDue()) this.acknowledge([link]);
    this.#sendWaiting();
    return null;
  }

  acknowledge(links: readonly Link[]): void {
    this.#unacknowledged = { messages: 0, bytes: 0 };
    const { view, delivered, stable } = this.#order ?? { view: NO_ROUND, delivered: 0, stable: 0 };
    this.outbox.send(links, { kind: "ack", view, delivered, stable });
  }

  onAck(link: Link, frame: FrameOf<"ack">): string | null {
    const order = this.#order;
    if (order === null || !sameRound(order.view, frame.view)) return null;
    if (order.sequencer === link.peer) {
      if (!order.settle(frame.stable)) return "stable before delivered";
    } else if (order.sequencer === this.self) {
      const { stable } = order;
      if (!order.acknowledge(link.peer, frame.delivered)) return "acknowledges what was never sent";
      if (order.stable > stable && this.#isAckDue()) this.acknowledge(this.#viewLinks(order.members));
    }
    this.#sendWaiting();
    return null;
  }

  /** Members that acknowledge so little that too much is kept for them. */
  tooSlow(): readonly string[] {
    const order = this.#order;
    return order === null || order.sequencer !== this.self || order.keptBytes <= MAX_KEPT_BYTES ? [] : order.laggards();
  }

  /** A round begins: nothing more is sent or delivered in this view, but by `end`. */
  close(): void {
    this.#open = false;
  }

  /** What other members may lack of this view, beyond the first `delivered` of its order. */
  held(delivered: number): readonly Message[] {
    return this.#order?.held(delivered) ?? [];
  }

  /** Delivers what the round found this node to lack. @returns false when that does not follow what it has. */
  end(messages: readonly Message[]): boolean {
    return messages.every((message) => {
      if (this.#order?.accept(message) !== true) return false;
      this.outbox.deliver(message);
      return true;
    });
  }

  /** Begins a view, with the multicasts that waited for it. */
  begin(view: RoundId, members: readonly string[], installedOver: ReadonlyMap<string, number | null>): void {
    this.#order = new ViewOrder(view, this.self, members);
    this.#installedOver = installedOver;
    this.#unacknowledged = { messages: 0, bytes: 0 };
    this.#open = true;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    const order = this.#order;
    if (order === null || !this.#open) return;
    let sent = 0;
    for (const payload of this.#waiting) {
      if (order.unsettledBytes >= WINDOW_BYTES || order.unsettledMessages >= WINDOW_MESSAGES) break;
      this.#submit(order, payload);
      sent++;
    }
    this.#waiting.splice(0, sent);
  }

  #submit(order: ViewOrder, payload: Uint8Array): void {
    const message = order.submit(payload);
    if (order.sequencer === this.self) return this.#place(order, message);
    const { number } = message;
    this.outbox.send(this.#viewLinks([order.sequencer]), { kind: "submit", view: order.view, number, payload });
  }

  /** As sequencer: gives the message its place and tells every member. */
  #place(order: ViewOrder, message: Message): void {
    const placed = order.place(message);
    const { view, stable } = order;
    this.outbox.send(this.#viewLinks(order.members), { kind: "ordered", view, stable, message: placed });
    order.accept(placed);
    this.outbox.deliver(placed);
    this.#count(placed);
  }

  #count(message: Message): void {
    this.#unacknowledged.messages++;
    this.#unacknowledged.bytes += message.payload.length;
  }

  /** So much was delivered since the last word that others may wait for the next one. */
  #isAckDue(): boolean {
    return this.#unacknowledged.messages >= ACK_MESSAGES || this.#unacknowledged.bytes >= ACK_BYTES;
  }

  #openIn(view: RoundId): ViewOrder | null {
    return this.#open && this.#order !== null && sameRound(view, this.#order.view) ? this.#order : null;
  }

  #viewLinks(members: readonly string[]): Link[] {
    return members.flatMap((member) => {
      const link = this.links.to(member);
      return this.isViewLink(link) ? [link] : [];
    });
  }
}
