/**
 * Keeps a connection to one peer: of each pair of nodes the one with the lower name dials. Tried again for ever, every
 * `reconnectIntervalMs`, and at once when a heartbeat shows that the peer is there: connections that the kernel still
 * tries to make may back off for a minute (tcp_syn_retries in tcp(7)).
 */
import type { TLSSocket } from "node:tls";
import type { RefusalReason } from "../../core/channel/refused-peers.js";
import type { Counters } from "./counters.js";
import { refusalOf } from "./refusal.js";
import { type Destination, dialTls } from "./tls.js";

export interface DialerOptions {
  readonly to: Destination;
  readonly self: string;
  readonly key: Uint8Array;
  readonly reconnectIntervalMs: number;
  /** Longest wait for connection and handshake. */
  readonly connectTimeoutMs: number;
  /** A heartbeat cuts an attempt short that is as old as this. */
  readonly patienceMs: number;
  readonly counters: Counters;
}

export interface DialerHandler {
  /** The peer has proved the key. Call `redial` when this connection is over. */
  onSecure(socket: TLSSocket): void;
  /** `refusal`: the peer is there, and one side refuses the other for that. */
  onFailed(reason: string, refusal: RefusalReason | null): void;
}

export class Dialer {
  #attempt: TLSSocket | null = null;
  #triedAt = Number.NEGATIVE_INFINITY;
  #connected = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    readonly options: DialerOptions,
    readonly handler: DialerHandler,
  ) {}

  dial(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#triedAt = performance.now();
    const socket = dialTls(this.options.to, this.options.self, this.options.key);
    this.#attempt = socket;
    this.#timer = setTimeout(() => this.#failed(socket, "no connection in time"), this.options.connectTimeoutMs);
    socket.on("error", (error) => this.#failed(socket, error.message, refusalOf(error)));
    socket.on("close", () => this.#failed(socket, "connection closed"));
    socket.on("secureConnect", () => {
      if (this.#attempt !== socket) return;
      clearTimeout(this.#timer);
      this.#attempt = null;
      this.#connected = true;
      this.handler.onSecure(socket);
    });
  }

  /** The last connection is over. */
  redial(): void {
    this.#connected = false;
    this.#later();
  }

  /** The peer was just heard. */
  nudge(): void {
    if (this.#connected || performance.now() - this.#triedAt < this.options.patienceMs) return;
    this.#attempt?.destroy();
    this.dial();
  }

  /**
   * Something came from the peer's address that proves nothing: anybody may have sent it. An attempt that is under way goes on;
   * else one is made, and its end says who is there.
   */
  hint(): void {
    const { patienceMs } = this.options;
    if (this.#connected || this.#attempt !== null || performance.now() - this.#triedAt < patienceMs) return;
    this.dial();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#attempt?.destroy();
  }

  #failed(socket: TLSSocket, reason: string, refusal: RefusalReason | null = null): void {
    if (this.#attempt !== socket) return;
    this.#attempt = null;
    socket.destroy();
    this.options.counters.add("dialsFailed");
    this.handler.onFailed(reason, refusal);
    this.#later();
  }

  #later(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.dial(), this.options.reconnectIntervalMs);
  }
}
