import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { explain, HoldfastError } from "../errors.js";
import type { CommandContext } from "./command.js";
import { LineReader, LineTooLong } from "./lines.js";
import { errorFrame, type Frame, MAX_REQUEST_BYTES, parseRequest, type Request } from "./protocol.js";
import { findCommand } from "./registry.js";

/** Text that goes out at once, in characters; between two such pieces the event loop gets its turn. */
const PIECE = 16 * 1024;

export type ConsoleCounter = "commands" | "refusedCommands" | "refusedLines" | "timeouts" | "faults";

export interface SessionOptions {
  readonly context: () => CommandContext;
  /** After this long with neither bytes nor a running command the connection is closed. */
  readonly idleTimeoutMs: number;
  readonly count: (counter: ConsoleCounter) => void;
  readonly onFault: (fault: unknown, command: string) => void;
}

/** The connection is no longer there to be written to. */
class ClientGone extends Error {}

/**
 * Serves one client: a line, its answer, the next line. While a command runs nothing more is read, so a client can make
 * the daemon hold no more than one socket buffer. The first line that is no request ends the connection.
 * Resolves when the client has gone, been idle too long, or been sent away; never rejects.
 */
export async function serveSession(socket: Socket, options: SessionOptions): Promise<void> {
  socket.setTimeout(options.idleTimeoutMs, () => {
    options.count("timeouts");
    socket.destroy(new Error("idle too long"));
  });
  try {
    await new Session(socket, options).talk();
  } catch (error) {
    // A socket that is gone took its session along: reset, idle too long, or closed by the server.
    if (!socket.destroyed && !(error instanceof ClientGone)) options.onFault(error, "");
  } finally {
    socket.end();
  }
}

class Session {
  constructor(
    readonly socket: Socket,
    readonly options: SessionOptions,
  ) {}

  async talk(): Promise<void> {
    const reader = new LineReader(MAX_REQUEST_BYTES);
    try {
      for await (const chunk of this.socket.iterator({ destroyOnReturn: false })) {
        for (const line of reader.push(chunk)) if (!(await this.#handle(line))) return;
      }
      await this.#handle(reader.rest);
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      await this.#refuseLine(`the line is longer than ${MAX_REQUEST_BYTES} bytes`);
    }
  }

  /** @returns false when the line was no request. */
  async #handle(line: Uint8Array): Promise<boolean> {
    let request: Request | null;
    try {
      request = parseRequest(line);
    } catch (error) {
      await this.#refuseLine(explain(error));
      return false;
    }
    if (request !== null) await this.#answer(request);
    return true;
  }

  async #refuseLine(problem: string): Promise<void> {
    this.options.count("refusedLines");
    await this.#write(`ERR_COMMAND: ${problem}\n`);
  }

  async #answer(request: Request): Promise<void> {
    const framed = (frame: Frame): string => `${JSON.stringify(frame)}\n`;
    try {
      for (const piece of pieces(await this.#run(request))) {
        await this.#write(request.framed ? framed({ text: piece }) : piece);
        await nextTurn();
      }
      if (request.framed) await this.#write(framed({ done: true }));
    } catch (error) {
      if (error instanceof ClientGone) throw error;
      const told = this.#told(error, request);
      await this.#write(request.framed ? framed(errorFrame(told)) : `${told.code}: ${explain(told)}\n`);
    }
  }

  /** The client waits for the daemon now, so the idle clock stands still. */
  async #run(request: Request): Promise<Iterable<string>> {
    this.options.count("commands");
    this.socket.setTimeout(0);
    try {
      const { command, rest } = findCommand(request.words);
      return await command.answer(this.options.context(), rest, request.json);
    } finally {
      this.socket.setTimeout(this.options.idleTimeoutMs);
    }
  }

  /** What the client may know of a failure. One that nobody made on purpose is a bug, and reported as such. */
  #told(error: unknown, request: Request): HoldfastError {
    if (error instanceof HoldfastError) {
      this.options.count("refusedCommands");
      return error;
    }
    const command = request.words.join(" ");
    this.options.count("faults");
    this.options.onFault(error, command);
    return new HoldfastError("ERR_COMMAND", `"${command}" failed inside the daemon`, {}, { cause: error });
  }

  async #write(text: string): Promise<void> {
    if (this.socket.destroyed) throw new ClientGone();
    if (this.socket.write(text)) return;
    try {
      await once(this.socket, "drain");
    } catch (cause) {
      throw new ClientGone("the client left in the middle of its answer", { cause });
    }
  }
}

/** Joins small pieces of text to larger ones. */
function* pieces(text: Iterable<string>): Iterable<string> {
  let piece = "";
  for (const part of text) {
    piece += part;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
