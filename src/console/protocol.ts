/**
 * What goes over the control socket: lines of UTF-8, one a request.
 *
 *     {"command":"cluster duravip show","json":true}       a framed request
 *     cluster duravip show --json                          a bare one, as typed by a person into socat
 *
 * A framed request is answered by frames, a line of JSON each: any number of `{"text":"..."}`, which put together are
 * the answer, and one `{"done":true}` or `{"error":{...}}` at the end. A bare request is answered by the text itself, or
 * by one line "ERR_X: message".
 */
import { ERROR_CODES, type ErrorCode, explain, HoldfastError } from "../errors.js";

/** Longest request. */
export const MAX_REQUEST_BYTES = 4096;
/** Longest frame that a client takes; a server's are some 16 KiB of text, before JSON's escapes. */
export const MAX_FRAME_BYTES = 1 << 20;

export interface Request {
  readonly words: readonly string[];
  readonly json: boolean;
  readonly framed: boolean;
}

export type Frame =
  | { readonly text: string }
  | { readonly done: true }
  | { readonly error: { readonly code: string; readonly message: string } };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads one line. Returns null for an empty one. Throws ERR_COMMAND for what is not a request at all. */
export function parseRequest(line: Uint8Array): Request | null {
  const text = decode(line).trim();
  if (text === "") return null;
  const framed = text.startsWith("{");
  const { command, json } = framed ? readObject(text) : { command: text, json: false };
  const words = command.split(/\s+/).filter((word) => word !== "");
  const data = words.filter((word) => word !== "--json");
  return { words: data, json: json || data.length < words.length, framed };
}

/** Reads one line of an answer. Throws for what no daemon of ours would say. */
export function parseFrame(line: Uint8Array): Frame {
  const frame = jsonObject(utf8.decode(line));
  if (typeof frame?.["text"] === "string") return { text: frame["text"] };
  if (frame?.["done"] === true) return { done: true };
  const error = frame?.["error"];
  if (isObject(error) && typeof error["code"] === "string" && typeof error["message"] === "string") {
    return { error: { code: error["code"], message: error["message"] } };
  }
  throw new Error("what answers there is no holdfast daemon");
}

export function errorFrame(error: HoldfastError): Frame {
  return { error: { code: error.code, message: explain(error) } };
}

/** The error that an error frame told of. */
export function frameError({ error }: Extract<Frame, { error: unknown }>): HoldfastError {
  return new HoldfastError(isErrorCode(error.code) ? error.code : "ERR_COMMAND", error.message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

function decode(line: Uint8Array): string {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch (cause) {
    throw new HoldfastError("ERR_COMMAND", "the line is not UTF-8", {}, { cause });
  }
  if (/[^\P{Cc}\t\r]/u.test(text)) throw new HoldfastError("ERR_COMMAND", "the line holds control characters");
  return text;
}

function readObject(text: string): { readonly command: string; readonly json: boolean } {
  const request = jsonObject(text);
  const { command, json = false } = request ?? {};
  if (typeof command === "string" && typeof json === "boolean") return { command, json };
  throw new HoldfastError("ERR_COMMAND", 'a request looks like {"command":"cluster membership","json":true}');
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
