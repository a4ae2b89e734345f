/**
 * The receiving side of SMTP: who may relay, what a transaction is made of, which binding it belongs to, and when 250 is
 * said: once the spool has it on disk, and not before.
 */
import { readFileSync } from "node:fs";
import { BlockList, isIPv6 } from "node:net";
import type { SMTPServerDataStream, SMTPServerSession } from "smtp-server";
import type { Listen } from "../config/types.js";
import { explain, HoldfastError } from "../errors.js";
import { chooseBinding, type Directory, listenerBinding } from "./binding-choice.js";
import { ByteReader } from "./byte-reader.js";
import { type Desk, reportReception } from "./desk.js";
import { MAX_RECIPIENTS, recipientFault, senderFault } from "./envelope-rules.js";
import { guarded } from "./line-ends.js";
import { Listener, type Profile } from "./listener.js";
import { HEAD_MAX, readHead, traceField } from "./message-head.js";
import { Refusal } from "./refusal.js";
import { SmtpFace, type SmtpSession } from "./smtp-face.js";
import { readPathCommand } from "./smtp-line.js";
import type { Envelope, EnvelopeRecipient, NewMessage } from "./spool/types.js";

/** RFC 5321 section 6.3. */
const MAX_TRACE_FIELDS = 100;

interface Transaction {
  readonly from: string;
  readonly body: Envelope["body"];
  readonly smtpUtf8: boolean;
  readonly ret: Envelope["ret"];
  readonly envid: string | null;
  /** By address, exactly. */
  readonly recipients: Map<string, EnvelopeRecipient>;
}

export class Reception {
  /** One for each set of listener settings that smtp-server holds in the server rather than in the session. */
  readonly #profiles = new Map<string, Profile>();
  readonly #transactions = new WeakMap<object, Transaction>();
  readonly #turns = new Map<string, number>();
  readonly #directory: Directory;

