/** One `Listen`: an address and port, the connections to it, and how they end. Opened and closed any number of times. */
import type { Socket } from "node:net";
import type { Listen } from "../config/types.js";
import { descriptorsLeft } from "./descriptors.js";
import type { Desk } from "./desk.js";
import type { SmtpFace, SmtpSession } from "./smtp-face.js";

/**
 * Not for clients: the spool, deliveries and the node's own connections need some, and who is refused needs one to be
 * told so.
 */
const DESCRIPTORS_KEPT = 16;

export class Listener {
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<Socket, SmtpSession>();
  #shut: (() => void) | null = null;
  #draining = false;
  #onEmpty: (() => void) | null = null;

  constructor(
    readonly listen: Listen,
    readonly name: string,
    private readonly face: SmtpFace,
    private readonly desk: Desk,
  ) {}

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
    // A host that connects to an address from that very address is this node, which looks after its own service.
    const isOwn = socket.remoteAddress === socket.localAddress;
    if (!isOwn) this.desk.activity.used(this.listen.endpoint.host);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#sessions.delete(socket);
      if (this.#sockets.size === 0) this.#onEmpty?.();
    });
    if (this.#sessions.size >= this.listen.maxConnections)
      return this.#refuse(socket, isOwn ? null : "refused-concurrency", "4.7.0");
    if (descriptorsLeft() < DESCRIPTORS_KEPT) return this.#refuse(socket, "refused-descriptors", "4.3.2");
    this.#sessions.set(socket, this.face.receive(socket, this, this.name));
  }

  #refuse(socket: Socket, counter: string | null, status: string): void {
    if (counter !== null) this.desk.count(counter);
    socket.on("error", () => socket.destroy());
    socket.setTimeout(1_000, () => socket.destroy());
    socket.end(`421 ${status} ${this.name} has too many connections; come again later\r\n`);
  }
}
