/**
 * What goes into a node and what comes out of it. Inputs carry the time; outputs are carried out in their order, and
 * the outcome of every job comes back as an input.
 */
import type { AddressRange } from "./address.js";
import type { RefusedPeer } from "./channel/refused-peers.js";
import type { Sense } from "./health/condition.js";
import type { View } from "./view.js";
import type { ForeignGroup } from "./wire/foreign.js";
import type { Share } from "./wire/share.js";

/** Monotonic milliseconds since an arbitrary origin; only differences mean anything. */
export type MonoMs = number;

export type NodeInput =
  | { readonly kind: "view"; readonly at: MonoMs; readonly view: View }
  /** What comes before the next view, some members of the present one may never get (src/group/channel.ts). */
  | { readonly kind: "transition"; readonly at: MonoMs }
  | { readonly kind: "message"; readonly at: MonoMs; readonly from: string; readonly payload: Uint8Array }
  /** The deadline has come, or a stray timer: both are welcome. */
  | { readonly kind: "wake"; readonly at: MonoMs }
  /** End of an `acquire` or `release` job. `failed`: addresses that are absent in spite of an acquire. */
  | {
      readonly kind: "done";
      readonly at: MonoMs;
      readonly job: number;
      readonly failed: readonly { readonly address: string; readonly reason: string }[];
    }
  /** Addresses that the node had and that are gone from the kernel, or whose service died. */
  | { readonly kind: "lost"; readonly at: MonoMs; readonly addresses: readonly string[] }
  /** `cluster duravip move`. `id` comes back in a `reply`. `forMs`: how long the address is to stay there; 0: without an end. */
  | {
      readonly kind: "move";
      readonly at: MonoMs;
      readonly id: number;
      readonly address: string;
      readonly to: string;
      readonly forMs: number;
      /** Also where that node lacks a service that clients of the address use. */
      readonly anyway: boolean;
    }
  /** `cluster duravip unpin`: the address may go where placement wants it. */
  | { readonly kind: "unpin"; readonly at: MonoMs; readonly id: number; readonly address: string }
  /** `cluster calm`: what is counted against this node is forgotten. */
  | { readonly kind: "calm"; readonly at: MonoMs; readonly id: number; readonly node: string }
  /** `cluster drain` and `undrain`: keep this node empty, or no longer. `id` comes back in a `reply`. */
  | { readonly kind: "drain"; readonly at: MonoMs; readonly id: number; readonly on: boolean }
  /** Blocks of the Topologies whose interface has no carrier, or is gone: all of them, whenever that changes. */
  | { readonly kind: "links"; readonly at: MonoMs; readonly down: readonly string[] }
  /** Managed addresses in this node's kernel that the cluster did not put there: all of them, whenever that changes. */
  | { readonly kind: "foreign"; readonly at: MonoMs; readonly groups: readonly ForeignGroup[] }
  /** What the node has found out about the networks of its Topologies and its service, whenever it changes. */
  | ({ readonly kind: "sense"; readonly at: MonoMs } & Sense)
  /** Local time of day, since midnight; whenever it may have changed otherwise than by going on. */
  | { readonly kind: "clock"; readonly at: MonoMs; readonly msOfDay: number }
  /** All configured peers that are alive and in no view with this node, since one refuses the other; none at the start. */
  | { readonly kind: "refused-peers"; readonly at: MonoMs; readonly peers: readonly RefusedPeer[] }
  /** For the others of the view. Lost where there is none just then. */
  | { readonly kind: "share"; readonly at: MonoMs; readonly share: Share }
  /** Hardware addresses of this host's interfaces: all of them, whenever they change. */
  | { readonly kind: "hardware"; readonly at: MonoMs; readonly macs: readonly string[] }
  /** Leave the cluster in order: give every address away, then `left`. */
  | { readonly kind: "leave"; readonly at: MonoMs };

