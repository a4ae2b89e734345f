/**
 * What two nodes say to each other to move mail, as text: pure. docs/PROTOCOL-MMOVE.md is the description.
 *
 * Everything that is parsed comes from a peer that holds the cluster key, and is checked all the same: what does not
 * fit is null, never an exception and never half a value.
 */
import { isEnvelope } from "./envelope-rules.js";
import { isRecipientState } from "./spool/record.js";
import { isMessageId } from "./spool/id.js";
import type { Context, MessageId, NewMessage, RecipientState } from "./spool/types.js";

export const MMOVE_VERSION = 1;
/** Longest line before SMTP begins. */
export const LINE_MAX = 8_192;
/** Longest prologue: a thousand recipients with all their parameters and last errors, each as long as it may be. */
export const PROLOGUE_MAX = 8 * 1024 * 1024;
/** Facts of a message's context: ten times what there are. */
const CONTEXT_KEYS_MAX = 100;
/** Ids in one QUERY, so that it and its answer fit a line. */
export const QUERY_MAX = 100;

export interface Asked {
  readonly id: MessageId;
  /** Hops with which the message was offered. */
  readonly hops: number;
}

export type Hello =
  | { readonly verb: "MMOVE"; readonly node: string }
  | { readonly verb: "QUERY"; readonly node: string; readonly asked: readonly Asked[] };

/** "busy": its reception is under way; ask again. */
export type Fate = "queued" | "moved" | "done" | "unknown" | "busy";

export type Answer =
  | { readonly verb: "GO"; readonly node: string }
  | { readonly verb: "NO"; readonly reason: string }
  | { readonly verb: "FATE"; readonly fates: ReadonlyMap<MessageId, Fate> };

const FATES: ReadonlySet<string> = new Set(["queued", "moved", "done", "unknown", "busy"]);

function isFate(text: string): text is Fate {
  return FATES.has(text);
}

export function helloLine(hello: Hello): string {
  const head = `${hello.verb} ${MMOVE_VERSION} node=${encodeURIComponent(hello.node)}`;
  if (hello.verb === "MMOVE") return `${head}\n`;
  return `${head} ids=${hello.asked.map(({ id, hops }) => `${id}:${hops}`).join(",")}\n`;
}

/** @param line without its end. @returns null for anything that is not a request of this version. */
export function parseHello(line: string): Hello | null {
  const [verb, version, ...words] = line.split(" ");
  if (version !== String(MMOVE_VERSION)) return null;
  const fields = fieldsOf(words);
  const node = fields.get("node");
  if (node === undefined || node === "") return null;
  if (verb === "MMOVE") return { verb, node };
  if (verb !== "QUERY") return null;
  const asked: Asked[] = [];
  for (const item of (fields.get("ids") ?? "").split(",")) {
    const [id = "", hops = ""] = item.split(":");
    if (!isMessageId(id) || !/^\d{1,6}$/.test(hops)) return null;
    asked.push({ id, hops: Number(hops) });
  }
  return asked.length <= QUERY_MAX ? { verb, node, asked } : null;
}

export function answerLine(answer: Answer): string {
  switch (answer.verb) {
    case "GO":
      return `GO ${MMOVE_VERSION} node=${encodeURIComponent(answer.node)}\n`;
    case "NO":
      return `NO ${MMOVE_VERSION} reason=${encodeURIComponent(answer.reason)}\n`;
    case "FATE":
      return `FATE ${MMOVE_VERSION} ids=${[...answer.fates].map(([id, fate]) => `${id}:${fate}`).join(",")}\n`;
  }
}

export function parseAnswer(line: string): Answer | null {
  const [verb, , ...words] = line.split(" ");
  const fields = fieldsOf(words);
  if (verb === "GO") return { verb, node: fields.get("node") ?? "" };
  if (verb === "NO") return { verb, reason: fields.get("reason") ?? "" };
  if (verb !== "FATE") return null;
  const fates = new Map<MessageId, Fate>();
  for (const item of (fields.get("ids") ?? "").split(",")) {
    const [id = "", fate = ""] = item.split(":");
    if (!isMessageId(id) || !isFate(fate)) return null;
    fates.set(id, fate);
  }
  return { verb, fates };
}

function fieldsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals <= 0) continue;
    try {
      fields.set(word.slice(0, equals), decodeURIComponent(word.slice(equals + 1)));
    } catch {
      // A malformed escape: the field is not there.
    }
  }
  return fields;
}

/** The SMTP recipient that stands for a message on its way. RFC 2606 keeps the domain out of the world. */
export function recipientOf(id: MessageId): string {
  return `${id}@mmove.invalid`;
}

export function idOfRecipient(address: string): MessageId | null {
  const id = address.slice(0, address.indexOf("@"));
  return address.endsWith("@mmove.invalid") && isMessageId(id) ? id : null;
}

/** What goes in front of a message: one line of JSON in ASCII. */
export interface Prologue {
  readonly message: NewMessage & { readonly recipients: readonly RecipientState[] };
  /** Epoch of the ownership that the move follows. */
  readonly epoch: number;
}

export function prologueLine(prologue: Prologue): Buffer {
  const json = JSON.stringify(prologue).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Buffer.from(`${json}\r\n`, "latin1");
}

/** @param line with or without its end. */
export function parsePrologue(line: Buffer): Prologue | null {
  let value: unknown;
  try {
    value = JSON.parse(line.toString("latin1"));
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { message, epoch } = value;
  if (!isObject(message) || !isCount(epoch)) return null;
  const { id, envelope, binding, context, recipients } = message;
  const fits =
    typeof id === "string" &&
    isMessageId(id) &&
    typeof binding === "string" &&
    isEnvelope(envelope) &&
    isContext(context) &&
    Array.isArray(recipients) &&
    recipients.length === envelope.recipients.length &&
    recipients.every(isRecipientState);
  if (!fits) return null;
  return { message: { id, envelope, binding, context, recipients }, epoch };
}

function isContext(value: unknown): value is Context {
  if (!isObject(value)) return false;
  const { receivedAtMs, expiresAtMs, listener, client, hops } = value;
  return (
    [receivedAtMs, expiresAtMs, hops].every(isCount) &&
    isTextOrNull(listener) &&
    isTextOrNull(client) &&
    Object.keys(value).length <= CONTEXT_KEYS_MAX &&
    Object.values(value).every((item) => item === null || ["string", "number", "boolean"].includes(typeof item))
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
