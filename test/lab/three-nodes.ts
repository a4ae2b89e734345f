/** Three daemons on a LAN in network namespaces, and an observer of their kernels. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";
import { Homes } from "../../src/lab/homes.js";

export const NODES = ["one", "two", "three"];
export const LEASE_MS = 2_000;

export interface Placing {
  readonly plumbing: "address" | "route";
  readonly lifeline: boolean;
  readonly policy: "available" | "strict";
}

export class ThreeNodes {
  readonly daemons = new Map<string, LabProcess>();

  private constructor(
    readonly network: LabNetwork,
    readonly homes: Homes,
    readonly vips: readonly string[],
  ) {}

  static async create(vips: readonly string[]): Promise<ThreeNodes> {
    const network = await LabNetwork.create(
      NODES.map((name, i) => ({
        name,
        interfaces: [
          { name: "eth0", network: "cluster", addresses: [`10.0.0.${i + 1}/24`] },
          { name: "eth1", network: "mail", addresses: [`10.2.0.${i + 1}/16`] },
        ],
      })),
    );
    return new ThreeNodes(network, await Homes.watch(network, NODES, vips), vips);
  }

  async remove(): Promise<void> {
    await this.network.remove();
    await this.homes.close();
  }

  async start({ plumbing, lifeline, policy }: Placing): Promise<void> {
    const { network, vips } = this;
    const key = join(network.directory, "cluster.key");
    await writeFile(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    for (const [i, node] of NODES.entries()) {
      const file = join(network.directory, `${node}.conf`);
      await writeFile(
        file,
        `Hostname = "${node}"
         SpoolBase = "${network.directory}/${node}.spool"
         ECCluster_Listener { Listen "10.0.0.${i + 1}:4802" {} }
         Control_Listener { Listen "${network.directory}/${node}.sock" {} }
         msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" three = "10.0.0.3" ]  reconnect_interval = 0.5 }
         cluster { key_file = "${key}"  view_mature_time = 0.5  view_balance_interval = 1  lease_ms = ${LEASE_MS}
           Topology "10.1.0.0/16" {
             interface = "eth1"  plumbing = ${plumbing}  lifeline = ${lifeline}  partition_policy = ${policy}
           }
         }
         ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) ${vips.map((vip) => `Listen "${vip}:25" { Enable_Duravip = true }`).join("\n")} }`,
      );
      const daemon = network.start(node, {
        script: "daemon/main.js",
        args: ["--config", file, "--node", node],
        logFile: this.#logFile(node),
      });
      this.daemons.set(node, daemon);
    }
  }

  signal(node: string, signal: NodeJS.Signals): void {
    this.daemons.get(node)?.kill(signal);
  }

  counts(): readonly number[] {
    return this.homes.counts(this.vips, NODES);
  }

  /** Of each node, how many addresses its kernel has. `look` is called each time. */
  async until(arrived: (counts: readonly number[]) => boolean, what: string, look = () => {}): Promise<void> {
    const arrives = async () => {
      look();
      return arrived(this.counts()) ? true : null;
    };
    const seen = await poll(arrives, { everyMs: 20, limitMs: 60_000 });
    expect(seen, `${what}: ${this.counts().join()}`).toBe(true);
  }

  /** Each node has an equal share. */
  async untilShared(look = () => {}): Promise<void> {
    const share = this.vips.length / NODES.length;
    await this.until((counts) => counts.every((count) => count === share), "each has its share", look);
  }

  /** What the observer has been told is what the kernels have. */
  async expectTrue(): Promise<void> {
    for (const node of NODES) {
      const addresses = await this.network.readLocalAddresses(node);
      const told = this.vips.filter((vip) => this.homes.of(vip).includes(node));
      expect(this.vips.filter((vip) => addresses.includes(vip))).toEqual(told);
    }
  }

  /** What a daemon has logged, oldest first. */
  async logged(node: string): Promise<Record<string, unknown>[]> {
    const text = await readFile(this.#logFile(node), "utf8");
    return text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  }

  #logFile(node: string): string {
    return join(this.network.directory, `${node}.log`);
  }
}
