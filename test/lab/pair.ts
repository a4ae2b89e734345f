/**
 * Two nodes and a client on one LAN, for tests of a daemon's own life: how it is started, what it says, how it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { Exit } from "../../src/lab/process.js";

export const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
export type Name = "one" | "two";

export interface StartOptions {
  /** Soft and hard limit of descriptors. */
  readonly descriptors?: number;
  /** Standard output; default: the log file. */
  readonly stdout?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
}

export interface LogEvent {
  readonly code: string;
  readonly time: string;
  readonly [fact: string]: unknown;
}

export class Pair {
  readonly #children = new Set<ChildProcess>();

  private constructor(
    readonly network: LabNetwork,
    readonly vips: readonly string[],
  ) {}

  static async create(vips: readonly string[]): Promise<Pair> {
    const network = await LabNetwork.create(
      ["one", "two", "client"].map((name, i) => ({
        name,
        interfaces: [{ name: "eth1", network: "mail", addresses: [`10.1.0.${i + 1}/16`] }],
      })),
    );
    const pair = new Pair(network, vips);
    await writeFile(join(network.directory, "key"), randomBytes(32).toString("hex"), { mode: 0o600 });
    await pair.configure("one", "10.1.0.1");
    await pair.configure("two", "10.1.0.2");
    return pair;
  }

  private async configure(node: Name, address: string): Promise<void> {
    const { directory } = this.network;
    await mkdir(join(directory, `${node}.spool`));
    await writeFile(
      this.file(node, "conf"),
      `Hostname = "${node}"
       SpoolBase = "${directory}/${node}.spool"
       ECCluster_Listener { Listen "${address}:4802" {} }
       Control_Listener { Listen "${directory}/${node}.sock" {} }
       msgc_server { peers = [ one = "10.1.0.1" two = "10.1.0.2" ]  reconnect_interval = 0.2 }
       cluster { key_file = "${directory}/key"  nodename = "${node}"  view_mature_time = 0.2  view_balance_interval = 1
         flap_half_life = 0
         Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true  plumbing = route }
       }
       ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${this.vips.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
    );
  }

  file(node: Name, extension: string): string {
    return join(this.network.directory, `${node}.${extension}`);
  }

  start(node: Name, options: StartOptions = {}): Started {
    const log = openSync(this.file(node, "log"), "a");
    const limit = options.descriptors === undefined ? [] : ["prlimit", `--nofile=${options.descriptors}`];
    const command = [process.execPath, `${DIST}daemon/main.js`, "--config", this.file(node, "conf")];
    return this.run(node, [...limit, ...command], ["ignore", options.stdout ?? log, log], options.environment);
  }

  /** A program inside a host; it ends with this process, and by `remove`. */
  run(
    host: Name | "client",
    command: readonly string[],
    stdio: readonly (number | "pipe" | "ignore")[],
    environment: Readonly<Record<string, string>> = {},
  ): Started {
    const words = ["netns", "exec", this.network.namespace(host), "setpriv", "--pdeathsig", "KILL", ...command];
    const child = spawn("ip", words, { stdio: [...stdio], env: { ...process.env, ...environment } });
    this.#children.add(child);
    const exited = new Promise<Exit>((resolve) => {
      child.on("close", (status, signal) => {
        this.#children.delete(child);
        resolve({ status, signal });
      });
    });
    return { child, exited };
  }

  async events(node: Name, code?: string): Promise<LogEvent[]> {
    const text = await readFile(this.file(node, "log"), "utf8").catch(() => "");
    const lines: LogEvent[] = text
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line));
    return lines.filter((line) => code === undefined || line.code === code);
  }

  /** VIPs that a node's kernel has. */
  async plumbed(node: Name): Promise<readonly string[]> {
    const local = new Set(await this.network.readLocalAddresses(node));
    return this.vips.filter((vip) => local.has(vip));
  }

  /** Waits until each node has some of the addresses and both have all of them. */
  async shared(): Promise<void> {
    await until("both nodes have a share", async () => {
      const [one, two] = await Promise.all([this.plumbed("one"), this.plumbed("two")]);
      return one.length > 0 && two.length > 0 && one.length + two.length === this.vips.length;
    });
  }

  /** Waits until one node has all of them. */
  async all(node: Name): Promise<void> {
    await until(`${node} has every address`, async () => (await this.plumbed(node)).length === this.vips.length);
  }

  /** What a client gets on an address: the first line. */
  async greeting(vip: string): Promise<string> {
    const script = `exec 3<>/dev/tcp/${vip}/25 && head -n 1 <&3`;
    const { child, exited } = this.run("client", ["timeout", "10", "bash", "-c", script], ["ignore", "pipe", "ignore"]);
    let text = "";
    child.stdout?.on("data", (data: Buffer) => (text += data.toString()));
    await exited;
    return text;
  }

  async remove(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await this.network.remove();
  }
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const seen = await poll(async () => ((await holds()) ? true : null), { everyMs: 50, limitMs: 90_000 });
  if (seen === null) throw new Error(`this did not come about: ${what}`);
}
