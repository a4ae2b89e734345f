/**
 * Peers that are configured, alive on the network and refused: for another cluster key, name or version. They are in no
 * view, and may have any address. What shows one is never a datagram: its side of a TCP connection, at least.
 *
 * Source: docs/PROTOCOL.md, "Refused peers".
 */
export type RefusalReason = "key" | "name" | "version";

export interface RefusedPeer {
  readonly peer: string;
  readonly reason: RefusalReason;
}

/** What to do about it. */
export function remedyFor({ peer, reason }: RefusedPeer): string {
  switch (reason) {
    case "key":
      return `give ${peer} and this node the same key_file, and restart the node whose key was wrong`;
    case "name":
      return `make nodename and the peers of msgc_server agree on ${peer} and on this node, and restart them`;
    case "version":
      return `run a version of holdfast on ${peer} that this node can speak with`;
  }
}
