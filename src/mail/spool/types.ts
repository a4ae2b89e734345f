/**
 * The durable queue of one node. Everything a caller is told has happened is on disk (fdatasync) before the promise
 * resolves; commits of concurrent callers are grouped into one. Every change of one message is one commit.
 */

/** 22 digits of base 32hex: incarnation (10), counter (9), hash of the node's name (3). Sortable by time of acceptance,
 * unique in the cluster. Kept for life, across moves. */
export type MessageId = string;

export interface Envelope {
  /** Reverse path without brackets, "" for the null sender. Byte for byte as received. */
  readonly from: string;
  readonly body: "7BIT" | "8BITMIME" | null;
  readonly smtpUtf8: boolean;
  /** DSN parameters as received (RFC 3461), or null. */
  readonly ret: "FULL" | "HDRS" | null;
  readonly envid: string | null;
  readonly recipients: readonly EnvelopeRecipient[];
}

export interface EnvelopeRecipient {
  /** Forward path without brackets, case kept. */
  readonly address: string;
  readonly notify: string | null;
  readonly orcpt: string | null;
}

/** Where a message came from; goes along when it moves. Unknown keys are kept. */
export interface Context {
  readonly receivedAtMs: number;
  readonly expiresAtMs: number;
  readonly listener: string | null;
  readonly client: string | null;
  /** How often it was handed from node to node before it came here: 0 from a client, the sender's plus 1 in a move. */
  readonly hops: number;
  readonly [key: string]: string | number | boolean | null;
}

export interface NewMessage {
  readonly id: MessageId;
  readonly envelope: Envelope;
  readonly binding: string;
  readonly context: Context;
  /** State to begin with, in the order of envelope.recipients, for a message that moves in with its attempts.
   * By default all are queued for context.receivedAtMs. */
  readonly recipients?: readonly RecipientState[];
}

export type RecipientState =
  | {
      readonly state: "queued";
      readonly attempts: number;
      readonly nextAttemptMs: number;
      readonly lastError: string | null;
    }
  | { readonly state: "done"; readonly outcome: "delivered" | "failed" | "expired" | "moved"; readonly detail: string };

/** A message as it stands in the spool. */
export interface SpooledMessage extends NewMessage {
  readonly bodyBytes: number;
  /** Same order as envelope.recipients. */
  readonly recipients: readonly RecipientState[];
  /** Not null while a move is in doubt: a node was offered the message and its answer is not on disk here. */
  readonly moving: { readonly node: string; readonly epoch: number } | null;
  /** Recipients (indexes) of a delivery whose final dot may have been sent: set before the data goes out, cleared with its outcome.
   * Found set at start-up, it means that the delivery is in doubt. */
  readonly delivering: readonly number[];
}

/** What the scheduler needs of a message without reading it. */
export interface DueMessage {
  readonly id: MessageId;
  readonly binding: string;
  /** Domains (lower case) of the recipients that are due. */
  readonly domains: readonly string[];
  readonly nextAttemptMs: number;
}

export interface Spool {
  /** Unique, sortable; no I/O. */
  newId(): MessageId;
  /**
   * Resolves once the message would survive a power cut. "known" when the id is here already, was delivered, or was
   * moved on with as many hops or more: nothing was written. A message that was moved on, or is moving, and comes in
   * with more hops (`context.hops`) than it had here is stored again: its home has come back to this node.
   * Rejects with ERR_SPOOL_FULL (disk full), ERR_SPOOL, ERR_MESSAGE_MALFORMED, the error of `body` or the signal's
   * reason; then nothing of it stays. The body is read to its end unless it fails, is aborted, or is not looked at
   * because the message is malformed.
   */
  accept(message: NewMessage, body: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<"stored" | "known">;
  get(id: MessageId): SpooledMessage | null;
  /** The body from its first byte. Rejects when the message is gone. */
  openBody(id: MessageId): Promise<AsyncIterable<Uint8Array>>;
  /** Due messages of a binding, oldest attempt first, without those being moved and recipients being delivered. Reads
   * no bodies and no more than `limit` index entries. */
  due(binding: string, atMs: number, limit: number): readonly DueMessage[];
  /** The same for one domain (lower case) of a binding: ids only. Reads no other domain's entries, however many. */
  dueIn(binding: string, domain: string, atMs: number, limit: number): readonly MessageId[];
  /** Takes up to `limit` domains of a binding of which mail has come due, earliest first. Costs nothing for those that
   * rest. A domain is given once: again when `leaveDomain` said so, or when a message for it is stored, settled, freed or
   * rebound. It may have no mail any more. */
  takeDomains(binding: string, atMs: number, limit: number): readonly string[];
  /** Nothing that is due up to `atMs` is left to do in a domain that was taken: it is given again at its next attempt. */
  leaveDomain(binding: string, domain: string, atMs: number): void;
  /** When `takeDomains` gives the next one, or null. */
  nextDomain(binding: string): number | null;
  /** Bindings that have mail. */
  bindings(): readonly string[];
  /** Recipients for each (binding, domain), kept incrementally. `active` = due by `atMs` (to the second), being
   * delivered or being moved. */
  counts(atMs: number): readonly {
    readonly binding: string;
    readonly domain: string;
    readonly active: number;
    readonly delayed: number;
  }[];
  /** Records that the data of a delivery to these recipients is about to be sent. False: do not send, as the message is
   * gone or moving, or one of the recipients is done or being delivered already. */
  beginDelivery(id: MessageId, recipients: readonly number[]): Promise<boolean>;
  /** Records outcomes by recipient index, and clears `delivering` of these recipients, or of all when there are no
   * outcomes. A message whose recipients are all done leaves; its tombstone stays. Changes nothing of a recipient that
   * is done, or of a message that is moving or gone. */
  settle(id: MessageId, outcomes: ReadonlyMap<number, RecipientState>): Promise<void>;
  /** Records that the messages are offered to `node`. Resolves with those that may be sent there, which leaves out what
   * is gone, being delivered, or in doubt at another node. */
  beginMove(ids: readonly MessageId[], node: string, epoch: number): Promise<readonly MessageId[]>;
  /** The offer was accepted (250): the message becomes a tombstone. Does nothing to one that is not moving to `node`. */
  finishMove(ids: readonly MessageId[], node: string): Promise<void>;
  /** The offer was refused, or the peer does not have it: queued here as before. */
  cancelMove(ids: readonly MessageId[]): Promise<void>;
  /** Messages whose move or delivery was cut off by the last crash. */
  inDoubt(): { readonly moving: readonly SpooledMessage[]; readonly delivering: readonly SpooledMessage[] };
  /** What became of an id. With `hops` (those of the offer that is asked about), a message that was only here earlier,
   * after fewer hops, is "unknown": that offer did not arrive. */
  fate(id: MessageId, hops?: number): "queued" | "moved" | "done" | "unknown";
  /** Changes the binding of a message (rebind). */
  rebind(id: MessageId, binding: string): Promise<void>;
  /** Drops up to 1,000 tombstones older than this, the oldest first; resolves with how many. */
  sweep(beforeMs: number): Promise<number>;
  readonly counters: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly directory: string;
  readonly incarnation: number;
  readonly nodename: string;
  /** Bodies above this many bytes go to files of their own. Default 256 KiB. */
  readonly inlineMax?: number;
  /** Wall clock in ms, for tombstones; Date.now by default. */
  readonly now?: () => number;
}
