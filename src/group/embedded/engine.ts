/**
 * The embedded group engine: the channel machine of core/channel with sockets around it. A full mesh of TLS connections
 * carries frames, UDP datagrams on the same port carry heartbeats. Decides nothing: feeds inputs, carries out outputs.
 */
import type { TLSSocket } from "node:tls";
import { Channel } from "../../core/channel/channel.js";
import { MAX_PAYLOAD_BYTES } from "../../core/channel/frames.js";
import type { ChannelInput, ChannelOutput } from "../../core/channel/io.js";
import type { RefusalReason } from "../../core/channel/refused-peers.js";
import { HoldfastError } from "../../errors.js";
import type { GroupChannel, GroupHandler } from "../channel.js";
import type { ClusterKeys } from "../key.js";
import { Connection, type ConnectionHandler } from "./connection.js";
import { Counters } from "./counters.js";
import { Datagrams } from "./datagrams.js";
import { Dialer } from "./dialer.js";
import { Listener } from "./listener.js";
import { Notices } from "./notices.js";

export interface EmbeddedOptions {
  readonly self: string;
  /** Tells this run of the node from every other: a safe integer above 0, best `Date.now()` at start. */
  readonly incarnation: number;
  /** Every configured node, this one among them: its address is listened on and dialled from. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  /** TCP and UDP, the same on every node. */
  readonly port: number;
  readonly keys: Pick<ClusterKeys, "tls" | "heartbeat">;
  readonly heartbeatIntervalMs: number;
  readonly failureTimeoutMs: number;
  readonly reconnectIntervalMs: number;
  readonly connectTimeoutMs: number;
  readonly maxBacklog: number;
}

/** Multicasts of this node that are not delivered yet; more are refused. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Strangers get no longer than this for a handshake, however patient this node is with its peers. */
const MAX_HANDSHAKE_MS = 10_000;
const MAX_LEAVE_MS = 500;

export function embeddedChannel(options: EmbeddedOptions): GroupChannel {
  return new EmbeddedChannel(options);
}

