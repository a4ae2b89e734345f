/**
 * What goes into the channel machine and what comes out. Times are monotonic milliseconds of one clock of the node;
 * only differences mean anything.
 */
import type { RefusalReason, RefusedPeer } from "./refused-peers.js";
import type { View } from "../view.js";

export interface ChannelSetup {
  readonly self: string;
  /** Tells this run of the node from every other run of it: a safe integer above 0, best the wall clock at start. */
  readonly incarnation: number;
  /** Names of all configured nodes, this one included. */
  readonly peers: readonly string[];
  readonly heartbeatIntervalMs: number;
  /** Silence, on link and datagrams both, after which a peer is suspected. At least three heartbeats. */
  readonly failureTimeoutMs: number;
  /** How often a peer without a link is dialled: a peer that is refused is refused as often. */
  readonly reconnectIntervalMs: number;
  /** When this node began to listen. */
  readonly startedAt: number;
}

/**
 * A *link* is one authenticated, ordered, reliable connection to a configured peer. The shell numbers links and never
 * uses a number twice. A frame is given only between its link's `opened` and `closed`.
 */
export type ChannelInput =
  | {
      readonly kind: "opened";
      readonly at: number;
      readonly link: number;
      readonly peer: string;
      readonly incarnation: number;
    }
  /** The link ended without our doing: the peer's kernel closed it, or ours gave it up. */
  | { readonly kind: "closed"; readonly at: number; readonly link: number }
  /** The machine keeps `bytes`. */
  | { readonly kind: "frame"; readonly at: number; readonly link: number; readonly bytes: Uint8Array }
  /** An attempt to connect, by either side, showed that the peer is there, and one of the two refuses the other. */
  | { readonly kind: "refused"; readonly at: number; readonly peer: string; readonly reason: RefusalReason }
  /** An authenticated datagram that no earlier one repeats. */
  | { readonly kind: "heartbeat"; readonly at: number; readonly peer: string; readonly incarnation: number }
  /** The machine keeps `payload`, 0 to MAX_PAYLOAD_BYTES long. */
  | { readonly kind: "multicast"; readonly at: number; readonly payload: Uint8Array }
  | { readonly kind: "wake"; readonly at: number }
  /** The last input that does anything. */
  | { readonly kind: "leave"; readonly at: number };

/** Carried out in list order. */
export type ChannelOutput =
  | { readonly kind: "send"; readonly link: number; readonly bytes: Uint8Array }
  /** The link is given up; the machine wants nothing more of it. The shell dials the peer again. */
  | { readonly kind: "close"; readonly link: number; readonly reason: string }
  /** One datagram to every configured peer but this node. */
  | { readonly kind: "heartbeat" }
  | { readonly kind: "view"; readonly view: View }
  /**
   * The present view ends, and not all of its members come along: what is delivered from here to the next view those
   * that stay have in common, and the others may never have, or in another order.
   */
  | { readonly kind: "transition" }
  /** `payload` may be kept, but not changed: the machine may have to repeat it to a peer that missed it. */
  | { readonly kind: "deliver"; readonly from: string; readonly payload: Uint8Array }
  /** All peers that are there and refused, whenever that changes. */
  | { readonly kind: "refused"; readonly peers: readonly RefusedPeer[] }
  | { readonly kind: "event"; readonly event: ChannelEvent };

/** The same shape as GroupEvent of src/group/channel.ts. */
export interface ChannelEvent {
  readonly code: "peer-up" | "peer-left" | "peer-lost" | "peer-slow" | "peer-faulty" | "peer-refused" | "stalled";
  readonly level: "debug" | "info" | "warn" | "error";
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}
