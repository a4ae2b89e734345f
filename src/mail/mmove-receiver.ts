/**
 * The receiving end of moves: the ECCluster listener. A peer says what it wants in one line; for a move the socket then
 * goes to an SMTP server. A message is taken once, whoever sends it how often: by its id and hops, in the spool.
 */
import type { Server, TLSSocket } from "node:tls";
import { SMTPServer, type SMTPServerDataStream } from "smtp-server";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { Config } from "../config/types.js";
import { explain, HoldfastError } from "../errors.js";
import { ByteReader } from "./byte-reader.js";
import { type Desk, reportReception } from "./desk.js";
import { guarded } from "./line-ends.js";
import { openServer } from "./listen.js";
import { createPeerServer, readLine } from "./mmove-socket.js";
import {
  type Asked,
  answerLine,
  type Fate,
  type Hello,
  idOfRecipient,
  parseHello,
  parsePrologue,
  PROLOGUE_MAX,
} from "./mmove-wire.js";
import { Refusal } from "./refusal.js";
import { gatherData } from "./smtp-data.js";
import type { MessageId, NewMessage } from "./spool/types.js";

const MAX_CONNECTIONS = 512;
const LINE_MS = 10_000;
const IDLE_MS = 60_000;
/** Moves of a message one right after the other: a chain that long is a circle. */
const MAX_CHAIN = 8;

/** What a node puts on top of a message that it takes, or around one in a notice. */
const ADDED_BYTES = 64 * 1024;
/** Where no listener says. */
const BODY_MAX = 50 * 1024 * 1024;

export class MoveReceiver {
  readonly #smtp: SMTPServer;
  readonly #sockets = new Set<TLSSocket>();
  /** Node at the other end, by session. */
  readonly #peers = new Map<string, string>();
  /** Messages whose reception has begun and not ended. */
  readonly #arriving = new Map<MessageId, number>();
  readonly #bodyMax: number;
  #server: Server | null = null;
  #sessions = 0;
  #draining = false;

