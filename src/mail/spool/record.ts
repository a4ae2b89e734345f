/**
 * One message as it lies in the store, and the changes that may happen to it. Pure: record in, record out; the spool
 * makes each change one commit.
 *
 *   queued --beginDelivery--> delivering --settle--> queued, or gone as "done" once no recipient is left
 *   queued --beginMove------> moving ------cancelMove--> queued
 *                                   \------finishMove--> gone as "moved"
 */
import { HoldfastError } from "../../errors.js";
import { envelopeFault, isEnvelope } from "../envelope-rules.js";
import { hasFields } from "./codec.js";
import type { Waiting } from "./counts.js";
import { isMessageId } from "./id.js";
import type { NewMessage, RecipientState, SpooledMessage } from "./types.js";

export interface StoredBody {
  /** CRC-32 of the whole body. */
  readonly crc: number;
  /** File under bodies/, or null when the body lies in the store. */
  readonly file: string | null;
}

export interface MessageRecord {
  readonly message: SpooledMessage;
  readonly body: StoredBody;
}

/** Where a record stands in the indexes: its entries, and what it adds to the counts of its binding. */
export interface Standing {
  /** Recipients that nothing happens to now, with the earliest of their attempts; null when there is none. */
  readonly due: { readonly atMs: number; readonly rows: readonly Waiting[] } | null;
  /** Recipients whose delivery or move is under way. */
  readonly doubt: readonly Waiting[];
}

/** Keys of an LMDB entry are limited (511 to 1978 bytes); a binding's name is part of one. */
const BINDING = /^\P{Cc}{1,255}$/u;

/** Throws ERR_MESSAGE_MALFORMED when the message could not be kept as it is. */
export function newRecord(message: NewMessage, bodyBytes: number, body: StoredBody): MessageRecord {
  checkMessage(message);
  const states = message.recipients ?? message.envelope.recipients.map(() => queuedAt(message.context.receivedAtMs));
  const { id, envelope, binding, context } = message;
  return {
    message: { id, envelope, binding, context, bodyBytes, recipients: states, moving: null, delivering: [] },
    body,
  };
}

export function checkMessage(message: NewMessage): void {
  const states = message.recipients;
  if (!isMessageId(message.id)) throw malformed("its id is not one", message.id);
  checkBinding(message.binding, message.id);
  const fault = envelopeFault(message.envelope);
  if (fault !== null) throw malformed(fault, message.id);
  if (states === undefined) {
    if (!isTime(message.context.receivedAtMs)) throw malformed("its time of reception is not one", message.id);
    return;
  }
  if (states.length !== message.envelope.recipients.length)
    throw malformed("its recipients and their states differ in number", message.id);
  if (!states.every(isRecipientState)) throw malformed("a recipient's state is not one", message.id);
  if (!states.some((state) => state.state === "queued")) throw malformed("nothing of it is left to do", message.id);
}

export function checkBinding(binding: string, id: string): void {
  if (!BINDING.test(binding)) throw malformed("its binding is not a name of up to 255 characters", id);
}

export function delivering(record: MessageRecord, recipients: readonly number[]): MessageRecord | null {
  const { message } = record;
  const free = (index: number) => message.recipients[index]?.state === "queued" && !message.delivering.includes(index);
  if (message.moving !== null || !recipients.every(free)) return null;
  return changed(record, { delivering: [...message.delivering, ...recipients] });
}

export function checkOutcomes(id: string, outcomes: ReadonlyMap<number, RecipientState>): void {
  if (![...outcomes.values()].every(isRecipientState)) throw malformed("an outcome is not one", id);
}

export function settled(
  record: MessageRecord,
  outcomes: ReadonlyMap<number, RecipientState>,
): MessageRecord | "done" | null {
  const { message } = record;
  if (message.moving !== null) return null;
  const recipients = message.recipients.map((state, index) =>
    state.state === "queued" ? (outcomes.get(index) ?? state) : state,
  );
  if (recipients.every((state) => state.state === "done")) return "done";
  const left = outcomes.size === 0 ? [] : message.delivering.filter((index) => !outcomes.has(index));
  return changed(record, { recipients, delivering: left });
}

