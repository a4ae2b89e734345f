/**
 * One socket for every address of a family on one port, where there are too many for a socket each. What belongs to whom is
 * told by the address that a connection came to; one to an address that is not served here is reset.
 */
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Endpoint } from "../config/types.js";
import type { Desk } from "./desk.js";
import { openServer } from "./listen.js";

/** The kernel takes no more than net.core.somaxconn: this queue stands for many. */
const BACKLOG = 65_535;

/** Endpoints that could share a socket have the same one. */
export function sharedEndpoint({ host, port }: Endpoint): Endpoint {
  return { host: isIPv6(host) ? "::" : "*", port };
}

export class SharedServer {
  /** By address. */
  readonly #accepting = new Map<string, (socket: Socket) => void>();
  readonly #server: Server;

  private constructor(private readonly desk: Desk) {
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** @param endpoint every address of one family. Rejects with ERR_LISTEN. */
  static async open(endpoint: Endpoint, desk: Desk): Promise<SharedServer> {
    const shared = new SharedServer(desk);
    await openServer(shared.#server, endpoint, desk, { backlog: BACKLOG, ipv6Only: endpoint.host === "::" });
    return shared;
  }

  /** From here on, until the function that this returns is called. */
  accept(address: string, accept: (socket: Socket) => void): () => void {
    this.#accepting.set(address, accept);
    return () => this.#accepting.delete(address);
  }

  close(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    // A client that has gone by now has no address any more, and needs no reset.
    const accept = this.#accepting.get(socket.localAddress ?? "");
    if (accept !== undefined) return accept(socket);
    this.desk.count("reset-not-served");
    socket.on("error", () => socket.destroy());
    socket.resetAndDestroy();
  }
}
