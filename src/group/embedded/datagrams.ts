/** The UDP socket of the heartbeats, on the port of the connections. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { HoldfastError } from "../../errors.js";
import type { Counters } from "./counters.js";
import { type Heartbeat, openHeartbeat, ReplayGuard, sealHeartbeat } from "./heartbeat.js";

export interface DatagramOptions {
  readonly host: string;
  readonly port: number;
  readonly key: Uint8Array;
  readonly self: string;
  readonly incarnation: number;
  /** Address of each peer. */
  readonly peers: ReadonlyMap<string, string>;
  readonly counters: Counters;
}

export interface DatagramHandler {
  /** An authentic heartbeat. `fresh`: of the run that is followed, and no recording. */
  onHeartbeat(heartbeat: Heartbeat, fresh: boolean): void;
  /** It proves nothing, whatever its source address says. */
  onRefused(source: string): void;
}

export class Datagrams {
  readonly #socket: Socket;
  readonly #guard = new ReplayGuard();
  #sent = 0;

  constructor(
    readonly options: DatagramOptions,
    readonly handler: DatagramHandler,
  ) {
    this.#socket = createSocket(isIPv6(options.host) ? "udp6" : "udp4");
    this.#socket.on("message", (bytes, from) => this.#receive(bytes, from.address));
  }

  /** @throws HoldfastError ERR_LISTEN. */
  async bind(): Promise<void> {
    const { host, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("error", (cause) => {
        const facts = { address: host, port, protocol: "udp" };
        reject(new HoldfastError("ERR_LISTEN", `cannot listen on ${host}, UDP port ${port}`, facts, { cause }));
      });
      this.#socket.bind({ address: host, port, exclusive: true }, resolve);
    });
    // What the network says of a datagram that got nowhere is what silence says too.
    this.#socket.removeAllListeners("error").on("error", () => undefined);
  }

  /** Takes the heartbeats of this run of the peer, and of no other, for signs of life. */
  follow(name: string, incarnation: number): void {
    this.#guard.follow(name, incarnation);
  }

  beat(): void {
    const { key, self: name, incarnation, peers, port, counters } = this.options;
    const bytes = sealHeartbeat(key, { name, incarnation, counter: ++this.#sent });
    for (const address of peers.values()) {
      this.#socket.send(bytes, port, address, (error) => {
        if (error === null) counters.add("heartbeatsOut");
      });
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #receive(bytes: Uint8Array, source: string): void {
    const { key, peers, counters } = this.options;
    const heartbeat = openHeartbeat(key, bytes);
    const verdict = heartbeat === null || !peers.has(heartbeat.name) ? "foreign" : this.#guard.judge(heartbeat);
    if (heartbeat === null || verdict === "foreign" || verdict === "replayed") {
      counters.add("heartbeatsRefused");
      this.handler.onRefused(source);
      return;
    }
    counters.add("heartbeatsIn");
    this.handler.onHeartbeat(heartbeat, verdict === "fresh");
  }
}
