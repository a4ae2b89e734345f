/**
 * Accepts the connections of peers. Until a connection has said its hello it may be anybody's, so each source address
 * may have few of them, all strangers together not many, and none for long.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { RefusalReason } from "../../core/channel/refused-peers.js";
import { HoldfastError } from "../../errors.js";
import type { Counters } from "./counters.js";
import { refusalOf } from "./refusal.js";
import { tlsServer } from "./tls.js";

const MAX_UNPROVED_PER_SOURCE = 8;
/** For all sources that are not addresses of peers, so that strangers cannot keep peers out. */
const MAX_UNPROVED_STRANGERS = 64;

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly key: Uint8Array;
  readonly handshakeTimeoutMs: number;
  /** Names that may connect to this node, and the addresses of the configured peers. */
  readonly names: ReadonlySet<string>;
  readonly addresses: { has(address: string): boolean };
  readonly counters: Counters;
}

export interface ListenerHandler {
  /** The connection has proved the key under this name. Call `admit` when its hello has come. */
  onSecure(socket: TLSSocket, name: string): void;
  /** `refusal`: who connected is a peer if a peer is at that address, and one side refuses the other for that. */
  onRefused(source: string, reason: string, refusal: RefusalReason | null): void;
}

export class Listener {
  readonly #server: Server;
  /** Source address of each connection without a hello, by source address and port. */
  readonly #unproved = new Map<string, { readonly source: string; readonly socket: Socket }>();

  constructor(
    readonly options: ListenerOptions,
    readonly handler: ListenerHandler,
  ) {
    const { key, handshakeTimeoutMs, names, counters } = options;
    const { server: tls, nameOf } = tlsServer(key, handshakeTimeoutMs, (name) => names.has(name));
    tls.on("secureConnection", (socket) => {
      const name = nameOf(socket);
      if (name === undefined) socket.destroy();
      else handler.onSecure(socket, name);
    });
    tls.on("tlsClientError", (error, socket) => {
      counters.add("refusedHandshake");
      handler.onRefused(socket.remoteAddress ?? "unknown", error.message, refusalOf(error));
      socket.destroy();
    });
    // A server of its own before TLS, so that a crowd costs no handshake.
    this.#server = createServer((socket) => {
      if (this.#accept(socket)) tls.emit("connection", socket);
    });
  }

  /** @throws HoldfastError ERR_LISTEN. */
  async listen(): Promise<void> {
    const { host, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => {
        const facts = { address: host, port, protocol: "tcp" };
        reject(new HoldfastError("ERR_LISTEN", `cannot listen on ${host}, TCP port ${port}`, facts, { cause }));
      });
      this.#server.listen({ host, port, exclusive: true }, resolve);
    });
    // From here on: a connection that the kernel could not hand over.
    this.#server
      .removeAllListeners("error")
      .on("error", ({ message }) => this.handler.onRefused("kernel", message, null));
  }

  admit(socket: TLSSocket): void {
    this.#unproved.delete(keyOf(socket));
  }

  /** Stops accepting, and ends every connection that is not admitted. */
  async close(): Promise<void> {
    for (const { socket } of this.#unproved.values()) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): boolean {
    const source = socket.remoteAddress ?? "unknown";
    if (this.#isCrowd(source)) {
      this.options.counters.add("refusedCrowd");
      this.handler.onRefused(source, "too many connections without a hello", null);
      socket.destroy();
      return false;
    }
    const key = keyOf(socket);
    this.#unproved.set(key, { source, socket });
    socket.once("close", () => this.#unproved.delete(key));
    return true;
  }

  #isCrowd(source: string): boolean {
    let same = 0;
    let strangers = 0;
    for (const other of this.#unproved.values()) {
      if (other.source === source) same++;
      if (!this.options.addresses.has(other.source)) strangers++;
    }
    const stranger = !this.options.addresses.has(source);
    return same >= MAX_UNPROVED_PER_SOURCE || (stranger && strangers >= MAX_UNPROVED_STRANGERS);
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
