import { createConnection, type Socket } from "node:net";
import { HoldfastError } from "../errors.js";
import { LineReader } from "./lines.js";
import { type Frame, frameError, MAX_FRAME_BYTES, parseFrame } from "./protocol.js";

export interface AskOptions {
  /** The data itself as one JSON document, in place of text for people. */
  readonly json?: boolean;
  /** Gives up waiting: after a time, say. */
  readonly signal?: AbortSignal;
}

/**
 * Sends one command to the daemon on a control socket, and yields its answer in pieces as they come. Throws what the
 * daemon answered (ERR_COMMAND, ERR_MOVE_REFUSED, ...), or ERR_CONTROL_UNREACHABLE where there is none or it ends early.
 */
export async function* askControl(path: string, command: string, options: AskOptions = {}): AsyncGenerator<string> {
  const { json = false, signal } = options;
  const socket = createConnection(signal === undefined ? { path } : { path, signal });
  try {
    socket.write(`${JSON.stringify({ command, json })}\n`);
    for await (const frame of framesOf(socket, path)) {
      if ("text" in frame) yield frame.text;
      else if ("done" in frame) return;
      else throw frameError(frame);
    }
    throw new HoldfastError("ERR_CONTROL_UNREACHABLE", `the daemon on ${path} ended before its answer did`, { path });
  } finally {
    socket.destroy();
  }
}

/** Sends one command and returns its data. */
export async function askForData(path: string, command: string, options: AskOptions = {}): Promise<unknown> {
  let text = "";
  for await (const piece of askControl(path, command, { ...options, json: true })) text += piece;
  return JSON.parse(text);
}

async function* framesOf(socket: Socket, path: string): AsyncGenerator<Frame> {
  const reader = new LineReader(MAX_FRAME_BYTES);
  try {
    for await (const chunk of socket) for (const line of reader.push(chunk)) yield parseFrame(line);
  } catch (cause) {
    throw new HoldfastError("ERR_CONTROL_UNREACHABLE", `cannot talk to a daemon on ${path}`, { path }, { cause });
  }
}
