/** What carries the messages of a simulated cluster: the contract itself, or the production channel over links. */
import type { RefusedPeer } from "../core/channel/refused-peers.js";
import type { View } from "../core/view.js";

export interface GroupPort {
  onView(view: View): void;
  /** See GroupHandler of src/group/channel.ts. */
  onTransition(): void;
  onMessage(from: string, payload: Uint8Array): void;
  onRefused(peers: readonly RefusedPeer[]): void;
  onEvent(code: string, facts: Readonly<Record<string, unknown>>): void;
}

/** `killed`: the kernel of the host lives on and closes every connection at once. `power`: silence. */
export type Death = "killed" | "power";

export interface Membership {
  multicast(payload: Uint8Array): void;
  leave(): void;
  die(how: Death): void;
  /** The process does not run, and runs again: SIGSTOP and SIGCONT, or an event loop that is stuck. */
  pause(): void;
  resume(): void;
}

export interface GroupEngine {
  /** The port may be called from within a call of the membership. */
  join(name: string, incarnation: number, port: GroupPort): Membership;
}
