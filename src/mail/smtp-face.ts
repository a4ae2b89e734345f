/**
 * smtp-server with three things of our own: sockets come from outside, with the listener that took them; replies may
 * bring their own enhanced status code; and a session can be told to leave once it is between messages.
 */
import type { Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { Listener } from "./listener.js";
import { gatherData } from "./smtp-data.js";

/** Refused commands after which a client is sent away; Postfix's smtpd_hard_error_limit has the same. */
const MAX_ERRORS = 20;
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3} /;

export class SmtpFace extends SMTPServer {
  readonly #sessions = new Map<string, SmtpSession>();

  /** @param count hears of every 5xx reply: a client that talks nonsense, or asks for what it may not. */
  constructor(
    options: SMTPServerOptions,
    readonly count: (name: "refused-smtp") => void,
  ) {
    super({
      ...options,
      logger: false,
      disableReverseLookup: true,
      authMethods: [],
      hideDSN: false,
      hideENHANCEDSTATUSCODES: false,
      heloResponse: "%s",
      // The library would take TLS 1.0 (RFC 8996 ends it).
      minVersion: "TLSv1.2",
      // Sendmail's jests; and there is nothing to authenticate against.
      disabledCommands: [...[options.disabledCommands ?? []].flat(), "AUTH", "WIZ", "SHELL", "KILL"],
      onClose: (session) => void this.#sessions.delete(session.id),
    });
    this.on("error", () => {
      // A client went away in the middle; the session is closed, and its message was not accepted.
    });
  }

  /** Gives an accepted socket to a session. What `SMTPServer.connect` does, with a session of ours. */
  receive(socket: Socket, listener: Listener, name: string): SmtpSession {
    const session = new SmtpSession(this, socket, listener, name);
    this.#sessions.set(session.id, session);
    this.connections.add(session);
    session.on("error", (error) => this.emit("error", error));
    session.init();
    return session;
  }

  sessionOf(id: string): SmtpSession | undefined {
    return this.#sessions.get(id);
  }
}

export class SmtpSession extends SMTPConnection {
  /** The last MAIL or RCPT command as the client wrote it. */
  line = "";
  readonly #accepted: Socket;
  readonly #count: SmtpFace["count"];
  #leaving: string | null = null;
  #errors = 0;
  #whenGone = () => {};
  #deadline: NodeJS.Timeout | undefined;

  constructor(
    server: SmtpFace,
    socket: Socket,
    readonly listener: Listener,
    name: string,
  ) {
    super(server, socket, null);
    this.#count = server.count;
    this.name = name;
    this.#accepted = socket;
    this.messageEnded();
  }

  /** The data of a message comes: that has time limits of its own. */
  messageBegan(): void {
    clearTimeout(this.#deadline);
  }

  /** From here on there has to be another message, in time: a client that only talks holds a place. */
  messageEnded(): void {
    clearTimeout(this.#deadline);
    if (this.#accepted.destroyed) return;
    this.#deadline = setTimeout(
      () => this.#dismiss("4.4.2 no message for too long; come again"),
      this.listener.listen.messageTimeoutMs,
    );
  }

  /** The connection is gone. */
  ended(): void {
    clearTimeout(this.#deadline);
  }

  /**
   * Without smtp-server's wait of 100 ms before the greeting. It is to catch spammers that talk first; here only hosts
   * talk that may relay, and an address that moves would be away for as much longer.
   */
  override init(): void {
    this._setListeners(() => this.connectionReady());
  }

  /** `step` runs once the connection is gone, whatever becomes of it meanwhile. */
  whenGone(step: () => void): void {
    this.#whenGone = step;
    this.#accepted.once("close", step);
  }

  /** The library takes every listener off the accepted socket when it wraps it in TLS, ours too. */
  override upgrade(callback: () => void, secureCallback?: () => void): void {
    super.upgrade(callback, secureCallback);
    this.#accepted.once("close", this.#whenGone);
  }

  override _createParser(): SMTPStream {
    return gatherData(super._createParser());
  }

  override handler_MAIL(command: Buffer, callback: () => void): void {
    this.line = command.toString();
    super.handler_MAIL(command, callback);
  }

  override handler_RCPT(command: Buffer, callback: () => void): void {
    this.line = command.toString();
    super.handler_RCPT(command, callback);
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const own = typeof data === "string" && ENHANCED.test(data);
    super.send(code, data, own ? false : context);
    if (code >= 500) this.#count("refused-smtp");
    if (code >= 500 && code !== 552 && ++this.#errors >= MAX_ERRORS) {
      super.send(421, "4.7.0 too many errors", false);
    }
    if (this.#leaving !== null && code !== 421) setImmediate(() => this.#leaveIfIdle());
  }

  /** Between messages now or as soon as it is: says 421 and closes. */
  leave(text: string): void {
    this.#leaving ??= text;
    this.#leaveIfIdle();
  }

  #leaveIfIdle(): void {
    // There is no envelope before the greeting.
    const envelope = this.session.envelope as typeof this.session.envelope | undefined;
    if (this.#leaving === null || (envelope !== undefined && envelope.mailFrom !== false)) return;
    this.#dismiss(this.#leaving);
  }

  #dismiss(text: string): void {
    this.send(421, text, false);
    // The reply is with the kernel by then; waiting for the client to close would let it hold the address.
    setImmediate(() => this.#accepted.destroySoon());
  }
}
