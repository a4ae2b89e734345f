/** A client that sends exactly the bytes that it is given: libraries mend what the ledger wants to be broken. */
import { connect, type Socket } from "node:net";
import { explain } from "../../errors.js";
import type { LedgerMessage, LedgerRecipient } from "./messages.js";
import type { LedgerEntry } from "./records.js";
import { stuffed } from "./transparency.js";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** For each answer, ms. */
  readonly answerMs: number;
}

export type Sent = Pick<LedgerEntry, "outcome" | "reply" | "recipients">;

/** One connection, one transaction. Does not reject: what went wrong is the reply. */
export async function sendMessage(target: Target, message: LedgerMessage): Promise<Sent> {
  const recipients: LedgerRecipient[] = [];
  const client = new Client(target);
  let outcome: Sent["outcome"] = "unsent";
  try {
    await client.expect("220");
    await client.ask("EHLO client.lab", "250");
    await client.ask(`MAIL FROM:<${message.from}> ${message.parameters}`.trimEnd(), "250");
    for (const { address, parameters } of message.recipients) {
      const reply = await client.ask(`RCPT TO:<${address}> ${parameters}`.trimEnd());
      if (reply.startsWith("250")) recipients.push({ address, parameters });
    }
    await client.ask("DATA", "354");
    if (message.kind === "aborted") {
      await client.write(message.content);
      return { outcome, reply: "the client ends before its final dot", recipients };
    }
    outcome = "open";
    const reply = await client.ask(wireForm(message));
    outcome = reply.startsWith("250") ? "accepted" : "refused";
    await client.ask("QUIT").catch(() => {});
    return { outcome, reply, recipients };
  } catch (error) {
    return { outcome, reply: explain(error), recipients };
  } finally {
    client.close();
  }
}

/** From DATA to the final dot. What has to be refused goes as it is: a cheat does not stuff dots. */
function wireForm({ kind, content }: LedgerMessage): Buffer {
  const body = kind === "stray" ? content : stuffed(content);
  const ended = body.length === 0 || body.subarray(-2).toString("latin1") === "\r\n";
  return Buffer.concat([body, Buffer.from(ended ? ".\r\n" : "\r\n.\r\n")]);
}

class Client {
  readonly #socket: Socket;
  readonly #answerMs: number;
  readonly #replies: string[] = [];
  #text = "";
  #failure: Error | null = null;
  #wake = () => {};

  constructor({ host, port, answerMs }: Target) {
    this.#answerMs = answerMs;
    this.#socket = connect({ host, port });
    // A daemon that is stopped reads nothing: a write must end too.
    this.#socket.setTimeout(answerMs, () => this.#socket.destroy());
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk.toString("latin1")));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("closed by the server")));
  }

  close(): void {
    this.#socket.destroy();
  }

  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => this.#socket.write(bytes, (error) => (error ? reject(error) : resolve())));
  }

  /** Sends a command, or the content, and resolves with the last line of the answer. */
  ask(command: string | Buffer, code = ""): Promise<string> {
    this.#socket.write(typeof command === "string" ? `${command}\r\n` : command);
    return this.expect(code);
  }

  /** Rejects when the answer has another code, does not come in time, or the connection ends. */
  async expect(code: string): Promise<string> {
    const timer = setTimeout(() => this.#fail(new Error("no answer in time")), this.#answerMs);
    try {
      for (;;) {
        const reply = this.#replies.shift();
        if (reply?.startsWith(code) === true) return reply;
        if (reply !== undefined) throw new Error(reply);
        if (this.#failure !== null) throw this.#failure;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(text: string): void {
    const lines = (this.#text + text).split("\r\n");
    this.#text = lines.pop() ?? "";
    this.#replies.push(...lines.filter((line) => /^\d{3}(?: |$)/.test(line)));
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
