/**
 * One TLS connection to a peer, from the moment that the handshake proved the cluster key: hello both ways, then frames.
 * It ends once, with one reason, and tells so once.
 */
import type { TLSSocket } from "node:tls";
import { MAX_FRAME_BYTES } from "../../core/channel/frames.js";
import type { RefusalReason } from "../../core/channel/refused-peers.js";
import type { Counters } from "./counters.js";
import { FrameReader, PREFIX_BYTES, prefixOf } from "./framing.js";
import { decodeHello, encodeHello, type Hello, MAX_HELLO_BYTES } from "./hello.js";

export interface ConnectionOptions {
  readonly own: Hello;
  /** The name that the other side must have. */
  readonly peer: string;
  /** Longest wait for its hello. */
  readonly helloTimeoutMs: number;
  /** With more frames than this under way, and none of them gone for `stuckAfterMs`, the connection is stuck. */
  readonly maxBacklog: number;
  readonly stuckAfterMs: number;
  readonly counters: Counters;
}

export interface ConnectionHandler {
  onReady(connection: Connection, peer: Hello): void;
  onFrame(connection: Connection, frame: Uint8Array): void;
  /** The other side has proved the key, and its hello is none that this node takes; the end follows. */
  onRefused(reason: RefusalReason): void;
  /** `refused`: the other side never became a peer. */
  onEnd(connection: Connection, reason: string, refused: boolean): void;
}

export class Connection {
  readonly #reader = new FrameReader(MAX_HELLO_BYTES);
  readonly #helloTimer: NodeJS.Timeout;
  #ready = false;
  #ended = false;
  #corked = false;
  #backlog = 0;
  #lastProgress = 0;

  constructor(
    readonly socket: TLSSocket,
    readonly options: ConnectionOptions,
    readonly handler: ConnectionHandler,
  ) {
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    // A peer that closes its side is gone; waiting for our own side to drain would cost the cluster time.
    socket.on("end", () => this.end("connection closed"));
    socket.on("error", (error) => this.end(error.message));
    socket.on("close", () => this.end("connection closed"));
    this.#helloTimer = setTimeout(() => {
      options.counters.add("refusedTimeout");
      this.end("no hello in time");
    }, options.helloTimeoutMs);
    this.send(encodeHello(options.own));
    this.flush();
  }

  /** Queues a frame; `flush` lets it go. */
  send(frame: Uint8Array): void {
    if (this.#ended) return;
    if (!this.#corked) {
      this.#corked = true;
      this.socket.cork();
    }
    if (this.#backlog === 0) this.#lastProgress = performance.now();
    this.#backlog++;
    this.socket.write(prefixOf(frame));
    this.socket.write(frame, () => {
      this.#backlog--;
      this.#lastProgress = performance.now();
    });
    this.options.counters.add("framesOut");
    this.options.counters.add("bytesOut", frame.length + PREFIX_BYTES);
    const { maxBacklog, stuckAfterMs } = this.options;
    if (this.#backlog > maxBacklog && performance.now() - this.#lastProgress > stuckAfterMs)
      this.end("backlog is stuck");
  }

  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.socket.uncork();
  }

  /** Ends at once; what is not sent yet is lost. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#helloTimer);
    this.socket.destroy();
    this.handler.onEnd(this, reason, !this.#ready);
  }

  /** Sends what is queued and ends once the peer has closed its side too, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    if (this.#ended) return;
    this.flush();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.socket.end();
    });
    this.end("left");
  }

  #read(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    this.options.counters.add("bytesIn", chunk.length);
    while (!this.#ended) {
      const frame = this.#reader.next();
      if (frame === null) return;
      if (frame === "too long") return this.#refuse("frame too long", "version");
      if (this.#ready) this.#frame(frame);
      else this.#greet(frame);
    }
  }

  #frame(frame: Uint8Array): void {
    this.options.counters.add("framesIn");
    this.handler.onFrame(this, frame);
  }

  #greet(frame: Uint8Array): void {
    const hello = decodeHello(frame);
    if (typeof hello === "string") return this.#refuse(hello, "version");
    if (hello.name !== this.options.peer) return this.#refuse(`calls itself ${hello.name}`, "name");
    clearTimeout(this.#helloTimer);
    this.#ready = true;
    this.#reader.limit = MAX_FRAME_BYTES;
    this.handler.onReady(this, hello);
  }

  #refuse(reason: string, refusal: RefusalReason): void {
    if (!this.#ready) {
      this.options.counters.add("refusedHello");
      this.handler.onRefused(refusal);
    }
    this.end(reason);
  }
}