  constructor(private readonly desk: Desk) {
    const { config, places } = desk;
    const groups = new Map(config.bindingGroups.map((group) => [group.name, group]));
    this.#directory = {
      hasBinding: (name) => places.binding(name) !== undefined,
      members: (name) => {
        const group = groups.get(name);
        if (group === undefined) return null;
        return group.bindings.map((member) => ({
          name: member,
          suspended: group.suspended || places.binding(member)?.suspended === true,
          local: places.mayDeliver(member),
        }));
      },
      turn: (name) => {
        const turn = this.#turns.get(name) ?? 0;
        this.#turns.set(name, turn + 1);
        return turn;
      },
      random: Math.random,
    };
  }

  /** Throws ERR_LISTEN when a certificate or key cannot be read. */
  listener(listen: Listen): Listener {
    const name = listen.ehloHostname ?? this.#bindingOf(listen)?.ehloHostname ?? this.desk.config.mail.hostname;
    return new Listener(listen, name, this.#profileOf(listen), this.desk);
  }

  #bindingOf(listen: Listen) {
    const name = listenerBinding(listen, listen.endpoint.host, (address) => this.desk.places.bindingsOn(address));
    return name === null ? undefined : this.desk.places.binding(name);
  }

  #profileOf(listen: Listen): Profile {
    const key = JSON.stringify([listen.relayHosts, listen.tls, listen.maxMessageBytes, listen.idleTimeoutMs]);
    const known = this.#profiles.get(key);
    if (known !== undefined) return known;
    const relays = blockList(listen.relayHosts);
    const face: SmtpFace = new SmtpFace(
      {
        size: listen.maxMessageBytes,
        socketTimeout: listen.idleTimeoutMs,
        maxRecipients: MAX_RECIPIENTS,
        ...tlsOptions(listen),
        onMailFrom: (_address, session, done) => this.#answer(done, () => this.#mail(sessionOf(face, session))),
        onRcptTo: (_address, session, done) => this.#answer(done, () => this.#rcpt(sessionOf(face, session))),
        onData: (stream, session, done) => {
          this.#data(stream, session, sessionOf(face, session)).then(
            (text) => done(null, text),
            (error: Error) => done(error),
          );
        },
      },
      (name) => this.desk.count(name),
    );
    const mayRelay = (client: string) => relays.check(client, isIPv6(client) ? "ipv6" : "ipv4");
    const profile = { face, mayRelay };
    this.#profiles.set(key, profile);
    return profile;
  }

  #answer(done: (error?: Error | null) => void, step: () => void): void {
    try {
      step();
      done();
    } catch (error) {
      if (error instanceof Refusal) this.desk.count(`refused-${error.reason}`);
      done(error instanceof Error ? error : new Refusal(451, "4.3.0", "local trouble", "trouble"));
    }
  }

  #mail(session: SmtpSession): void {
    if (session.listener.draining) throw new Refusal(421, "4.3.2", "this address is closing; come again", "draining");
    const { path, parameters } = readPathCommand(session.line);
    const smtpUtf8 = parameters.has("SMTPUTF8");
    requireUtf8(path, smtpUtf8);
    const sender = {
      from: path,
      body: bodyOf(parameters.get("BODY")?.toUpperCase()),
      smtpUtf8,
      ret: retOf(parameters.get("RET")?.toUpperCase()),
      envid: parameters.get("ENVID") ?? null,
    };
    const fault = senderFault(sender);
    if (fault !== null) throw new Refusal(501, "5.1.7", fault, "envelope");
    this.#transactions.set(session.session.envelope, { ...sender, recipients: new Map() });
  }

  #rcpt(session: SmtpSession): void {
    const transaction = this.#transactions.get(session.session.envelope);
    if (transaction === undefined) throw new Refusal(503, "5.5.1", "need MAIL command", "order");
    const { path, parameters } = readPathCommand(session.line);
    requireUtf8(path, transaction.smtpUtf8);
    if (transaction.recipients.has(path)) return;
    const notify = parameters.get("NOTIFY") ?? null;
    const recipient = { address: path, notify, orcpt: parameters.get("ORCPT") ?? null };
    const fault = recipientFault(recipient);
    if (fault !== null) throw new Refusal(501, "5.1.3", fault, "envelope");
    transaction.recipients.set(path, recipient);
  }

  async #data(stream: SMTPServerDataStream, facts: SMTPServerSession, session: SmtpSession): Promise<string> {
    const transaction = this.#transactions.get(facts.envelope);
    session.messageBegan();
    // Not destroyed on an error: that would make smtp-server reply before the end of the data.
    const chunks = stream.iterator({ destroyOnReturn: false });
    try {
      if (transaction === undefined) throw new Refusal(503, "5.5.1", "need MAIL command", "order");
      const message = await this.#accept(chunks, transaction, facts, session);
      return `2.6.0 ${message.id} queued`;
    } catch (error) {
      throw this.#refusal(error, session);
    } finally {
      // smtp-server replies at the end of the data, so what was not read has to pass.
      await chunks.return?.();
      stream.resume();
      session.messageEnded();
    }
  }

  async #accept(
    chunks: AsyncIterable<Uint8Array>,
    transaction: Transaction,
    facts: SMTPServerSession,
    session: SmtpSession,
  ): Promise<NewMessage> {
    const { desk } = this;
    const reader = new ByteReader(guarded(chunks, session.listener.listen.maxMessageBytes));
    const top = await reader.readThrough("\r\n\r\n", HEAD_MAX);
    const rest = reader.rest();
    const opening = top === null ? await firstOf(rest) : top;
    const head = readHead(opening.subarray(0, HEAD_MAX), desk.config.mail.bindingHeader);
    if (head.received > MAX_TRACE_FIELDS) throw new Refusal(554, "5.4.6", "too many hops", "loop");

    const id = desk.spool.newId();
    const atMs = Date.now();
    const { recipients, ...sender } = transaction;
    const message: NewMessage = {
      id,
      envelope: { ...sender, recipients: [...recipients.values()] },
      binding: this.#binding(session, head.value, id),
      context: {
        receivedAtMs: atMs,
        expiresAtMs: atMs + desk.config.mail.messageExpirationMs,
        listener: label(session),
        client: session.remoteAddress,
        hops: 0,
      },
    };
    const trace = traceField({
      helo: facts.hostNameAppearsAs,
      client: session.remoteAddress,
      by: session.name,
      protocol: facts.secure ? "ESMTPS" : "ESMTP",
      id,
      atMs,
    });
    const counted = { bytes: 0 };
    await desk.spool.accept(message, counting([trace, opening], rest, counted));
    this.#record(message, counted.bytes);
    return message;
  }

  #binding(session: SmtpSession, header: string | null, id: string): string {
    const { config, places } = this.desk;
    const listener = listenerBinding(session.listener.listen, session.localAddress, (on) => places.bindingsOn(on));
    const choice = chooseBinding(listener, header, this.#directory);
    if (choice.unknown !== null) {
      this.desk.emit("binding-unknown", "warn", { id, name: choice.unknown, binding: choice.binding });
    }
    const unassigned = listener === null && (header === null || choice.unknown !== null);
    if (unassigned && config.mail.defaultBinding === "none") {
      throw new Refusal(451, "4.3.5", "no binding for this message", "no-binding");
    }
    return choice.binding;
  }

  #record(message: NewMessage, bytes: number): void {
    const { desk } = this;
    const { client, listener } = message.context;
    desk.count("accepted");
    desk.count("accepted-recipients", message.envelope.recipients.length);
    reportReception(desk, message, bytes, { protocol: "smtp", client: client ?? "", listener: listener ?? "" });
  }

  #refusal(error: unknown, session: SmtpSession): Error {
    const { desk } = this;
    if (error instanceof Refusal) {
      desk.count(`refused-${error.reason}`);
      desk.emit("rejection", "info", {
        client: session.remoteAddress,
        listener: label(session),
        reason: error.message,
      });
      return error;
    }
    if (error instanceof HoldfastError) {
      desk.count("refused-spool");
      desk.emit("spool-trouble", "error", { reason: explain(error), error: error.code });
      return new Refusal(452, "4.3.1", "the queue cannot take mail now; come again", "spool");
    }
    // The client went away before the end of its message: nobody hears the reply.
    desk.count("refused-cut-off");
    return new Refusal(451, "4.4.2", "connection lost", "cut-off");
  }
}

