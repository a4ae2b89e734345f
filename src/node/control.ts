/** What the console (and later the dashboard) may ask of a running node. Plain JSON data in both directions. */
import type { PlaceBefore } from "../core/io.js";
import type { Explanation } from "../core/ownership/explain.js";
import type { Plan } from "../core/ownership/plan.js";
import type { QueueRow } from "../mail/types.js";

export type { PlaceBefore } from "../core/io.js";
export type { Candidate, Explanation } from "../core/ownership/explain.js";
export type { Plan } from "../core/ownership/plan.js";

export interface NodeControl {
  duravip(): readonly DuravipStatus[];
  membership(): readonly MemberStatus[];
  info(): NodeInfo;
  queues(): Promise<readonly QueueRow[]>;
  counters(): Promise<Readonly<Record<string, number>>>;
  /**
   * Asks the cluster to move a VIP (by address or by binding name) to a node. Resolves when the new owner serves it,
   * with one result for each address that went along. It stays there for `forMs`, or, where that is 0, until
   * something else moves it. Rejects with ERR_COMMAND (unknown VIP or node, broken,
   * node does not configure it), ERR_MOVE_REFUSED, or, unless `anyway`, ERR_MOVE_UNSAFE where the node lacks a service
   * that clients of the VIP use.
   */
  move(vip: string, node: string, forMs: number, anyway: boolean): Promise<MoveResult>;
  /**
   * Lifts the pin of a move. Resolves when the VIP is at rest where placement wants it. Rejects with ERR_COMMAND (unknown
   * VIP, not pinned) or ERR_MOVE_REFUSED.
   */
  unpin(vip: string): Promise<UnpinResult>;
  /**
   * Forgets the departures that are counted against a node, which is damped no longer. Rejects with ERR_COMMAND (no such
   * node) or ERR_MOVE_REFUSED.
   */
  calm(node: string): Promise<{ readonly node: string; readonly wasDamped: boolean }>;
  /**
   * Keeps this node empty, or no longer. Resolves when every address that others can have is with them; for `false`, as
   * soon as the cluster knows. Rejects with ERR_MOVE_REFUSED when that takes too long; it goes on all the same.
   */
  drain(on: boolean): Promise<DrainResult>;
  /** Why a VIP (by address or by binding name) is where it is. Throws ERR_COMMAND where there is no such VIP. */
  explain(vip: string): Explanation;
  /**
   * What would move if this happened, as far as this node knows. Throws ERR_COMMAND for a node that is no member, or
   * would join and is one already, and ERR_CONFIG_INVALID or ERR_CONFIG_UNREADABLE for a file with errors.
   */
  plan(request: PlanRequest): Plan;
}

export type PlanRequest =
  /** `join`: with the configuration of the node that is asked. */
  | { readonly kind: "die" | "drain" | "join"; readonly node: string }
  /** Loaded by every node that has the configuration of the one that is asked. An absolute path on its host. */
  | { readonly kind: "config"; readonly file: string };

export interface DuravipStatus {
  readonly address: string;
  /** Names of the bindings on the address. */
  readonly bindings: readonly string[];
  readonly owner: string | null;
  readonly phase: "idle" | "releasing" | "acquiring";
  readonly target: string | null;
  readonly epoch: number;
  /** First choice first. */
  readonly preferences: readonly string[];
  readonly follows: string | null;
  readonly pinnedTo: string | null;
  /** How much longer; null for a pin without an end, and for none. */
  readonly pinnedSeconds: number | null;
  readonly conflict: boolean;
  readonly unsafe: boolean;
  readonly broken: boolean;
  /** This part of the cluster has no quorum, and the policy of the address asks for one: nobody here may have it. */
  readonly withheld: boolean;
  /** Nodes whose kernels have the address though the cluster did not put it there, and where: "on eth1, and is
   * removed". */
  readonly foreign: readonly { readonly node: string; readonly place: string }[];
  /** Why its owner cannot serve it, "two has no carrier in 10.1.1.0/24"; null where nothing is known against it. */
  readonly trouble: string | null;
  readonly viewStableSeconds: number;
  readonly configurationStableSeconds: number;
  /** Members that configure the address, in membership order, with the services each runs on it ("multivip", "ESMTP"). */
  readonly participants: readonly { readonly node: string; readonly services: readonly string[] }[];
}

export interface MemberStatus {
  readonly node: string;
  readonly version: string;
  /** Its ECCluster listener. */
  readonly address: string;
  readonly incarnation: number;
  readonly leader: boolean;
  readonly self: boolean;
  /** Topologies whose addresses it cannot serve, and why: "has no carrier". */
  readonly troubles: readonly { readonly topology: string; readonly reason: string }[];
}

export interface NodeInfo {
  readonly node: string;
  readonly version: string;
  readonly clusterGroup: string;
  readonly controlGroup: string;
  /** Port of the group channel. */
  readonly channelPort: number;
  readonly leader: string | null;
  readonly viewSeq: number;
  readonly quorate: boolean;
  /** Addresses that nobody may have in this part of the cluster. */
  readonly withheld: number;
  /** Peers that are alive and in no view with this node, because one refuses the other; the first word is for programs. */
  readonly refusedPeers: readonly { readonly peer: string; readonly reason: string; readonly remedy: string }[];
  readonly uptimeSeconds: number;
}

/** What a command has brought about. */
interface Moved {
  readonly moved: readonly { readonly address: string; readonly from: string | null; readonly to: string }[];
  readonly elapsedMs: number;
}

export interface DrainResult extends Moved {
  /** False where the node was drained, or not, already. */
  readonly changed: boolean;
  /** Addresses that this node has yet. */
  readonly left: number;
}

export interface MoveResult extends Moved {
  readonly address: string;
  readonly to: string;
  /** 0: the pin has no end. */
  readonly forMs: number;
  /** Of the unit of the address, when the command was given. */
  readonly before: PlaceBefore | null;
  /** A sentence on what clients miss at the node, where it was to be made anyway; null for nothing. */
  readonly missing: string | null;
}

export interface UnpinResult extends Moved {
  readonly address: string;
  readonly before: PlaceBefore | null;
  /** Who has it now. */
  readonly owner: string | null;
}