export function moving(record: MessageRecord, node: string, epoch: number): MessageRecord | null {
  const { message } = record;
  if (message.delivering.length > 0) return null;
  if (message.moving !== null && message.moving.node !== node) return null;
  return changed(record, { moving: { node, epoch } });
}

export function changed(record: MessageRecord, change: Partial<SpooledMessage>): MessageRecord {
  return { message: { ...record.message, ...change }, body: record.body };
}

export function standing(message: SpooledMessage): Standing {
  const due = new Rows();
  const doubt = new Rows();
  const underWay = new Set(message.delivering);
  let atMs = Infinity;
  message.recipients.forEach((state, index) => {
    if (state.state !== "queued") return;
    const domain = domainOf(message.envelope.recipients[index]?.address ?? "");
    if (message.moving !== null || underWay.has(index)) {
      doubt.add(domain, 0);
    } else {
      due.add(domain, state.nextAttemptMs);
      atMs = Math.min(atMs, state.nextAttemptMs);
    }
  });
  return { due: atMs === Infinity ? null : { atMs, rows: due.list() }, doubt: doubt.list() };
}

/** Lower case, without the dot of the root; "" for an address without a domain (RFC 5321: only <postmaster>). */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : address.slice(at + 1).toLowerCase();
}

/** Checks a value that came from the disk. @returns null when it is not a record of message `id`. */
export function readRecord(value: unknown, id: string): MessageRecord | null {
  return isRecord(value) && value.message.id === id ? value : null;
}

function isRecord(value: unknown): value is MessageRecord {
  if (!hasFields(value) || !hasFields(value["message"]) || !hasFields(value["body"])) return false;
  const { message, body } = value;
  const { envelope, context, recipients, delivering: underWay, moving: offer } = message;
  return (
    typeof message["binding"] === "string" &&
    Number.isSafeInteger(message["bodyBytes"]) &&
    isEnvelope(envelope) &&
    Array.isArray(recipients) &&
    recipients.length === envelope.recipients.length &&
    recipients.every(isRecipientState) &&
    Array.isArray(underWay) &&
    underWay.every((index) => recipients[index] !== undefined) &&
    (offer === null || (hasFields(offer) && typeof offer["node"] === "string")) &&
    hasFields(context) &&
    Number.isSafeInteger(context["hops"]) &&
    Number.isSafeInteger(body["crc"]) &&
    (body["file"] === null || typeof body["file"] === "string")
  );
}

/** Recipients of one domain and time are one row. */
class Rows {
  readonly #rows = new Map<string, { domain: string; atMs: number; recipients: number }>();

  add(domain: string, atMs: number): void {
    const key = `${atMs} ${domain}`;
    const row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, { domain, atMs, recipients: 1 });
    else row.recipients++;
  }

  list(): readonly Waiting[] {
    return [...this.#rows.values()];
  }
}

function queuedAt(nextAttemptMs: number): RecipientState {
  return { state: "queued", attempts: 0, nextAttemptMs, lastError: null };
}

export function isRecipientState(value: unknown): value is RecipientState {
  if (!hasFields(value)) return false;
  if (value["state"] === "queued") return Number.isSafeInteger(value["attempts"]) && isTime(value["nextAttemptMs"]);
  return value["state"] === "done" && typeof value["outcome"] === "string";
}

/** Milliseconds as a key can carry them. */
function isTime(ms: unknown): boolean {
  return typeof ms === "number" && Number.isSafeInteger(ms) && ms >= 0;
}

function malformed(why: string, id: string): HoldfastError {
  return new HoldfastError("ERR_MESSAGE_MALFORMED", `cannot spool message ${JSON.stringify(id.slice(0, 40))}: ${why}`);
}
