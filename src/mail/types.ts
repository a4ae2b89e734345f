/**
 * The mail side of a node as the node's shell sees it. It knows nothing of views or elections: it is told which
 * addresses it may serve, and where each binding lives.
 */
import type { Config, Endpoint } from "../config/types.js";

/** Where a DuraVIP binding lives now. Bindings that were never named here, and have no VIP, are always local. */
export interface BindingHome {
  readonly binding: string;
  /** Owner of the binding's address, or null while nobody has it. */
  readonly node: string | null;
  /** Epoch of that ownership: rises with every change of owner. */
  readonly epoch: number;
  /** The owner's ECCluster_Listener, or null for this node or while unknown. */
  readonly endpoint: { readonly host: string; readonly port: number } | null;
}

/** One (group/binding, domain) pair of `mailq`. Mail that is on its way to another node is under `#mmove`. */
export interface QueueRow {
  readonly group: string;
  readonly binding: string;
  readonly domain: string;
  /** Due or being delivered. */
  readonly active: number;
  /** Waiting for a later attempt. */
  readonly delayed: number;
}

export interface ServeResult {
  readonly address: string;
  /** null: every listener of the address accepts; else what the kernel said, to be told to the cluster. */
  readonly error: string | null;
}

/** Addresses that were used 2^level times or more, and less than twice that. */
export interface BusyAddresses {
  readonly level: number;
  readonly addresses: readonly string[];
}

/** An address and the connections to its listeners. */
export interface CrowdedAddress {
  readonly address: string;
  readonly connections: number;
}

/** A fact for the log; `code` is stable, and documented in docs/EVENTS.md. */
export interface MailEvent {
  readonly code: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

export interface MailSetup {
  readonly config: Config;
  /** 32 bytes for TLS with peers, derived from the cluster key; null in a cluster of one. */
  readonly peerKey: Uint8Array | null;
  /** This run of this node, 1 to 2^48-1, later runs are greater; part of every message id made by it. */
  readonly incarnation: number;
}

/** TCP sockets that are bound before their address is there: the kernel layer has them, and whoever starts the mail side joins
 * the two. They are of the thread that the mail engine runs in. */
export interface SocketBinder {
  /** One for each endpoint, in their order: a descriptor, bound and not listening, or why there is none, with the remedy. */
  bind(endpoints: readonly Endpoint[]): Promise<readonly (number | string)[]>;
  /** A descriptor is closed by whoever has it from here on. */
  release(fd: number): void;
  /** Those that were not released. */
  close(fds: readonly number[]): Promise<void>;
}

export interface MailService {
  /** Opens the spool, the plain listeners and the ECCluster listener, and starts delivery. Rejects with ERR_SPOOL or
   * ERR_LISTEN, having undone what it did. */
  start(): Promise<void>;
  /** Opens every listener of addresses that this node is about to plumb, so that they are served from their first moment: whoever
   * gets through is greeted. Those whose listeners do not open are not to be plumbed. Idempotent; undone by `withdraw`. */
  listen(addresses: readonly string[]): Promise<readonly ServeResult[]>;
  /** Starts every listener on addresses that this node now owns, and lets bindings on them deliver. Idempotent. */
  serve(addresses: readonly string[]): Promise<readonly ServeResult[]>;
  /** Stops accepting on the addresses at once, ends idle sessions with 421, gives transactions and deliveries in
   * flight up to `drainMs`, then cuts them. When it resolves, nothing of ours uses the addresses. */
  withdraw(addresses: readonly string[], drainMs: number): Promise<void>;
  /** Tells where bindings live. Queues of bindings that live elsewhere move there. Unnamed ones stay as they were. */
  setHomes(homes: readonly BindingHome[]): void;
  queues(): Promise<readonly QueueRow[]>;
  /** Which addresses were used most, the last minutes counting most; at most 10,000, the busiest level first. Each call halves
   * what earlier uses count. */
  activity(): Promise<readonly BusyAddresses[]>;
  /** Addresses that come and go and have connections now, the most first; at most 1,000. */
  crowded(): Promise<readonly CrowdedAddress[]>;
  /** Numbers since start: accepted, delivered, moved out and in, deferred, failed, duplicates dropped, refused by reason. */
  counters(): Promise<Readonly<Record<string, number>>>;
  /** Stops accepting, finishes what is in flight (up to 2 s), closes the spool. */
  stop(): Promise<void>;
}

export type MailEventSink = (event: MailEvent) => void;