function sessionOf(face: SmtpFace, session: SMTPServerSession): SmtpSession {
  const found = face.sessionOf(session.id);
  if (found === undefined) throw new Refusal(421, "4.4.2", "connection lost", "cut-off");
  return found;
}

function bodyOf(text: string | undefined): Envelope["body"] {
  return text === "7BIT" || text === "8BITMIME" ? text : null;
}

function retOf(text: string | undefined): Envelope["ret"] {
  return text === "FULL" || text === "HDRS" ? text : null;
}

function label(session: SmtpSession): string {
  return `${session.localAddress}:${session.localPort}`;
}

/** RFC 6531 section 3.3: an address outside ASCII needs SMTPUTF8. */
function requireUtf8(path: string, declared: boolean): void {
  // oxlint-disable-next-line no-control-regex -- ASCII is what the rule is about
  if (!declared && /[^\x00-\x7f]/.test(path)) throw new Refusal(553, "5.6.7", "this address needs SMTPUTF8", "utf8");
}

/** @param blocks CIDR blocks or single addresses. */
function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", bits] = block.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function tlsOptions(listen: Listen) {
  if (listen.tls === null) return { disabledCommands: ["STARTTLS"] };
  const { certificateFile, keyFile } = listen.tls;
  try {
    return { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
  } catch (cause) {
    const { host, port } = listen.endpoint;
    const facts = { host, port, certificateFile, keyFile };
    throw new HoldfastError("ERR_LISTEN", `cannot read the TLS certificate of ${host}:${port}`, facts, { cause });
  }
}

async function firstOf(chunks: AsyncGenerator<Uint8Array>): Promise<Buffer> {
  const first = await chunks.next();
  return first.done === true ? Buffer.alloc(0) : Buffer.from(first.value);
}

async function* counting(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
  counted: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for (const chunk of first) {
    counted.bytes += chunk.length;
    yield chunk;
  }
  for await (const chunk of rest) {
    counted.bytes += chunk.length;
    yield chunk;
  }
}