export type NodeOutput =
  | { readonly kind: "multicast"; readonly payload: Uint8Array }
  /** Plumb, announce on the LAN, start service; then `done`. `fenced`: those that nobody has told to have let go of, so that
   * their last owner may be alive outside of the view, and have them. `estranged`: somebody is, who may: nothing that is
   * fenced is taken before the LAN has been asked. */
  | {
      readonly kind: "acquire";
      readonly job: number;
      readonly addresses: readonly string[];
      readonly fenced: readonly string[];
      readonly estranged: boolean;
    }
  /** Stop service, let deliveries in flight end (`urgent`: cut them), unplumb; then `done`. */
  | { readonly kind: "release"; readonly job: number; readonly addresses: readonly string[]; readonly urgent: boolean }
  /** Out of the kernel, before anything else is done: this node may not have them any more. Service on them, and what
   * they leave behind, ends with the releases that follow. */
  | { readonly kind: "drop"; readonly addresses: readonly string[] }
  /** This node may have them until then, as far as it knows now; Infinity: until it says otherwise. What the kernel
   * gives up by itself (docs/KERNELS.md, "Lifetimes") it does then, and no earlier. */
  | { readonly kind: "extend"; readonly addresses: readonly string[]; readonly until: MonoMs }
  /** Announce on the LAN again addresses that are here and were somewhere else too. */
  | { readonly kind: "announce"; readonly addresses: readonly string[] }
  /**
   * On: whose the addresses are that are here is in question, and nothing is said of them on the LAN, but of those
   * that are being plumbed. Off: it is known again.
   */
  | { readonly kind: "hush"; readonly on: boolean }
  /** Hardware addresses of another member's interfaces. */
  | { readonly kind: "hardware"; readonly from: string; readonly macs: readonly string[] }
  /** Owners of these addresses changed: `owner` null while they are on their way. */
  | { readonly kind: "homes"; readonly homes: readonly Home[] }
  | { readonly kind: "reply"; readonly id: number; readonly result: CommandOutcome }
  /** What another member shares. */
  | { readonly kind: "shared"; readonly from: string; readonly share: Share }
  /** Owners that changed, with all addresses, for an audit: only where the setup asks for it. */
  | { readonly kind: "owners"; readonly change: OwnerChange }
  /** Every address is given away, or nobody is there to take it. */
  | { readonly kind: "left" }
  | { readonly kind: "event"; readonly code: NodeEventCode; readonly facts: Facts };

export interface Home {
  readonly address: string;
  readonly owner: string | null;
  readonly epoch: number;
}

export type CommandOutcome =
  | {
      readonly ok: true;
      /** What has another owner now than before the command. */
      readonly moved: readonly { address: string; from: string | null; to: string }[];
      readonly tookMs: number;
      /** False where all was so already. */
      readonly changed: boolean;
      /** Of a move and an unpin: how it was with the unit before. */
      readonly before?: PlaceBefore;
      /** Of a move that was to be made anyway: what clients miss there now. */
      readonly missing?: string | null;
    }
  /** `unsafe`: refused because clients would miss something. */
  | { readonly ok: false; readonly reason: string; readonly retry: boolean; readonly unsafe?: boolean };

export interface PlaceBefore {
  /** The address that leads the unit. */
  readonly lead: string;
  /** Who had it, or was just taking it. */
  readonly owner: string | null;
  /** Who was to have it in the end. */
  readonly heir: string | null;
  readonly atRest: boolean;
  readonly pin: string | null;
}

/** Addresses that have gone from one owner to another for one reason; "" is nobody. */
export interface OwnerChange {
  readonly ranges: readonly AddressRange[];
  readonly count: number;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  /** The highest of them. */
  readonly epoch: number;
  /** The longest time that one of them had no owner, as this node saw it; null where there was none, as in a merge. */
  readonly gapMs: number | null;
}

/** Documented in docs/EVENTS.md. */
export type NodeEventCode =
  | "view"
  | "settled"
  | "mature"
  | "vip-conflict"
  | "vip-unsafe"
  | "vip-broken"
  | "vip-agreed"
  | "vip-refused"
  | "vip-contested"
  | "vip-lost"
  | "vip-unowned"
  | "vip-foreign"
  | "vip-foreign-gone"
  | "health"
  | "topology-down"
  | "topology-up"
  | "peers-unheard"
  | "peers-heard"
  | "message-malformed"
  | "balance-set-size-differs"
  | "quorum-lost"
  | "node-damped"
  | "node-calm"
  | "node-regains"
  | "owner"
  | "node-doubtful"
  | "node-trusted"
  | "quorum-regained"
  | "lease-lapsed"
  | "partition-policy-differs"
  | "table-diverged"
  | "version-differs";

export type Facts = Readonly<Record<string, string | number | boolean>>;
