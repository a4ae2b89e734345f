/**
 * One delivery: the recipients of one message in one domain, over SMTP, from the address of their binding, and what
 * came of it on disk before anybody hears of it.
 */
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { SMTPEnvelope } from "nodemailer/lib/smtp-connection";
import type { Binding, DomainRoute, OutboundTls } from "../config/types.js";
import { explain } from "../errors.js";
import { type Desk, domainOf, groupOf } from "./desk.js";
import { isOutOfDescriptors } from "./errno.js";
import type { FailureNotices } from "./failure-notices.js";
import { familyOf, findHops, type Hop, type MailDns, NoHop, routeOf } from "./next-hop.js";
import { type OutboundPool, type OutboundSession, SourceMissing } from "./outbound-pool.js";
import { delivered, isConnectionLost, type Outcome, outcomeOfError, refusedRecipients } from "./reply.js";
import { recipientParameters, transactions } from "./recipients.js";
import { nextAttempt, spreadOf } from "./retry.js";
import { decodeXtext } from "./smtp-line.js";
import { isDamagedBody } from "./spool/damaged-body.js";
import type { RecipientState, SpooledMessage } from "./spool/types.js";

/** Between attempts to record an outcome on a disk that fails. */
const SETTLE_RETRY_MS = 1_000;

/** Outcome of one recipient, and where it was met. */
interface Settled extends Outcome {
  readonly peer: string | null;
  readonly local: string | null;
  /** This node ended it, because the address goes or mail stops: no fault of the message, which stays due. */
  readonly cut?: true;
}

interface BodyProgress {
  started: boolean;
  finished: boolean;
  superseded: boolean;
  /** Why the body could not be read. */
  unreadable: unknown;
}

export class Courier {
  readonly #domains: ReadonlyMap<string, DomainRoute>;
  #stopped = false;

  constructor(
    private readonly desk: Desk,
    private readonly pool: OutboundPool,
    private readonly dns: MailDns,
    private readonly notices: FailureNotices,
  ) {
    this.#domains = new Map(desk.config.domains.map((domain) => [domain.name, domain]));
  }

  isSuspended(domain: string): boolean {
    return this.#domains.get(domain)?.suspended === true;
  }

  /** No outcome that cannot be recorded is waited for any longer. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Delivers what is due of a message in a domain. Never rejects for what the other side does.
   *
   * @throws SourceMissing when the binding's address is not on this host: what was not sent is due as before.
   */
  async deliver(id: string, binding: Binding, domain: string): Promise<void> {
    const message = this.desk.spool.get(id);
    if (message === null || message.moving !== null || message.binding !== binding.name) return;
    const due = dueRecipients(message, domain, Date.now());
    if (due.length === 0) return;
    /** Without an outcome yet. */
    const open = new Set(due);
    try {
      const route = routeOf(this.#domains.get(domain), this.desk.config.mail.gateway);
      const hops = await findHops(domain, route, familyOf(binding.address), this.dns, Math.random);
      for (const batch of transactions(message, due)) {
        const outcomes = await this.#transaction(message, binding, batch, hops);
        for (const index of batch) open.delete(index);
        // Before the next one begins: a crash then puts only that one in doubt.
        await this.#conclude(message, domain, outcomes);
      }
    } catch (error) {
      if (isOwnTrouble(error)) throw error;
      const outcome = error instanceof NoHop ? outcomeOfNoHop(error) : local(explain(error));
      await this.#conclude(message, domain, new Map([...open].map((index) => [index, outcome])));
    }
  }

  /** Tries one address after the other until one answers. */
  async #transaction(
    message: SpooledMessage,
    binding: Binding,
    batch: readonly number[],
    hops: readonly Hop[],
  ): Promise<ReadonlyMap<number, Settled>> {
    let last: Settled = local("no server answered");
    for (const hop of hops) {
      for (const fresh of [false, true]) {
        const attempt = await this.#attempt(message, binding, batch, hop, fresh);
        if (attempt.outcomes !== null) return attempt.outcomes;
        last = attempt.trouble;
        // A kept connection may have been closed at the other end: that is no answer of the host.
        if (!attempt.reused) break;
      }
    }
    return new Map(batch.map((index) => [index, last]));
  }

