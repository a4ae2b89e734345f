/**
 * Connections to other mail servers, each bound to the address of its binding and to no other. One that has delivered
 * is kept a few seconds for the next message from the same binding to the same host.
 */
import { once } from "node:events";
import { connect, isIPv6, type Socket } from "node:net";
import type { Readable } from "node:stream";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPConnectionSendInfo, SMTPEnvelope } from "nodemailer/lib/smtp-connection";
import type { Binding, OutboundTls } from "../config/types.js";
import { explain } from "../errors.js";
import type { Desk } from "./desk.js";
import { codeOf } from "./errno.js";
import type { Hop } from "./next-hop.js";
import { giveParameters } from "./rcpt-parameters.js";
import { SmtpClient } from "./smtp-data.js";
import { greeted } from "./smtp-greeting.js";
import { type TlsFailure, TlsTrouble } from "./tls-trouble.js";

/** How long a connection with nothing to do is kept. */
const IDLE_MS = 5_000;
const CONNECT_TIMEOUT_MS = 30_000;
/** RFC 5321 section 4.5.3.2.1 allows five minutes; a server that takes one is not going to answer. */
const GREETING_TIMEOUT_MS = 60_000;
/** Longest wait for the reply to RSET. */
const RESET_MS = 10_000;

/** The binding's address is not on this host now: nobody may send from it. */
export class SourceMissing extends Error {
  override readonly name = "SourceMissing";
}

class TlsFailed extends Error {
  override readonly name = "TlsFailed";
  readonly failure: TlsFailure;

  constructor(cause: unknown) {
    super(`STARTTLS failed: ${explain(cause)}`, { cause });
    this.failure = isTlsError(cause) ? "refused" : "cut";
  }
}

export interface OutboundSession {
  readonly hop: Hop;
  readonly localAddress: string;
  /** It has carried a message before: the host may have closed it meanwhile. */
  readonly reused: boolean;
  readonly isEncrypted: boolean;
  /** @param parameters DSN parameters of each recipient of the envelope, to follow its path. */
  send(envelope: SMTPEnvelope, body: Readable, parameters: readonly string[]): Promise<SMTPConnectionSendInfo>;
  /** Gives it back: kept for the next message when it is between messages, else closed. */
  release(): Promise<void>;
  /** Cuts it. */
  destroy(): void;
}

export class OutboundPool {
  readonly #idle = new Map<string, Session[]>();
  readonly #sockets = new Map<string, Set<Socket>>();
  readonly #tlsTrouble = new TlsTrouble();

  constructor(private readonly desk: Desk) {}

  /**
   * @param fresh never one that was used before.
   * @param tls `required`: rejects where the connection cannot be encrypted.
   * @throws SourceMissing, or what the socket or the other server said.
   */
  async lease(binding: Binding, hop: Hop, fresh: boolean, tls: OutboundTls): Promise<OutboundSession> {
    const peer = peerOf(hop);
    // What was opened in the clear for want of TLS is not used any more once TLS is to be tried again.
    const use = tls === "ifavailable" && this.#tlsTrouble.isPlain(peer, performance.now()) ? "no" : tls;
    const idle = fresh ? undefined : this.#idle.get(keyOf(binding, hop, use))?.pop();
    if (idle !== undefined) {
      idle.resume();
      return idle;
    }
    try {
      const session = await this.#open(binding, hop, use);
      if (session.isEncrypted) this.#tlsTrouble.succeeded(peer);
      return session;
    } catch (error) {
      if (!(error instanceof TlsFailed)) throw error;
      const plainMs = tls === "required" ? 0 : this.#tlsTrouble.failed(peer, error.failure, performance.now());
      this.desk.count("tls-failed");
      this.desk.emit("tls-failed", "warn", {
        binding: binding.name,
        host: hop.host,
        peer,
        reason: error.message,
        plainSeconds: plainMs / 1_000,
      });
      if (plainMs === 0) throw error;
      // Opportunistic (RFC 7435): what cannot be encrypted still goes.
      return this.#open(binding, hop, "no");
    }
  }

  /** Closes connections of these bindings that nobody uses. */
  closeIdle(bindings: ReadonlySet<string>): void {
    for (const sessions of this.#idle.values()) {
      for (const session of sessions.filter(({ binding }) => bindings.has(binding))) session.quit();
    }
  }

  /** Destroys every socket of these bindings. When it resolves, the kernel has none of them. */
  async cut(bindings: Iterable<string>): Promise<void> {
    const closing: Promise<unknown>[] = [];
    for (const binding of bindings) {
      for (const socket of this.#sockets.get(binding) ?? []) {
        if (!socket.closed) closing.push(once(socket, "close").catch(() => undefined));
        socket.destroy();
      }
    }
    await Promise.all(closing);
  }

  bindings(): Iterable<string> {
    return this.#sockets.keys();
  }