class EmbeddedChannel implements GroupChannel {
  readonly #options: EmbeddedOptions;
  readonly #address: string;
  /** Address of every other node. */
  readonly #others: ReadonlyMap<string, string>;
  readonly #counters = new Counters();
  readonly #inbox: ((at: number) => ChannelInput)[] = [];
  readonly #links = new Map<number, Connection>();
  readonly #numbers = new Map<Connection, number>();
  readonly #dialers = new Map<string, Dialer>();
  /** Every connection, also those without a hello. */
  readonly #connections = new Set<Connection>();
  #network: { readonly listener: Listener; readonly datagrams: Datagrams } | null = null;
  #channel: Channel | null = null;
  #handler: GroupHandler | null = null;
  #lastLink = 0;
  #feeding = false;
  #flushing = false;
  /** Multicasts of this turn of the event loop. */
  readonly #outgoing: Uint8Array[] = [];
  #waitingBytes = 0;
  #timer: { readonly at: number; readonly handle: NodeJS.Timeout } | null = null;
  #listening: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
    const { self, peers } = options;
    this.#others = new Map(peers.filter(({ name }) => name !== self).map(({ name, address }) => [name, address]));
    const own = peers.find(({ name }) => name === self);
    if (own === undefined) throw new HoldfastError("ERR_CONFIG_INVALID", `${self} is not among the peers`, { self });
    this.#address = own.address;
  }

  async start(handler: GroupHandler): Promise<void> {
    const { self, incarnation, heartbeatIntervalMs, failureTimeoutMs, reconnectIntervalMs } = this.#options;
    this.#handler = handler;
    this.#listening = this.#listen(handler);
    await this.#listening;
    if (this.#stopping !== null) return;
    const peers = [self, ...this.#others.keys()];
    const startedAt = performance.now();
    const times = { heartbeatIntervalMs, failureTimeoutMs, reconnectIntervalMs };
    this.#channel = new Channel({ self, incarnation, peers, ...times, startedAt });
    this.#feed((at) => ({ kind: "wake", at }));
    for (const dialer of this.#dialers.values()) dialer.dial();
  }

  multicast(payload: Uint8Array): void {
    if (payload.length > MAX_PAYLOAD_BYTES) {
      const facts = { bytes: payload.length, most: MAX_PAYLOAD_BYTES };
      throw new HoldfastError("ERR_GROUP_PAYLOAD", `a message of ${payload.length} bytes is too large`, facts);
    }
    if (this.#waitingBytes + payload.length > MAX_WAITING_BYTES) {
      const facts = { bytes: this.#waitingBytes, most: MAX_WAITING_BYTES };
      throw new HoldfastError("ERR_GROUP_BACKLOG", "too many messages wait for the group", facts);
    }
    if (this.#stopping !== null) return;
    this.#counters.add("messagesMulticast");
    this.#waitingBytes += payload.length;
    // Not from within this call: the caller may be in the middle of its own step.
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#sendOutgoing());
    // The machine keeps it for peers that may miss it; what the caller does with its own must not show.
    this.#outgoing.push(payload.slice());
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#leave();
    return this.#stopping;
  }

  counters(): Readonly<Record<string, number>> {
    return this.#counters.all();
  }

  // The machine

  #sendOutgoing(): void {
    for (const payload of this.#outgoing.splice(0)) this.#feed((at) => ({ kind: "multicast", at, payload }));
  }

  /** One input at a time, also when carrying out an output ends a connection. */
  #feed(input: (at: number) => ChannelInput): void {
    this.#inbox.push(input);
    if (this.#feeding || this.#channel === null) return;
    this.#feeding = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const output of this.#channel.step(next(performance.now()))) this.#perform(output);
      }
    } finally {
      this.#feeding = false;
    }
    this.#arm(this.#channel.deadline);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** Once for all that one event led to: a chunk of a stream may hold hundreds of frames. */
  #flush(): void {
    this.#flushing = false;
    for (const connection of this.#links.values()) connection.flush();
  }

  #perform(output: ChannelOutput): void {
    switch (output.kind) {
      case "send":
        return this.#links.get(output.link)?.send(output.bytes);
      case "close":
        return this.#links.get(output.link)?.end(output.reason);
      case "heartbeat":
        return this.#network?.datagrams.beat();
      case "view":
        this.#counters.add("views");
        return this.#handler?.onView(output.view);
      case "transition":
        return this.#handler?.onTransition();
      case "deliver":
        this.#counters.add("messagesDelivered");
        if (output.from === this.#options.self) this.#waitingBytes -= output.payload.length;
        return this.#handler?.onMessage(output.from, output.payload);
      case "refused":
        return this.#handler?.onRefused(output.peers);
      case "event":
        if (output.event.code === "peer-lost") this.#counters.add("peersLost");
        if (output.event.code === "stalled") this.#counters.add("stalls");
        return this.#handler?.onEvent(output.event);
    }
  }

  /** A timer that is early is left alone: its wake does nothing but arm the next. */
  #arm(deadline: number): void {
    if (this.#stopping !== null || (this.#timer !== null && this.#timer.at <= deadline)) return;
    clearTimeout(this.#timer?.handle);
    const handle = setTimeout(
      () => {
        this.#timer = null;
        this.#feed((at) => ({ kind: "wake", at }));
      },
      Math.max(1, Math.ceil(deadline - performance.now())),
    );
    this.#timer = { at: deadline, handle };
  }

  // The network

  async #listen(handler: GroupHandler): Promise<void> {
    const { self, incarnation, port, keys, connectTimeoutMs } = this.#options;
    const host = this.#address;
    const counters = this.#counters;
    const notices = new Notices((event) => handler.onEvent(event));
    const names = new Set([...this.#others.keys()].filter((name) => name < self));
    const addresses = new Map([...this.#others].map(([name, address]) => [address, name]));
    const handshakeTimeoutMs = Math.min(connectTimeoutMs, MAX_HANDSHAKE_MS);
    const listener = new Listener(
      { host, port, key: keys.tls, handshakeTimeoutMs, names, addresses, counters },
      {
        onSecure: (socket, name) => this.#connect(socket, name, notices),
        onRefused: (source, reason, refusal) => {
          const peer = addresses.get(source);
          if (refusal !== null && peer !== undefined) this.#refused(peer, refusal);
          else notices.notice("connection-refused", { source, reason });
        },
      },
    );
    const datagrams = new Datagrams(
      { host, port, key: keys.heartbeat, self, incarnation, peers: this.#others, counters },
      {
        onHeartbeat: ({ name: peer, incarnation }, fresh) => {
          if (fresh) this.#feed((at) => ({ kind: "heartbeat", at, peer, incarnation }));
          this.#dialers.get(peer)?.nudge();
        },
        onRefused: (source) => {
          notices.notice("heartbeat-refused", { source });
          this.#dialers.get(addresses.get(source) ?? "")?.hint();
        },
      },
    );
    await listener.listen();
    try {
      await datagrams.bind();
    } catch (error) {
      await listener.close();
      throw error;
    }
    this.#network = { listener, datagrams };
    for (const [peer, address] of this.#others) {
      if (peer > self) this.#dialers.set(peer, this.#dialerTo(peer, address, keys.tls, notices));
    }
  }

  #dialerTo(peer: string, address: string, key: Uint8Array, notices: Notices): Dialer {
    const { self, port, reconnectIntervalMs, connectTimeoutMs, failureTimeoutMs } = this.#options;
    const to = { host: address, port, localAddress: this.#address };
    const options = { to, self, key, reconnectIntervalMs, connectTimeoutMs, patienceMs: failureTimeoutMs };
    return new Dialer(
      { ...options, counters: this.#counters },
      {
        onSecure: (socket) => this.#connect(socket, peer, notices),
        onFailed: (reason, refusal) => {
          if (refusal !== null) this.#refused(peer, refusal);
          else notices.notice("peer-unreachable", { peer, reason });
        },
      },
    );
  }

  #connect(socket: TLSSocket, peer: string, notices: Notices): void {
    const { self: name, incarnation, connectTimeoutMs, maxBacklog, failureTimeoutMs } = this.#options;
    const handler: ConnectionHandler = {
      onReady: (connection, hello) => this.#opened(connection, hello.name, hello.incarnation),
      onFrame: (connection, bytes) => {
        const link = this.#numbers.get(connection);
        if (link !== undefined) this.#feed((at) => ({ kind: "frame", at, link, bytes }));
      },
      onRefused: (reason) => this.#refused(peer, reason),
      onEnd: (connection, reason, refused) => {
        if (refused) notices.notice("connection-refused", { source: socket.remoteAddress ?? peer, reason });
        this.#ended(connection, peer);
      },
    };
    const helloTimeoutMs = Math.min(connectTimeoutMs, MAX_HANDSHAKE_MS);
    const limits = { helloTimeoutMs, maxBacklog, stuckAfterMs: failureTimeoutMs, counters: this.#counters };
    this.#connections.add(new Connection(socket, { own: { name, incarnation }, peer, ...limits }, handler));
  }

  #refused(peer: string, reason: RefusalReason): void {
    this.#feed((at) => ({ kind: "refused", at, peer, reason }));
  }

  #opened(connection: Connection, peer: string, incarnation: number): void {
    const link = ++this.#lastLink;
    this.#links.set(link, connection);
    this.#numbers.set(connection, link);
    this.#network?.listener.admit(connection.socket);
    this.#network?.datagrams.follow(peer, incarnation);
    this.#feed((at) => ({ kind: "opened", at, link, peer, incarnation }));
  }

  #ended(connection: Connection, peer: string): void {
    this.#connections.delete(connection);
    this.#dialers.get(peer)?.redial();
    const link = this.#numbers.get(connection);
    if (link === undefined) return;
    this.#numbers.delete(connection);
    this.#links.delete(link);
    this.#feed((at) => ({ kind: "closed", at, link }));
  }

  async #leave(): Promise<void> {
    this.#sendOutgoing();
    this.#feed((at) => ({ kind: "leave", at }));
    clearTimeout(this.#timer?.handle);
    for (const dialer of this.#dialers.values()) dialer.stop();
    await this.#listening.catch(() => undefined); // start tells of it
    await Promise.all([...this.#connections].map((connection) => connection.drain(MAX_LEAVE_MS)));
    await this.#network?.listener.close();
    await this.#network?.datagrams.close();
  }
}
