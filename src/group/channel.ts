/**
 * What every group engine promises to the node (docs/PROTOCOL.md, "Group channel"). Virtual synchrony, in short:
 * members of one view have the same idea of it; messages arrive in one total order, the sender's own included, and only
 * in the view in which they were sent; members that go together from one view to the next have delivered the same
 * messages before the change.
 */
export type { RefusedPeer } from "../core/channel/refused-peers.js";
export type { View } from "../core/view.js";
import type { RefusedPeer } from "../core/channel/refused-peers.js";
import type { View } from "../core/view.js";

export interface GroupHandler {
  onView(view: View): void;
  /** `from` is a member of the last view given to onView. `payload` is the handler's to keep. */
  onMessage(from: string, payload: Uint8Array): void;
  /**
   * The view ends, and not all of its members come along. What is delivered between this and the next view is the same for
   * those that stay; the others may never get it (extended virtual synchrony calls that a transitional configuration).
   */
  onTransition(): void;
  /** All configured peers that are alive and refused, whenever that changes; none at the start. */
  onRefused(peers: readonly RefusedPeer[]): void;
  /** Something an operator should read in the log: a refused peer, a suspicion, a stall of this node. */
  onEvent(event: GroupEvent): void;
}

export interface GroupEvent {
  readonly code: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

export interface GroupChannel {
  /** Joins: onView comes with a first view, at the least one of this node alone. Rejects when it cannot listen. */
  start(handler: GroupHandler): Promise<void>;
  /**
   * Sends to every member, this node included; never delivers from within the call. A message that its view ends before
   * it was ordered is still delivered in that view to those that stay together. While a view is being agreed on, and
   * while too much is under way, messages wait, in their order, and belong to the view in which they are sent. After
   * `stop` they are dropped.
   * @throws HoldfastError ERR_GROUP_PAYLOAD above 8 MiB, ERR_GROUP_BACKLOG when 64 MiB wait already.
   */
  multicast(payload: Uint8Array): void;
  /** Leaves: peers see it at once. Resolves when every socket is closed. */
  stop(): Promise<void>;
  /** Counters for the console: frames in and out, refusals by reason, suspicions, views. */
  counters(): Readonly<Record<string, number>>;
}
