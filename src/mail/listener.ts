/** One `Listen`: an address and port, the connections to it, and how they end. Opened and closed any number of times. */
import type { Socket } from "node:net";
import type { Listen } from "../config/types.js";
import { descriptorsLeft } from "./descriptors.js";
import { ClientCounts, clientOf } from "./client-counts.js";
import type { Desk } from "./desk.js";
import type { SmtpFace, SmtpSession } from "./smtp-face.js";

/**
 * Not for clients: the spool, deliveries and the node's own connections need some, and who is refused needs one to be
 * told so.
 */
const DESCRIPTORS_KEPT = 16;

/** What listeners with the same settings have in common. */
export interface Profile {
  readonly face: SmtpFace;
  /** Whether mail is taken from an address. Nothing that a client could say later changes that. */
  readonly mayRelay: (address: string) => boolean;
}

export class Listener {
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<Socket, SmtpSession>();
  readonly #clients: ClientCounts;
  #shut: (() => void) | null = null;
  #draining = false;
  #onEmpty: (() => void) | null = null;

  constructor(
    readonly listen: Listen,
    readonly name: string,
    private readonly profile: Profile,
    private readonly desk: Desk,
  ) {
    const { maxConnectionsPerClient: client, maxConnectionsPerNetwork: network } = listen;
    this.#clients = new ClientCounts({ client, network });
  }

  /** Connections come from here on, by `accept`. @param shut what ends that, called once. */
  begin(shut: () => void): void {
    this.#shut = shut;
    this.#draining = false;
  }

  /** True once the listener has stopped accepting; a session that begins a message then is told to go. */
  get draining(): boolean {
    return this.#draining;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Stops accepting at once, says 421 to idle sessions, gives messages in flight `drainMs`, then cuts. @returns undefined when
   * there is nothing to wait for. */
  close(drainMs: number): Promise<void> | undefined {
    const shut = this.#shut;
    if (shut === null) return undefined;
    this.#shut = null;
    this.#draining = true;
    shut();
    return this.#sockets.size === 0 ? undefined : this.#drain(drainMs);
  }

  async #drain(drainMs: number): Promise<void> {
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    for (const session of this.#sessions.values()) session.leave(`4.3.2 ${this.name} closes this address; come again`);
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    await empty;
    clearTimeout(cut);
  }

  accept(socket: Socket): void {
    this.#sockets.add(socket);
    const client = clientOf(socket);
    // A host that connects to an address from that very address is this node, which looks after its own service.
    const isOwn = socket.remoteAddress === socket.localAddress;
    // Before anything is counted: who may not relay takes no place from those who may.
    if (!isOwn && !this.profile.mayRelay(client)) return this.#refuseStranger(socket, client);
    if (!isOwn) this.desk.activity.used(this.listen.endpoint.host);
    if (this.#sessions.size >= this.listen.maxConnections)
      return this.#refuse(socket, isOwn ? null : "refused-concurrency", "4.7.0");
    if (descriptorsLeft() < DESCRIPTORS_KEPT) return this.#refuse(socket, "refused-descriptors", "4.3.2");
    const leave = this.#clients.enter(client);
    if (leave === null) return this.#refuse(socket, "refused-client-concurrency", "4.7.0");
    const session = this.profile.face.receive(socket, this, this.name);
    this.#sessions.set(socket, session);
    session.whenGone(() => {
      this.#sessions.delete(socket);
      session.ended();
      leave();
      this.#gone(socket);
    });
  }

  #gone(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) this.#onEmpty?.();
  }

  /** RFC 5321 section 3.1: 554 in place of a greeting, where no mail is taken. */
  #refuseStranger(socket: Socket, client: string): void {
    const { host, port } = this.listen.endpoint;
    this.desk.count("refused-relay");
    this.desk.emit("rejection", "info", { client, listener: `${host}:${port}`, reason: "relaying denied" });
    this.#sayAndClose(socket, `554 5.7.1 ${this.name} relaying denied`);
  }

  #refuse(socket: Socket, counter: string | null, status: string): void {
    if (counter !== null) this.desk.count(counter);
    this.#sayAndClose(socket, `421 ${status} ${this.name} has too many connections; come again later`);
  }

  /** The kernel keeps the reply for the client; waiting for the client to close would let it hold a descriptor. */
  #sayAndClose(socket: Socket, reply: string): void {
    socket.once("close", () => this.#gone(socket));
    socket.on("error", () => socket.destroy());
    socket.setTimeout(1_000, () => socket.destroy());
    socket.end(`${reply}\r\n`, () => socket.destroy());
  }
}
