/**
 * A steady stream of small messages into the cluster's listeners, over connections that stay open as long as they
 * last. Only what got a 250 is reported; a connection that breaks or is refused costs its message, and the lane
 * connects anew at its next turn.
 */
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { explain } from "../errors.js";
import { type AcceptedMessage, TOKEN_HEADER } from "./records.js";

export interface InjectorOptions {
  readonly lanes: readonly Lane[];
  readonly port: number;
  /** Messages a second over all lanes, which take turns. */
  readonly rate: number;
  /** Begins every token, so that two runs never mix. */
  readonly run: string;
}

/** One listener, and what to send to it, in turns. */
export interface Lane {
  readonly listener: string;
  readonly mail: readonly {
    /** `Name: value` of a header that asks for a binding or group, or null where the listener decides. */
    readonly header: string | null;
    /** Addresses it may leave from. */
    readonly sources: readonly string[];
  }[];
}

export interface InjectorCounts {
  readonly event: "counts";
  readonly accepted: number;
  /** Messages without a 250, by the first words of the reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** A dead address must not hold its lane for long. */
const TIMEOUTS = { connectionTimeout: 1_000, greetingTimeout: 2_000, socketTimeout: 4_000 };

interface LaneState {
  readonly lane: Lane;
  connection: SMTPConnection | null;
  busy: boolean;
  sent: number;
}

export class Injector {
  readonly #options: InjectorOptions;
  readonly #report: (message: AcceptedMessage) => void;
  readonly #lanes: readonly LaneState[];
  readonly #timer: NodeJS.Timeout;
  readonly #refused = new Map<string, number>();
  #turn = 0;
  #accepted = 0;

  constructor(options: InjectorOptions, report: (message: AcceptedMessage) => void) {
    this.#options = options;
    this.#report = report;
    this.#lanes = options.lanes.map((lane) => ({ lane, connection: null, busy: false, sent: 0 }));
    this.#timer = setInterval(() => this.#next(), 1_000 / options.rate);
  }

  get counts(): InjectorCounts {
    return { event: "counts", accepted: this.#accepted, refused: Object.fromEntries(this.#refused) };
  }

  /** Starts no more messages; resolves when those under way have their answer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#lanes.some((state) => state.busy)) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const state of this.#lanes) state.connection?.close();
  }

  #next(): void {
    const state = this.#lanes[this.#turn++ % this.#lanes.length];
    if (state === undefined || state.busy) return;
    state.busy = true;
    void this.#send(state).finally(() => (state.busy = false));
  }

  async #send(state: LaneState): Promise<void> {
    const { lane } = state;
    const mail = lane.mail[state.sent % lane.mail.length];
    if (mail === undefined) return;
    const token = `${this.#options.run}-${lane.listener}-${++state.sent}`;
    try {
      state.connection ??= await connect(lane.listener, this.#options.port, (dead) => {
        if (state.connection === dead) state.connection = null;
      });
      const reply = await deliver(state.connection, text(token, mail.header));
      this.#accepted++;
      this.#report({ event: "accepted", token, listener: lane.listener, reply, sources: mail.sources });
    } catch (error) {
      state.connection?.close();
      state.connection = null;
      const reason = explain(error).slice(0, 60).replaceAll(lane.listener, "*");
      this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
    }
  }
}

function connect(host: string, port: number, onEnd: (dead: SMTPConnection) => void): Promise<SMTPConnection> {
  const connection = new SMTPConnection({ host, port, name: "client.lab", ignoreTLS: true, ...TIMEOUTS });
  return new Promise((resolve, reject) => {
    connection.on("error", (error) => {
      onEnd(connection);
      reject(error);
    });
    connection.on("end", () => {
      onEnd(connection);
      reject(new Error("closed by the server"));
    });
    connection.connect(() => resolve(connection));
  });
}

/** Resolves with the server's answer to the message. */
function deliver(connection: SMTPConnection, message: string): Promise<string> {
  const envelope = { from: "sender@client.lab", to: ["someone@sink.lab"] };
  return new Promise((resolve, reject) => {
    const ended = (error?: Error) => reject(error ?? new Error("closed before its answer"));
    connection.once("error", ended);
    connection.once("end", ended);
    connection.send(envelope, message, (error, info) => {
      connection.off("error", ended);
      connection.off("end", ended);
      if (error !== null) reject(error);
      else resolve(info?.response ?? "");
    });
  });
}

function text(token: string, header: string | null): string {
  const headers = [
    "From: sender@client.lab",
    "To: someone@sink.lab",
    `Subject: ${token}`,
    `Message-ID: <${token}@client.lab>`,
    `Date: ${new Date().toUTCString()}`,
    `${TOKEN_HEADER}: ${token}`,
    ...(header === null ? [] : [header]),
  ];
  return `${headers.join("\r\n")}\r\n\r\nKept alive.\r\n`;
}