  constructor(private readonly desk: Desk) {
    this.#bodyMax = bodyMaxOf(desk.config);
    this.#smtp = new SMTPServer({
      name: desk.config.nodename,
      logger: false,
      disableReverseLookup: true,
      authMethods: [],
      disabledCommands: ["AUTH", "STARTTLS", "WIZ", "SHELL", "KILL"],
      socketTimeout: IDLE_MS,
      size: this.#bodyMax + PROLOGUE_MAX,
      onRcptTo: (address, _session, done) => done(this.#rcpt(address.address)),
      onData: (stream, session, done) => {
        const id = idOfRecipient(session.envelope.rcptTo[0]?.address ?? "");
        this.#data(stream, id, this.#peers.get(session.id) ?? "").then(
          (text) => done(null, text),
          (error: Error) => done(error),
        );
      },
      onClose: (session) => void this.#peers.delete(session.id),
    });
    this.#smtp.on("error", () => {
      // A peer went away in the middle: what it had not finished was not taken.
    });
  }

  /** Rejects with ERR_LISTEN. */
  async open(key: Uint8Array): Promise<void> {
    const { config } = this.desk;
    const peers = new Set(config.peers.map((peer) => peer.name));
    const server = createPeerServer(
      key,
      (node) => peers.has(node),
      (socket, node) => void this.#converse(socket, node),
      () => this.desk.count("refused-mmove-tls"),
    );
    server.maxConnections = MAX_CONNECTIONS;
    await openServer(server, config.clusterListen, this.desk);
    this.#server = server;
  }

  /** Stops accepting; gives messages on their way `drainMs`, then cuts. */
  async close(drainMs: number): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    this.#draining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (this.#arriving.size === 0) this.#cut();
    const timer = setTimeout(() => this.#cut(), drainMs);
    await closed;
    clearTimeout(timer);
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #converse(socket: TLSSocket, node: string): Promise<void> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      for (;;) {
        const hello = parseHello(await readLine(socket, LINE_MS));
        if (hello === null || hello.node !== node) return this.#refuse(socket, "syntax");
        if (this.#draining) return this.#refuse(socket, "closing");
        if (hello.verb === "MMOVE") return this.#take(socket, hello);
        socket.write(answerLine({ verb: "FATE", fates: this.#fates(hello.asked) }));
      }
    } catch {
      // Silent, too talkative, or gone.
      this.desk.count("refused-mmove-line");
      socket.destroy();
    }
  }

  #refuse(socket: TLSSocket, reason: string): void {
    this.desk.count(`refused-mmove-${reason}`);
    socket.end(answerLine({ verb: "NO", reason }));
    socket.setTimeout(LINE_MS, () => socket.destroy());
  }

  #take(socket: TLSSocket, hello: Hello): void {
    const id = `m${this.#sessions++}`;
    this.#peers.set(id, hello.node);
    socket.write(answerLine({ verb: "GO", node: this.desk.config.nodename }));
    const session = new MoveSession(this.#smtp, socket, { id });
    this.#smtp.connections.add(session);
    session.on("error", (error) => this.#smtp.emit("error", error));
    session.init();
  }

  #fates(asked: readonly Asked[]): ReadonlyMap<MessageId, Fate> {
    return new Map(asked.map(({ id, hops }) => [id, this.#arriving.has(id) ? "busy" : this.desk.spool.fate(id, hops)]));
  }

  #rcpt(address: string): Error | null {
    if (idOfRecipient(address) === null) return new Refusal(550, "5.1.3", "not a message id", "mmove-syntax");
    return this.#draining ? new Refusal(421, "4.3.2", "closing", "mmove-closing") : null;
  }

  async #data(stream: SMTPServerDataStream, id: MessageId | null, peer: string): Promise<string> {
    if (id === null) throw new Refusal(550, "5.1.3", "not a message id", "mmove-syntax");
    // Counted: the same message may come in twice at one time.
    this.#arriving.set(id, (this.#arriving.get(id) ?? 0) + 1);
    // Not destroyed on an error: that would make smtp-server reply before the end of the data.
    const chunks = stream.iterator({ destroyOnReturn: false });
    try {
      return await this.#accept(chunks, id, peer);
    } catch (error) {
      throw this.#refusal(error, id, peer);
    } finally {
      const left = (this.#arriving.get(id) ?? 1) - 1;
      if (left === 0) this.#arriving.delete(id);
      else this.#arriving.set(id, left);
      if (this.#draining && this.#arriving.size === 0) setImmediate(() => this.#cut());
      await chunks.return?.();
      stream.resume();
    }
  }

  async #accept(chunks: AsyncIterable<Uint8Array>, id: MessageId, peer: string): Promise<string> {
    const { desk } = this;
    const reader = new ByteReader(chunks);
    const line = await reader.readThrough("\r\n", PROLOGUE_MAX);
    const prologue = line === null ? null : parsePrologue(line);
    if (prologue === null || prologue.message.id !== id) {
      throw new Refusal(554, "5.6.0", "the prologue is not one", "mmove-syntax");
    }
    const { message } = prologue;
    this.#requireHome(message.binding);
    if (Number(message.context["chain"] ?? 0) > MAX_CHAIN) {
      throw new Refusal(451, "4.4.6", "moved too often in a row", "mmove-hops");
    }
    const result = await desk.spool.accept(message, guarded(reader.rest(), this.#bodyMax));
    if (result === "known") {
      desk.count("duplicates-dropped");
      desk.emit("mmove-duplicate", "info", { id, node: peer, binding: message.binding });
      return "2.6.0 known, copy dropped";
    }
    this.#record(message, desk.spool.get(id)?.bodyBytes ?? 0, peer);
    return "2.6.0 taken";
  }

  #requireHome(binding: string): void {
    const { places } = this.desk;
    if (places.binding(binding) === undefined) {
      throw new Refusal(451, "4.3.5", "no such binding here", "mmove-binding");
    }
    if (!places.isHome(binding)) {
      const owner = places.owner(binding);
      throw new Refusal(451, "4.3.0", `not the owner; owner=${owner ?? "none"}`, "mmove-owner");
    }
  }

  #record(message: NewMessage, bytes: number, peer: string): void {
    this.desk.count("moved-in");
    reportReception(this.desk, message, bytes, { protocol: "xfer", node: peer, hops: message.context.hops });
  }

  #refusal(error: unknown, id: MessageId, peer: string): Error {
    const { desk } = this;
    if (error instanceof Refusal) {
      desk.count(`refused-${error.reason}`);
      return error;
    }
    if (error instanceof HoldfastError) {
      desk.emit("spool-trouble", "error", { id, node: peer, reason: explain(error), error: error.code });
      return new Refusal(452, "4.3.1", "the queue cannot take mail now", "spool");
    }
    desk.count("refused-mmove-cut-off");
    return new Refusal(451, "4.4.2", "connection lost", "mmove-cut-off");
  }
}

/** What `SMTPServer.connect` makes, with data that is gathered. */
class MoveSession extends SMTPConnection {
  override _createParser(): SMTPStream {
    return gatherData(super._createParser());
  }
}

/** What the largest message that this node takes from a client may have become. */
function bodyMaxOf({ listens }: Config): number {
  const most = listens.reduce((longest, { maxMessageBytes }) => Math.max(longest, maxMessageBytes), 0);
  return (most === 0 ? BODY_MAX : most) + ADDED_BYTES;
}
