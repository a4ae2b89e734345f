/** Queues notices of failure (DSN) for recipients that are given up. */
import { explain } from "../errors.js";
import { ByteReader } from "./byte-reader.js";
import { type Desk, reportReception } from "./desk.js";
import { type Failure, failureNotice, type Notice, wantsFailureNotice } from "./dsn.js";
import { HEAD_MAX } from "./message-head.js";
import type { Outcome } from "./reply.js";
import type { NewMessage, RecipientState, SpooledMessage } from "./spool/types.js";

/** A message up to this size goes back whole when RET asks for that; of a larger one the header section does. */
const FULL_MAX = 64 * 1024;

export class FailureNotices {
  constructor(private readonly desk: Desk) {}

  /** Queues one notice for all recipients in `states` that are given up and whose failure the sender wants to hear of.
   * Rejects when the spool does. */
  async tell(
    message: SpooledMessage,
    states: ReadonlyMap<number, RecipientState>,
    outcomes: ReadonlyMap<number, Outcome & { readonly peer: string | null }>,
  ): Promise<void> {
    const failures: Failure[] = [];
    for (const [index, state] of states) {
      const recipient = message.envelope.recipients[index];
      const outcome = outcomes.get(index);
      if (recipient === undefined || outcome === undefined) continue;
      if (state.state !== "done" || state.outcome === "delivered") continue;
      if (!wantsFailureNotice(message.envelope.from, recipient.notify)) continue;
      const expired = state.outcome === "expired";
      failures.push({
        recipient,
        status: expired ? "5.4.7" : outcome.status.replace(/^4/, "5"),
        text: expired ? `delivery time expired; last: ${outcome.text}` : outcome.text,
        remote: outcome.remote ? outcome.peer : null,
      });
    }
    if (failures.length > 0) await this.#queue(message, failures);
  }

  async #queue(message: SpooledMessage, failures: readonly Failure[]): Promise<void> {
    const { desk } = this;
    const { envelope } = message;
    const id = desk.spool.newId();
    const atMs = Date.now();
    const bytes = failureNotice({
      id,
      atMs,
      hostname: desk.config.mail.hostname,
      message,
      failures,
      returned: await this.#returned(message),
    });
    const notice: NewMessage = {
      id,
      envelope: {
        from: "",
        body: envelope.body,
        smtpUtf8: envelope.smtpUtf8,
        ret: null,
        envid: null,
        recipients: [{ address: envelope.from, notify: "NEVER", orcpt: null }],
      },
      binding: "default",
      context: {
        receivedAtMs: atMs,
        expiresAtMs: atMs + desk.config.mail.messageExpirationMs,
        listener: null,
        client: null,
        hops: 0,
      },
    };
    await desk.spool.accept(notice, once(bytes));
    desk.count("notices");
    reportReception(desk, notice, bytes.length, { protocol: "dsn", about: message.id });
  }

  /** null when the body cannot be read: the sender hears of the failure all the same. */
  async #returned(message: SpooledMessage): Promise<Notice["returned"]> {
    try {
      return await this.#read(message);
    } catch (error) {
      this.desk.emit("body-unreadable", "error", { id: message.id, binding: message.binding, reason: explain(error) });
      return null;
    }
  }

  async #read(message: SpooledMessage): Promise<NonNullable<Notice["returned"]>> {
    const full = message.envelope.ret === "FULL" && message.bodyBytes <= FULL_MAX;
    const reader = new ByteReader(await this.desk.spool.openBody(message.id));
    if (!full) return { full, bytes: (await reader.readThrough("\r\n\r\n", HEAD_MAX)) ?? Buffer.alloc(0) };
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader.rest()) chunks.push(chunk);
    return { full, bytes: Buffer.concat(chunks) };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
