/** The lab's side of the processes that watch the cluster from outside: prober, sink and injector. */
import { join } from "node:path";
import { HoldfastError } from "../errors.js";
import type { InjectorCounts, InjectorOptions } from "./injector.js";
import type { LabNetwork } from "./namespaces.js";
import type { ProbeCommand } from "./probe-main.js";
import type { ProbeEvent, ProbeRound, ProberOptions } from "./prober.js";
import type { LabProcess } from "./process.js";
import type { AcceptedMessage, DeliveredMessage } from "./records.js";

export class ProberProcess {
  /** Everything it reported, in the order of time. */
  readonly events: ProbeEvent[] = [];
  readonly #process: LabProcess;
  readonly #rounds = new Map<number, (answers: ProbeRound) => void>();
  #lastRound = 0;

  constructor(network: LabNetwork, host: string, options: ProberOptions) {
    this.#process = network.start(host, {
      script: "lab/probe-main.js",
      args: [JSON.stringify(options)],
      logFile: join(network.directory, "prober.log"),
      onLine: (line: ProbeEvent | RoundLine) => this.#take(line),
    });
  }

  /** Nodes that answer now, as far as the prober knows; null for an address that is away. */
  answers(): ReadonlyMap<string, string | null> {
    return new Map(this.events.map((event) => [event.address, event.event === "good" ? event.node : null]));
  }

  watch(addresses: readonly string[], forMs: number): void {
    this.#process.send({ command: "watch", addresses, forMs } satisfies ProbeCommand);
  }

  /** Asks every address once. Rejects with ERR_LAB when the prober is gone. */
  async round(): Promise<ProbeRound> {
    const id = ++this.#lastRound;
    const answers = new Promise<ProbeRound>((resolve) => this.#rounds.set(id, resolve));
    this.#process.send({ command: "round", id } satisfies ProbeCommand);
    return Promise.race([answers, endOf(this.#process, "prober")]);
  }

  #take(line: ProbeEvent | RoundLine): void {
    if (line.event !== "round") {
      this.events.push(line);
      return;
    }
    this.#rounds.get(line.id)?.(line.answers);
    this.#rounds.delete(line.id);
  }
}

interface RoundLine {
  readonly event: "round";
  readonly id: number;
  readonly answers: ProbeRound;
}

export class SinkProcess {
  readonly delivered: DeliveredMessage[] = [];
  readonly #listening: Promise<void>;

  constructor(network: LabNetwork, host: string, address: string, port: number) {
    let listening = () => {};
    const ready = new Promise<void>((resolve) => (listening = resolve));
    const process = network.start(host, {
      script: "lab/sink-main.js",
      args: [address, String(port)],
      logFile: join(network.directory, "sink.log"),
      onLine: (record: DeliveredMessage | { readonly event: "listening" }) => {
        if (record.event === "listening") listening();
        else this.delivered.push(record);
      },
    });
    this.#listening = Promise.race([ready, endOf(process, "sink")]);
  }

  listening(): Promise<void> {
    return this.#listening;
  }
}

export class InjectorProcess {
  readonly accepted: AcceptedMessage[] = [];
  readonly #process: LabProcess;
  #counts: InjectorCounts = { event: "counts", accepted: 0, refused: {} };

  constructor(network: LabNetwork, host: string, options: InjectorOptions) {
    this.#process = network.start(host, {
      script: "lab/inject-main.js",
      args: [JSON.stringify(options)],
      logFile: join(network.directory, "injector.log"),
      onLine: (record: AcceptedMessage | InjectorCounts) => {
        if (record.event === "counts") this.#counts = record;
        else this.accepted.push(record);
      },
    });
  }

  /** Ends the stream; resolves with the counts once every message has its answer. */
  async stop(): Promise<InjectorCounts> {
    this.#process.endInput();
    await this.#process.exited;
    return this.#counts;
  }
}

async function endOf(process: LabProcess, name: string): Promise<never> {
  const { status, signal } = await process.exited;
  throw new HoldfastError("ERR_LAB", `the ${name} ended by itself: ${signal ?? `status ${status}`}`);
}