  async #open(binding: Binding, hop: Hop, tls: OutboundTls): Promise<Session> {
    const socket = await this.#connect(binding, hop);
    const smtp = new SmtpClient({
      connection: socket,
      name: binding.ehloHostname ?? this.desk.config.mail.hostname,
      host: hop.host,
      greetingTimeout: GREETING_TIMEOUT_MS,
      logger: false,
      ...TLS_OPTIONS[tls],
    });
    const key = keyOf(binding, hop, tls);
    const session = new Session(smtp, socket, binding.name, hop, {
      park: (parked) => this.#park(key, parked),
      unpark: (parked) => this.#unpark(key, parked),
    });
    await greeted(smtp, socket).catch((error: unknown) => {
      socket.destroy();
      this.#requireSource(binding);
      // Errors of the socket during the handshake come without a code of their own.
      throw smtp.upgrading === true ? new TlsFailed(error) : error;
    });
    return session;
  }

  async #connect(binding: Binding, hop: Hop): Promise<Socket> {
    this.#requireSource(binding);
    const socket = connect({
      host: hop.address,
      port: hop.port,
      noDelay: true,
      ...(binding.address === null ? {} : { localAddress: binding.address }),
    });
    this.#track(binding.name, socket);
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error(`no answer from ${hop.address}:${hop.port}`)));
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was cut while it was made")));
    }).catch((error: unknown) => {
      if (isMissingSource(error)) throw new SourceMissing(`no ${binding.address} on this host`, { cause: error });
      this.#requireSource(binding);
      throw error;
    });
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    return socket;
  }

  /** A connection that ends because its address goes says nothing about the other host. */
  #requireSource(binding: Binding): void {
    if (!this.desk.places.mayDeliver(binding.name)) throw new SourceMissing(`${binding.name} is not served here`);
  }

  #track(binding: string, socket: Socket): void {
    const sockets = this.#sockets.get(binding) ?? new Set();
    this.#sockets.set(binding, sockets.add(socket));
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0 && this.#sockets.get(binding) === sockets) this.#sockets.delete(binding);
    });
  }

  #park(key: string, session: Session): boolean {
    if (!this.desk.places.mayDeliver(session.binding)) return false;
    const sessions = this.#idle.get(key);
    if (sessions === undefined) this.#idle.set(key, [session]);
    else sessions.push(session);
    return true;
  }

  #unpark(key: string, session: Session): void {
    const rest = this.#idle.get(key)?.filter((other) => other !== session) ?? [];
    if (rest.length > 0) this.#idle.set(key, rest);
    else this.#idle.delete(key);
  }
}

/** bind(2) says EADDRNOTAVAIL for an address that the host does not have; connect(2) says it for want of a port. */
function isMissingSource(error: unknown): boolean {
  return codeOf(error) === "EADDRNOTAVAIL" && error instanceof Error && "syscall" in error && error.syscall === "bind";
}

/** A connection that may be in the clear is none for mail that must not be. */
function keyOf(binding: Binding, hop: Hop, tls: OutboundTls): string {
  return `${binding.name}\n${hop.address}\n${hop.port}\n${tls}`;
}

function peerOf({ address, port }: Hop): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Certificates are not looked at: that would need DANE or MTA-STS (RFC 7672, RFC 8461). */
const TLS_TERMS = { rejectUnauthorized: false, minVersion: "TLSv1.2" } as const;
const TLS_OPTIONS = {
  ifavailable: { opportunisticTLS: true, tls: TLS_TERMS },
  required: { requireTLS: true, tls: TLS_TERMS },
  no: { ignoreTLS: true },
} satisfies Record<OutboundTls, object>;

/** OpenSSL said so: what the other side sent is no TLS, or is an alert. The rest are ends of the connection. */
function isTlsError(error: unknown): boolean {
  const { originalCode = "" } = error instanceof Error ? (error as Error & { readonly originalCode?: string }) : {};
  return /^ERR_(?:SSL|TLS|OSSL)_|^EPROTO$/.test(originalCode);
}

interface Parking {
  /** False when it must not be kept. */
  park(session: Session): boolean;
  unpark(session: Session): void;
}

class Session implements OutboundSession {
  readonly localAddress: string;
  reused = false;
  #open = true;
  #clean = true;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly smtp: SMTPConnection,
    private readonly socket: Socket,
    readonly binding: string,
    readonly hop: Hop,
    private readonly parking: Parking,
  ) {
    this.localAddress = socket.localAddress ?? "";
    smtp.on("error", () => undefined);
    smtp.once("end", () => this.#closed());
    // A socket that the library has let go of may still fail.
    socket.on("error", () => undefined);
  }

  get isEncrypted(): boolean {
    return this.smtp.secure;
  }

  async send(envelope: SMTPEnvelope, body: Readable, parameters: readonly string[]): Promise<SMTPConnectionSendInfo> {
    this.#clean = false;
    giveParameters(this.smtp, parameters);
    const result = await new Promise<SMTPConnectionSendInfo>((resolve, reject) => {
      this.smtp.send(envelope, body, (error, info) => (error ? reject(error) : resolve(info)));
    });
    this.#clean = true;
    return result;
  }

  async release(): Promise<void> {
    if (!this.#clean) this.#clean = await this.#reset();
    if (!this.#open) return;
    if (!this.#clean || !this.parking.park(this)) return this.quit();
    this.#timer = setTimeout(() => this.quit(), IDLE_MS);
    this.#timer.unref();
  }

  resume(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.reused = true;
  }

  quit(): void {
    this.#closed();
    this.smtp.quit();
    this.socket.destroySoon();
  }

  destroy(): void {
    this.#closed();
    this.smtp.close();
    this.socket.destroy();
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.parking.unpark(this);
  }

  /** A refused message leaves its sender behind at some servers. */
  #reset(): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#open) return resolve(false);
      const limit = setTimeout(() => this.destroy(), RESET_MS);
      const done = (clean: boolean) => {
        clearTimeout(limit);
        resolve(clean);
      };
      const ended = () => done(false);
      this.smtp.once("end", ended);
      this.smtp.reset((error) => {
        this.smtp.off("end", ended);
        done(!error);
      });
    });
  }
}
