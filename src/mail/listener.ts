/** One `Listen`: an address and port, the sockets on it, and how they end. */
import { createServer, type Server, type Socket } from "node:net";
import type { Listen } from "../config/types.js";
import type { Desk } from "./desk.js";
import { openServer } from "./listen.js";
import type { SmtpFace, SmtpSession } from "./smtp-face.js";

export class Listener {
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<Socket, SmtpSession>();
  #server: Server | null = null;
  #draining = false;

  constructor(
    readonly listen: Listen,
    readonly name: string,
    private readonly face: SmtpFace,
    private readonly desk: Desk,
  ) {}

  /** Rejects with ERR_LISTEN, whose cause and `errno` fact are the kernel's. */
  async open(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    await openServer(server, this.listen.endpoint, this.desk);
    this.#server = server;
  }

  /** True once the listener has stopped accepting; a session that begins a message then is told to go. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Stops accepting at once, says 421 to idle sessions, gives messages in flight `drainMs`, then cuts. */
  async close(drainMs: number): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    this.#draining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const session of this.#sessions.values()) session.leave(`4.3.2 ${this.name} closes this address; come again`);
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    await closed;
    clearTimeout(cut);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#sessions.delete(socket);
    });
    if (this.#sessions.size >= this.listen.maxConnections) {
      this.desk.count("refused-concurrency");
      socket.on("error", () => socket.destroy());
      socket.setTimeout(1_000, () => socket.destroy());
      socket.end(`421 4.7.0 ${this.name} has too many connections; come again later\r\n`);
      return;
    }
    this.#sessions.set(socket, this.face.receive(socket, this, this.name));
  }
}
