/** Which kernels of a lab have an address, and had it, by what they tell themselves (homes.py): an observer that asks no node. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../errors.js";
import type { LabNetwork } from "./namespaces.js";

export interface Change {
  /** Milliseconds on the clock of `monotonicMs`; when it was read, which is later than it happened. */
  readonly at: number;
  readonly host: string;
  readonly address: string;
  /** It came, or it went. */
  readonly has: boolean;
}

/** Two kernels had one address at one moment. */
interface Overlap {
  readonly at: number;
  readonly address: string;
  readonly both: readonly [string, string];
}

type Line = Change | Overlap | { readonly ready: true };

/** Beside the sources, which a clone has; the compiled code has no Python. */
const program = fileURLToPath(new URL("../../src/lab/homes.py", import.meta.url));

export class Homes {
  /** In their order. */
  readonly changes: Change[] = [];
  readonly overlaps: Overlap[] = [];
  readonly #homes = new Map<string, Set<string>>();
  readonly #exited: Promise<unknown>;
  #complaint = "";

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.#exited = once(child, "exit");
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#complaint += text));
  }

  /** While no kernel has any of the addresses yet. */
  static async watch(network: LabNetwork, hosts: readonly string[], addresses: readonly string[]): Promise<Homes> {
    const places = hosts.map((host) => `${host}=${network.namespace(host)}`);
    const child = spawn("python3", [program, addresses.join(","), ...places], { stdio: "pipe" });
    const homes = new Homes(child);
    const lines = createInterface({ input: child.stdout });
    const ready = Promise.race([once(lines, "line"), homes.#exited]);
    lines.on("line", (line) => homes.#hear(JSON.parse(line)));
    await ready;
    homes.#check();
    return homes;
  }

  /** Hosts whose kernel has it. @throws when the observer has ended, which sees nothing any more. */
  of(address: string): readonly string[] {
    this.#check();
    return [...(this.#homes.get(address) ?? [])].toSorted();
  }

  /** How many of them each host has. */
  counts(addresses: readonly string[], hosts: readonly string[]): readonly number[] {
    return hosts.map((host) => addresses.filter((address) => this.of(address).includes(host)).length);
  }

  async close(): Promise<void> {
    this.child.stdin.end();
    await this.#exited;
  }

  #check(): void {
    if (this.child.exitCode !== null || this.child.signalCode !== null)
      throw new HoldfastError("ERR_LAB", `homes.py: ${this.#complaint}`);
  }

  #hear(line: Line): void {
    if ("both" in line) this.overlaps.push(line);
    else if ("host" in line) {
      this.changes.push(line);
      const homes = this.#homes.get(line.address) ?? new Set();
      this.#homes.set(line.address, homes);
      if (line.has) homes.add(line.host);
      else homes.delete(line.host);
    }
  }
}