  async #attempt(
    message: SpooledMessage,
    binding: Binding,
    batch: readonly number[],
    hop: Hop,
    fresh: boolean,
  ): Promise<
    | { readonly outcomes: ReadonlyMap<number, Settled> }
    | { readonly outcomes: null; readonly trouble: Settled; readonly reused: boolean }
  > {
    let session: OutboundSession;
    try {
      session = await this.pool.lease(binding, hop, fresh, this.#tlsFor(message, batch));
    } catch (error) {
      if (isOwnTrouble(error)) throw error;
      // A server that will not talk at all is not the last word: the next one is asked (RFC 5321 section 5.1).
      const outcome = outcomeOfError(error);
      const trouble: Settled = { ...outcome, kind: "temporary", peer: hop.address, local: binding.address };
      return { outcomes: null, trouble, reused: false };
    }
    const where = { peer: hop.address, local: session.localAddress };
    this.desk.activity.used(session.localAddress);
    const body = this.#body(message, batch);
    try {
      const result = await session.send(envelopeOf(message, batch), body.stream, recipientParameters(message, batch));
      const refused = refusedRecipients(result);
      const good = delivered(result.response);
      await session.release();
      return { outcomes: byAddress(message, batch, (address) => ({ ...(refused.get(address) ?? good), ...where })) };
    } catch (error) {
      if (isConnectionLost(error)) session.destroy();
      else await session.release();
      if (body.progress.superseded) return { outcomes: new Map() };
      const { unreadable } = body.progress;
      if (unreadable !== null) {
        this.#unreadable(message, unreadable);
        const outcome = { ...outcomeOfUnreadable(unreadable), ...where };
        return { outcomes: new Map(batch.map((index) => [index, outcome])) };
      }
      if (isConnectionLost(error) && !body.progress.started) {
        return { outcomes: null, trouble: { ...outcomeOfError(error), ...where }, reused: session.reused };
      }
      if (isConnectionLost(error) && body.progress.finished) this.#inDoubt(message, batch);
      const refused = refusedRecipients(error);
      const cut = this.#stopped || !this.desk.places.mayDeliver(binding.name);
      const all = cut && isConnectionLost(error) ? { ...outcomeOfError(error), cut } : outcomeOfError(error);
      return { outcomes: byAddress(message, batch, (address) => ({ ...(refused.get(address) ?? all), ...where })) };
    }
  }

  /** A transaction is for one domain. */
  #tlsFor(message: SpooledMessage, batch: readonly number[]): OutboundTls {
    const domain = domainOf(message.envelope.recipients[batch[0] ?? 0]?.address ?? "");
    return this.#domains.get(domain)?.tls ?? this.desk.config.mail.tls;
  }

  /** Read once the other side asked for it, so that a refused envelope costs no commit. */
  #body(message: SpooledMessage, batch: readonly number[]) {
    const { spool } = this.desk;
    const progress: BodyProgress = { started: false, finished: false, superseded: false, unreadable: null };
    async function* read(): AsyncGenerator<Uint8Array> {
      if (!(await spool.beginDelivery(message.id, batch))) {
        progress.superseded = true;
        throw new Error("the message is gone or in other hands");
      }
      progress.started = true;
      try {
        // An error of the stream that takes the chunks ends this generator from outside, without an exception here.
        for await (const chunk of await spool.openBody(message.id)) yield chunk;
      } catch (error) {
        progress.unreadable = error;
        throw error;
      }
      progress.finished = true;
    }
    return { stream: Readable.from(read(), { objectMode: false }), progress };
  }

  #unreadable(message: SpooledMessage, error: unknown): void {
    this.desk.count("body-unreadable");
    this.desk.emit("body-unreadable", "error", { id: message.id, binding: message.binding, reason: explain(error) });
  }

  #inDoubt(message: SpooledMessage, batch: readonly number[]): void {
    this.desk.count("in-doubt");
    this.desk.emit("delivery-in-doubt", "warn", {
      id: message.id,
      binding: message.binding,
      recipients: batch.map((index) => message.envelope.recipients[index]?.address).join(" "),
      reason: "the connection ended before the reply to the final dot",
    });
  }

  async #conclude(message: SpooledMessage, domain: string, settled: ReadonlyMap<number, Settled>): Promise<void> {
    if (settled.size === 0) return;
    const states = new Map<number, RecipientState>();
    // One moment for all, so that those that failed together stay in one transaction.
    const now = Date.now();
    for (const [index, outcome] of settled) states.set(index, this.#stateOf(message, index, outcome, now));
    await this.#firmly(message.id, async () => {
      await this.notices.tell(message, states, settled);
      await this.desk.spool.settle(message.id, states);
    });
    for (const [index, outcome] of settled) this.#report(message, domain, index, outcome, states.get(index));
  }

  /** An outcome has to get to disk: without it the message would be delivered again. */
  async #firmly(id: string, record: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await record();
      } catch (error) {
        this.desk.emit("spool-trouble", "error", { id, reason: explain(error) });
        if (this.#stopped) return;
        await delay(SETTLE_RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #stateOf(message: SpooledMessage, index: number, outcome: Settled, now: number): RecipientState {
    const before = message.recipients[index];
    const made = before?.state === "queued" ? before.attempts : 0;
    const attempts = made + 1;
    if (outcome.cut) return { state: "queued", attempts: made, nextAttemptMs: now, lastError: outcome.text };
    if (outcome.kind === "delivered") return { state: "done", outcome: "delivered", detail: outcome.text };
    if (outcome.kind === "permanent") return { state: "done", outcome: "failed", detail: outcome.text };
    const { expiresAtMs } = message.context;
    if (now >= expiresAtMs) return { state: "done", outcome: "expired", detail: outcome.text };
    const nextAttemptMs = nextAttempt(now, attempts, expiresAtMs, this.desk.config.mail, spreadOf(message.id));
    return { state: "queued", attempts, nextAttemptMs, lastError: outcome.text };
  }

  #report(
    message: SpooledMessage,
    domain: string,
    index: number,
    outcome: Settled,
    state: RecipientState | undefined,
  ): void {
    const { desk } = this;
    const before = message.recipients[index];
    const facts = {
      id: message.id,
      group: groupOf(desk, message.binding),
      binding: message.binding,
      recipient: message.envelope.recipients[index]?.address ?? "",
      domain,
      bytes: message.bodyBytes,
      peer: outcome.peer ?? "",
      local: outcome.local ?? "",
      attempts: (before?.state === "queued" ? before.attempts : 0) + 1,
      seconds: Math.round((Date.now() - message.context.receivedAtMs) / 1000),
      text: outcome.text,
    };
    if (state?.state === "queued") {
      desk.count("deferred");
      desk.emit("transfail", "warn", { ...facts, nextAttemptMs: state.nextAttemptMs });
    } else if (state?.outcome === "delivered") {
      desk.count("delivered");
      desk.emit("delivery", "info", facts);
    } else {
      desk.count("failed");
      desk.emit("permfail", "warn", { ...facts, expired: state?.outcome === "expired" });
    }
  }
}

