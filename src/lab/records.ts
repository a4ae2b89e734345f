/** What a run of the lab records: plain data, from which the checks decide (checks.ts) and the report is made. */

/** Header that names a test message. */
export const TOKEN_HEADER = "X-Lab-Token";

/** A message that got its 250. */
export interface AcceptedMessage {
  readonly event: "accepted";
  readonly token: string;
  /** Address of the listener that took it. */
  readonly listener: string;
  /** The 250 in full. */
  readonly reply: string;
  /** Addresses it may leave from: its binding's, or those of its group's bindings. */
  readonly sources: readonly string[];
}

/** A message that the sink got. */
export interface DeliveredMessage {
  readonly event: "delivered";
  readonly token: string;
  readonly source: string;
  /** Id that its first node gave it, as its trace field tells. */
  readonly id: string;
}

/** A delivery that a node logged as `delivery-in-doubt`: these recipients may get it once more. */
export interface Doubt {
  readonly id: string;
  readonly recipients: readonly string[];
}

export interface MailRecord {
  readonly accepted: readonly AcceptedMessage[];
  readonly delivered: readonly DeliveredMessage[];
  /** Ids of messages that a node logged as `delivery-in-doubt`: these may come twice. */
  readonly inDoubt: readonly string[];
}

/** The cluster as it stood once a phase had settled. */
export interface Snapshot {
  readonly vips: readonly {
    readonly address: string;
    /** Interface of its Topology. */
    readonly interface: string;
    /** Block of its Topology. */
    readonly topology: string;
    readonly preference: string | null;
    /** What its home is decided by, where that is another address. */
    readonly follows: string | null;
  }[];
  /** Nodes that run and can be reached: those that must agree. */
  readonly members: readonly string[];
  /** Members as each member's console tells them. */
  readonly memberships: ReadonlyMap<string, readonly string[]>;
  /** Owner of each address as each member's console tells it. */
  readonly owners: ReadonlyMap<string, ReadonlyMap<string, string | null>>;
  /** Addresses in each member's kernel. */
  readonly plumbed: ReadonlyMap<string, ReadonlySet<string>>;
  /** Node that greeted the client on each address. */
  readonly answers: Readonly<Record<string, string | null>>;
  /** Hardware address of each member's interfaces: node, then interface. */
  readonly macs: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Neighbour tables of hosts that are not nodes. */
  readonly neighbours: ReadonlyMap<
    string,
    readonly { readonly address: string; readonly interface: string; readonly mac: string }[]
  >;
}

/** A check that did not hold. */
export interface Violation {
  /** Stable, kebab-case. */
  readonly check: string;
  /** What it is about: an address, or a message's token. */
  readonly subject: string;
  readonly expected: string;
  readonly seen: string;
}
