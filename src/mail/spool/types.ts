/**
 * The durable queue of one node. Everything a caller is told has happened is on disk (fdatasync) before the promise
 * resolves; commits of concurrent callers are grouped into one. Every change of one message is one commit.
 */

/** 22 characters: incarnation (48 bits) and counter (48 bits) in base 32hex, sortable by time of acceptance, unique in
 * the cluster together with the node's name hash (16 bits) at its end. Kept for life, across moves. */
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
  readonly hops: number;
  readonly [key: string]: string | number | boolean | null;
}

export interface NewMessage {
  readonly id: MessageId;
  readonly envelope: Envelope;
  readonly binding: string;
  readonly context: Context;
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
   * moved on with as many hops or more: nothing was written. A message that was moved on and comes back with more hops
   * (`context.hops`) than it left with is stored again, and its tombstone goes: its home has come back to this node.
   * Rejects with ERR_SPOOL_FULL (disk full) or ERR_SPOOL; then nothing of it stays.
   */
  accept(message: NewMessage, body: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<"stored" | "known">;
  get(id: MessageId): SpooledMessage | null;
  /** The body from its first byte. Rejects when the message is gone. */
  openBody(id: MessageId): Promise<AsyncIterable<Uint8Array>>;
  /** Due messages of a binding, oldest attempt first. Reads no bodies and no more than `limit` index entries. */
  due(binding: string, atMs: number, limit: number): readonly DueMessage[];
  /** Earliest next attempt of a binding, or null when its queue is empty. */
  nextAttempt(binding: string): number | null;
  /** Bindings that have mail. */
  bindings(): readonly string[];
  /** Counts for each (binding, domain), kept incrementally. `active` = due by `atMs`. */
  counts(
    atMs: number,
  ): readonly {
    readonly binding: string;
    readonly domain: string;
    readonly active: number;
    readonly delayed: number;
  }[];
  /** Records that the data of a delivery to these recipients is about to be sent. */
  beginDelivery(id: MessageId, recipients: readonly number[]): Promise<void>;
  /** Records outcomes by recipient index, and clears `delivering`. A message whose recipients are all done leaves; its tombstone stays. */
  settle(id: MessageId, outcomes: ReadonlyMap<number, RecipientState>): Promise<void>;
  /** Records that the message is offered to `node`. */
  beginMove(ids: readonly MessageId[], node: string, epoch: number): Promise<void>;
  /** The offer was accepted (250): the message becomes a tombstone. */
  finishMove(ids: readonly MessageId[], node: string): Promise<void>;
  /** The offer was refused, or the peer does not have it: queued here as before. */
  cancelMove(ids: readonly MessageId[]): Promise<void>;
  /** Messages whose move or delivery was cut off by the last crash. */
  inDoubt(): { readonly moving: readonly SpooledMessage[]; readonly delivering: readonly SpooledMessage[] };
  /** What became of an id: "queued", "moved", "done", or "unknown". */
  fate(id: MessageId): "queued" | "moved" | "done" | "unknown";
  /** Changes the binding of a message (rebind). */
  rebind(id: MessageId, binding: string): Promise<void>;
  /** Drops tombstones older than this. */
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