function dueRecipients(message: SpooledMessage, domain: string, now: number): number[] {
  return message.recipients.flatMap((state, index) =>
    state.state === "queued" &&
    state.nextAttemptMs <= now &&
    domainOf(message.envelope.recipients[index]?.address ?? "") === domain
      ? [index]
      : [],
  );
}

function envelopeOf(message: SpooledMessage, batch: readonly number[]): SMTPEnvelope {
  const { envelope } = message;
  const recipients = batch.flatMap((index) => envelope.recipients[index] ?? []);
  return {
    from: envelope.from,
    to: recipients.map((recipient) => recipient.address),
    size: message.bodyBytes,
    use8BitMime: envelope.body === "8BITMIME",
    dsn: {
      ret: envelope.ret,
      envid: envelope.envid === null ? null : decodeXtext(envelope.envid),
    },
  };
}

function byAddress(
  message: SpooledMessage,
  batch: readonly number[],
  outcome: (address: string) => Settled,
): ReadonlyMap<number, Settled> {
  return new Map(batch.map((index) => [index, outcome(message.envelope.recipients[index]?.address ?? "")]));
}

function outcomeOfNoHop(error: NoHop): Settled {
  const kind = error.permanent ? "permanent" : "temporary";
  return { kind, text: explain(error), status: error.status, remote: false, peer: null, local: null };
}

/** What cannot be read now may be read later; what is damaged or gone may not. */
function outcomeOfUnreadable(error: unknown): Pick<Settled, "kind" | "text" | "status" | "remote"> {
  const text = `the message could not be read from the queue: ${explain(error)}`;
  return { kind: isDamagedBody(error) ? "permanent" : "temporary", text, status: "5.3.0", remote: false };
}

function local(text: string): Settled {
  return { kind: "temporary", text, status: "4.3.0", remote: false, peer: null, local: null };
}

/** Nothing was asked of any other server: the message is due still. */
function isOwnTrouble(error: unknown): boolean {
  return error instanceof SourceMissing || isOutOfDescriptors(error);
}
