/** The daemons of a lab: their files, their lives, and what their consoles tell. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askControl } from "../console/client.js";
import { HoldfastError } from "../errors.js";
import type { QueueRow } from "../mail/types.js";
import type { DuravipStatus, MemberStatus, MoveResult } from "../node/control.js";
import { monotonicMs } from "./clock.js";
import type { LabNetwork } from "./namespaces.js";
import type { LabPlan, NodeFiles } from "./plan.js";
import type { Exit, LabProcess } from "./process.js";
import type { Doubt } from "./records.js";

/** A console that does not answer by then belongs to a node that is stuck. */
const CONSOLE_MS = 5_000;

interface Member {
  readonly files: NodeFiles;
  readonly configFile: string;
  readonly logFile: string;
  process: LabProcess | null;
  exit: Exit | null;
}

export class Cluster {
  readonly #network: LabNetwork;
  readonly #members: ReadonlyMap<string, Member>;

  private constructor(network: LabNetwork, members: ReadonlyMap<string, Member>) {
    this.#network = network;
    this.#members = members;
  }

  /** Writes the cluster key and each node's configuration; starts nothing. */
  static async create(network: LabNetwork, plan: LabPlan): Promise<Cluster> {
    const members = new Map<string, Member>();
    const keyFile = join(network.directory, "cluster.key");
    await writeFile(keyFile, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    for (const node of plan.nodes) {
      const spoolDirectory = join(network.directory, `${node}.spool`);
      const files = { keyFile, spoolDirectory, controlSocket: join(network.directory, `${node}.sock`) };
      const configFile = join(network.directory, `${node}.conf`);
      await mkdir(spoolDirectory);
      await writeFile(configFile, plan.configText(node, files));
      members.set(node, {
        files,
        configFile,
        logFile: join(network.directory, `${node}.log`),
        process: null,
        exit: null,
      });
    }
    return new Cluster(network, members);
  }

  /** Deliveries that a node logged as in doubt: they were cut off behind the final dot. */
  doubts(): readonly Doubt[] {
    const lines = [...this.#members.values()].flatMap((member) => readLog(member.logFile));
    return lines.flatMap((line) => {
      if (!line.includes('"delivery-in-doubt"')) return [];
      const { id, recipients }: { readonly id: string; readonly recipients: string } = JSON.parse(line);
      return [{ id, recipients: recipients.split(" ") }];
    });
  }

  /** Facts of every line with this code that a node has logged. */
  events(node: string, code: string): readonly Readonly<Record<string, unknown>>[] {
    const lines = readLog(this.#member(node).logFile).filter((line) => line.includes(`"code":"${code}"`));
    return lines.map((line) => JSON.parse(line));
  }

  isRunning(node: string): boolean {
    return this.#member(node).process !== null;
  }

  configFile(node: string): string {
    return this.#member(node).configFile;
  }

  logFile(node: string): string {
    return this.#member(node).logFile;
  }

  controlSocket(node: string): string {
    return this.#member(node).files.controlSocket;
  }

  /** Throws ERR_LAB with the end of its log when a daemon that should run does not. */
  requireRunning(nodes: readonly string[]): void {
    for (const node of nodes) {
      const { process, exit, logFile } = this.#member(node);
      if (process !== null) continue;
      const last = readLog(logFile).slice(-5).join("\n");
      const how = exit?.signal ?? `status ${exit?.status ?? "unknown"}`;
      throw new HoldfastError("ERR_LAB", `the daemon of ${node} has ended (${how}), and should run:\n${last}`);
    }
  }

  /** Runs until it is killed or stopped. @param configFile another configuration than the plan's. */
  start(node: string, configFile = this.configFile(node)): LabProcess {
    const member = this.#member(node);
    if (member.process !== null) throw new HoldfastError("ERR_LAB", `${node} runs already`);
    const started = this.#network.start(node, {
      script: "daemon/main.js",
      args: ["--config", configFile, "--node", node],
      logFile: member.logFile,
    });
    member.process = started;
    void started.exited.then((exit) => {
      member.process = null;
      member.exit = exit;
    });
    return started;
  }

  signal(node: string, signal: NodeJS.Signals): void {
    this.#running(node).kill(signal);
  }

  /** SIGKILL. Returns the moment (CLOCK_MONOTONIC, ms). */
  kill(node: string): number {
    const at = monotonicMs();
    this.#running(node).kill("SIGKILL");
    return at;
  }

  /** SIGTERM: hand over, unplumb, end. Resolves once it has ended. */
  async stop(node: string): Promise<Exit> {
    const running = this.#running(node);
    running.kill("SIGTERM");
    return running.exited;
  }

  /** Waits for the end of a daemon that was killed. */
  async ended(node: string): Promise<void> {
    await this.#member(node).process?.exited;
  }

  async duravips(node: string): Promise<readonly DuravipStatus[]> {
    return JSON.parse(await this.#ask(node, "cluster duravip show"));
  }

  async membership(node: string): Promise<readonly MemberStatus[]> {
    return JSON.parse(await this.#ask(node, "cluster membership"));
  }

  async queues(node: string): Promise<readonly QueueRow[]> {
    const answer: { readonly rows: readonly QueueRow[] } = JSON.parse(await this.#ask(node, "mailq --limit 0"));
    return answer.rows;
  }

  async counters(node: string): Promise<Readonly<Record<string, number>>> {
    return JSON.parse(await this.#ask(node, "summary"));
  }

  async move(via: string, vip: string, to: string): Promise<MoveResult> {
    return JSON.parse(await this.#ask(via, `cluster duravip move ${vip} to ${to}`));
  }

  /** Runs a console command, and answers when the node does. Rejects with what the node refuses. */
  async command(node: string, command: string): Promise<void> {
    await this.#ask(node, command);
  }

  /** The answer as JSON text, whose shape is that of src/node/control.ts. */
  async #ask(node: string, command: string): Promise<string> {
    const path = this.#member(node).files.controlSocket;
    let text = "";
    const answer = askControl(path, command, { json: true, signal: AbortSignal.timeout(CONSOLE_MS) });
    for await (const piece of answer) text += piece;
    return text;
  }

  #member(node: string): Member {
    const member = this.#members.get(node);
    if (member === undefined)
      throw new HoldfastError("ERR_LAB", `there is no node ${node}: ${[...this.#members.keys()].join(", ")}`);
    return member;
  }

  #running(node: string): LabProcess {
    const { process } = this.#member(node);
    if (process === null) throw new HoldfastError("ERR_LAB", `${node} does not run`);
    return process;
  }
}

function readLog(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
}
