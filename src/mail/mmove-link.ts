/** One connection to a peer that takes mail: TLS, a line each way, then SMTP over the same socket. */
import { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { connectPeer, readLine } from "./mmove-socket.js";
import { helloLine, parseAnswer, PROLOGUE_MAX, type Prologue, prologueLine, recipientOf } from "./mmove-wire.js";
import { isConnectionLost, outcomeOfError } from "./reply.js";
import { SmtpClient } from "./smtp-data.js";
import { greeted } from "./smtp-greeting.js";

const ANSWER_MS = 10_000;
const IDLE_MS = 60_000;

export type Sent =
  | { readonly kind: "taken" }
  /** The peer said no: it does not have the message. Permanent where it does not take this one, ever. */
  | { readonly kind: "refused"; readonly reply: string; readonly permanent: boolean }
  /** The body could not be read here: no fault of the peer, which does not have the message. */
  | { readonly kind: "unreadable"; readonly error: unknown }
  /** The connection failed before the message was complete: the peer cannot have it. */
  | { readonly kind: "unsent"; readonly error: unknown }
  /** The message was complete, and there was no answer. */
  | { readonly kind: "lost"; readonly error: unknown };

export interface MoveLink {
  readonly isOpen: boolean;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  /** One at a time. Never rejects. */
  send(prologue: Prologue, bytes: number, open: () => Promise<AsyncIterable<Uint8Array>>): Promise<Sent>;
  quit(): void;
  destroy(): void;
}

/** Rejects when the peer is another node or says no, and with what the socket or TLS says. */
export async function openLink(
  endpoint: { readonly host: string; readonly port: number },
  self: string,
  node: string,
  key: Uint8Array,
): Promise<MoveLink> {
  const socket = await connectPeer(endpoint, self, key);
  try {
    const answered = readLine(socket, ANSWER_MS);
    socket.write(helloLine({ verb: "MMOVE", node: self }));
    const line = await answered;
    const answer = parseAnswer(line);
    if (answer?.verb !== "GO" || answer.node !== node) {
      throw new Error(`${node} does not take mail: ${line.slice(0, 200)}`);
    }
    const smtp = new SmtpClient({
      connection: socket,
      secured: true,
      secure: true,
      ignoreTLS: true,
      name: self,
      logger: false,
      socketTimeout: IDLE_MS,
    });
    await greeted(smtp, socket);
    return new Link(smtp, socket);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

class Link implements MoveLink {
  readonly closed: Promise<void>;
  #open = true;

  constructor(
    private readonly smtp: SMTPConnection,
    private readonly socket: TLSSocket,
  ) {
    smtp.on("error", () => undefined);
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      smtp.once("end", () => {
        this.#open = false;
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  async send(prologue: Prologue, bytes: number, open: () => Promise<AsyncIterable<Uint8Array>>): Promise<Sent> {
    const head = prologueLine(prologue);
    if (head.length > PROLOGUE_MAX) {
      return { kind: "refused", reply: "the envelope is larger than a node takes", permanent: true };
    }
    let complete = false;
    let unreadable: Sent | null = null;
    async function* content(): AsyncGenerator<Uint8Array> {
      yield head;
      try {
        for await (const chunk of await open()) yield chunk;
      } catch (error) {
        unreadable = { kind: "unreadable", error };
        throw error;
      }
      complete = true;
    }
    const envelope = { from: "", to: recipientOf(prologue.message.id), size: head.length + bytes };
    try {
      await new Promise<void>((resolve, reject) => {
        const body = Readable.from(content(), { objectMode: false });
        this.smtp.send(envelope, body, (error) => (error ? reject(error) : resolve()));
      });
      return { kind: "taken" };
    } catch (error) {
      if (unreadable !== null) {
        // The peer waits for the rest of the message.
        this.destroy();
        return unreadable;
      }
      if (!isConnectionLost(error)) {
        await this.#reset();
        const { text: reply, kind } = outcomeOfError(error);
        return { kind: "refused", reply, permanent: kind === "permanent" };
      }
      this.destroy();
      return complete ? { kind: "lost", error } : { kind: "unsent", error };
    }
  }

  quit(): void {
    this.#open = false;
    this.smtp.quit();
    this.socket.destroySoon();
  }

  destroy(): void {
    this.#open = false;
    this.smtp.close();
    this.socket.destroy();
  }

  #reset(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.smtp.off("end", done);
        resolve();
      };
      this.smtp.once("end", done);
      this.smtp.reset(done);
    });
  }
}
