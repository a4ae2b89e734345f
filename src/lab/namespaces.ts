/**
 * Hosts in network namespaces, joined by bridges. One namespace a host, and one more, the switch, that holds a bridge
 * for each network. A host's interface is one end of a veth pair; the other end, named `<host>.<interface>`, is a port
 * of the network's bridge.
 *
 *   hf-<lab>-n1: eth0 eth1      hf-<lab>-n2: eth0 eth1
 *                  |    |                      |    |
 *   hf-<lab>-switch: n1.eth0 n1.eth1        n2.eth0 n2.eth1     ports of br-cluster and br-mail
 *
 * Everything is named for the process that made it (pid and start time), so that labs run beside each other, and what
 * a killed lab left is found and removed by the next one. Nothing outside of `hf-*` namespaces is touched.
 */
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../errors.js";
import { ipBatch, ipBatchSync, ipJson } from "./iproute.js";
import { poll } from "./poll.js";
import { type LabProcess, type LabProcessOptions, startProcess } from "./process.js";

export interface HostSpec {
  /** At most 10 characters: with `.eth0` it is the name of an interface. */
  readonly name: string;
  readonly interfaces: readonly HostInterface[];
  /** More `ip` commands, run in the host once its interfaces are up: routes and rules. */
  readonly commands?: readonly string[];
}

export interface HostInterface {
  readonly name: string;
  readonly network: string;
  /** With prefix length, "10.1.0.1/16". */
  readonly addresses: readonly string[];
}

export interface Neighbour {
  readonly address: string;
  readonly interface: string;
  readonly mac: string;
  /** "REACHABLE", "STALE", ... (ip-neighbour(8)). */
  readonly state: string;
}

const NAMESPACES = "/run/netns";
const PREFIX = "hf-";
let labs = 0;

export class LabNetwork {
  /** Scratch directory of this lab; removed with it, or kept under another name after `keepDirectory`. */
  readonly directory: string;
  readonly #id: string;
  readonly #hosts: ReadonlyMap<string, HostSpec>;
  readonly #processes = new Set<LabProcess>();
  readonly #onExit = () => this.#remove();
  #kept: string | null = null;
  #gone = false;

  private constructor(id: string, directory: string, hosts: readonly HostSpec[]) {
    this.#id = id;
    this.directory = directory;
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
    process.once("exit", this.#onExit);
  }

  /** Sweeps what dead labs left, then builds. Rejects with ERR_LAB, having removed what it made. Needs root. */
  static async create(hosts: readonly HostSpec[]): Promise<LabNetwork> {
    if (process.getuid?.() !== 0) throw new HoldfastError("ERR_LAB", "network namespaces need root: run it with sudo");
    sweep();
    const id = `${process.pid}-${startTime(process.pid)}-${++labs}`;
    const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${id}-`));
    const network = new LabNetwork(id, directory, hosts);
    try {
      await network.#build();
    } catch (error) {
      network.#remove();
      throw error;
    }
    return network;
  }

  /** Name of a host's namespace, for `ip -n` and `ip netns exec`. */
  namespace(host: string): string {
    return `${PREFIX}${this.#id}-${host}`;
  }

  /** Starts a program inside a host. It is killed when the lab goes, and by the kernel when this process dies. */
  start<Line>(host: string, options: LabProcessOptions<Line>): LabProcess {
    this.#spec(host);
    const started = startProcess(this.namespace(host), options);
    this.#processes.add(started);
    void started.exited.then(() => this.#processes.delete(started));
    return started;
  }

  /**
   * Cuts a host off, silently: its switch ports leave their bridges, and it still sees a carrier, so that only time tells. (A
   * port's state cannot be set by hand for long: without STP the bridge makes it forward again.)
   * `network`: cut from that network only.
   */
  async cut(host: string, network?: string): Promise<void> {
    await this.#setPorts(host, network, () => "nomaster");
  }

  async heal(host: string, network?: string): Promise<void> {
    await this.#setPorts(host, network, (one) => `master ${bridge(one)}`);
  }

  /** Deletes an interface of a host, and with it all that is on it; the switch loses its port. */
  async deleteInterface(host: string, name: string): Promise<void> {
    await ipBatch(this.namespace(host), [`link delete ${name}`]);
  }

  /** Makes a deleted interface again, under another index, with the addresses and routes of its host. */
  async remakeInterface(host: string, name: string): Promise<void> {
    const spec = this.#spec(host);
    const one = interfaceOf(spec, name);
    await ipBatch(this.namespace("switch"), this.#wire(spec, one));
    await this.restoreInterface(host, name);
    await this.#portsForward();
  }

  /** An interface of a host is up again, with its addresses, and the host has its routes. */
  async restoreInterface(host: string, name: string): Promise<void> {
    const spec = this.#spec(host);
    await ipBatch(this.namespace(host), [
      ...bringUp(interfaceOf(spec, name)),
      ...(spec.commands ?? []).filter((command) => command.startsWith("route ")),
    ]);
  }

  /** Entries of the host's IPv4 neighbour table that hold a hardware address. */
  async readNeighbours(host: string): Promise<readonly Neighbour[]> {
    const rows = await ipJson<{
      readonly dst: string;
      readonly dev: string;
      readonly lladdr?: string;
      readonly state: readonly string[];
    }>(this.namespace(host), ["-4", "neighbour", "show"]);
    return rows.flatMap((row) =>
      row.lladdr === undefined
        ? []
        : [{ address: row.dst, interface: row.dev, mac: row.lladdr, state: row.state.join(",") }],
    );
  }

  /** What the host's kernel takes for its own: the destinations of its local table, aliases and local routes alike. */
  async readLocalAddresses(host: string): Promise<readonly string[]> {
    const query = ["-4", "route", "show", "table", "local", "type", "local"];
    const rows = await ipJson<{ readonly dst: string }>(this.namespace(host), query);
    return rows.map((row) => row.dst);
  }

  /** Hardware address of each interface of a host, by name. */
  async readMacs(host: string): Promise<ReadonlyMap<string, string>> {
    const rows = await ipJson<{
      readonly ifname: string;
      readonly address?: string;
    }>(this.namespace(host), ["link", "show"]);
    return new Map(rows.flatMap((row) => (row.address === undefined ? [] : [[row.ifname, row.address]])));
  }

  /** The scratch directory outlives the lab, at the path that this returns. */
  keepDirectory(): string {
    return (this.#kept = join(tmpdir(), `holdfast-lab-${this.#id}`));
  }

  /** Kills every process of the lab and removes its namespaces and directory. */
  async remove(): Promise<void> {
    const processes = [...this.#processes];
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map((process) => process.exited));
    this.#remove();
  }

  async #build(): Promise<void> {
    const hosts = [...this.#hosts.values()];
    const bridges = new Set(hosts.flatMap((host) => host.interfaces.map((one) => bridge(one.network))));
    await ipBatch(
      null,
      this.#namespaces().map((name) => `netns add ${name}`),
    );
    await ipBatch(this.namespace("switch"), [
      "link set lo up",
      ...[...bridges].flatMap((name) => [`link add ${name} type bridge`, `link set ${name} up`]),
      ...hosts.flatMap((host) => host.interfaces.flatMap((one) => this.#wire(host, one))),
    ]);
    await Promise.all(
      hosts.map((host) =>
        ipBatch(this.namespace(host.name), [
          "link set lo up",
          ...host.interfaces.flatMap(bringUp),
          ...(host.commands ?? []),
        ]),
      ),
    );
    await this.#portsForward();
  }

  #wire(host: HostSpec, one: HostInterface): string[] {
    return [
      `link add ${port(host, one)} type veth peer name ${one.name} netns ${this.namespace(host.name)}`,
      `link set ${port(host, one)} master ${bridge(one.network)} up`,
    ];
  }

  /** A port forwards once the kernel has seen its carrier, which it looks at in its own time. */
  async #portsForward(): Promise<void> {
    const query = ["-details", "link", "show", "type", "veth"];
    const isOpen = ({ linkinfo }: Port) => linkinfo.info_slave_data?.state === "forwarding";
    const open = async () => ((await ipJson<Port>(this.namespace("switch"), query)).every(isOpen) ? true : null);
    if ((await poll(open, { everyMs: 10, limitMs: 10_000 })) === null) {
      throw new HoldfastError("ERR_LAB", "the bridges of the lab do not forward");
    }
  }

  async #setPorts(host: string, network: string | undefined, setting: (network: string) => string): Promise<void> {
    const spec = this.#spec(host);
    const ports = spec.interfaces.filter((one) => network === undefined || one.network === network);
    if (ports.length === 0) throw new HoldfastError("ERR_LAB", `${host} is not on network ${network}`);
    await ipBatch(
      this.namespace("switch"),
      ports.map((one) => `link set ${port(spec, one)} ${setting(one.network)}`),
    );
  }

  #spec(host: string): HostSpec {
    const spec = this.#hosts.get(host);
    if (spec === undefined) throw new HoldfastError("ERR_LAB", `there is no host ${host} in this lab`);
    return spec;
  }

  #namespaces(): string[] {
    return ["switch", ...this.#hosts.keys()].map((name) => this.namespace(name));
  }

  /** Synchronous, since it is also what an exiting process does. */
  #remove(): void {
    if (this.#gone) return;
    this.#gone = true;
    process.off("exit", this.#onExit);
    for (const process of this.#processes) process.kill("SIGKILL");
    ipBatchSync(this.#namespaces().map((name) => `netns delete ${name}`));
    if (this.#kept === null) rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
    else renameSync(this.directory, this.#kept);
  }
}

/** What `ip -details` tells of a bridge port. */
interface Port {
  readonly linkinfo: { readonly info_slave_data?: { readonly state: string } };
}

function bridge(network: string): string {
  return `br-${network}`;
}

function port(host: HostSpec, one: HostInterface): string {
  return `${host.name}.${one.name}`;
}

function interfaceOf({ name: host, interfaces }: HostSpec, name: string): HostInterface {
  const one = interfaces.find((candidate) => candidate.name === name);
  if (one === undefined) throw new HoldfastError("ERR_LAB", `${host} has no interface ${name} in this lab`);
  return one;
}

function bringUp({ name, addresses }: HostInterface): string[] {
  return [...addresses.map((address) => `address replace ${address} dev ${name}`), `link set ${name} up`];
}

/** Namespaces and scratch directories of this process that are still there. */
export function remains(): readonly string[] {
  const prefix = `${PREFIX}${process.pid}-${startTime(process.pid)}-`;
  return [...listDirectory(NAMESPACES), ...listDirectory(tmpdir())].filter((name) => name.startsWith(prefix));
}

/** Removes namespaces (and ends the processes in them) and scratch directories whose lab is dead. */
export function sweep(): void {
  const namespaces = listDirectory(NAMESPACES).filter(isOrphan);
  for (const name of namespaces) {
    for (const pid of ipBatchSync([`netns pids ${name}`])
      .stdout.split("\n")
      .filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
  }
  if (namespaces.length > 0) ipBatchSync(namespaces.map((name) => `netns delete ${name}`));
  for (const name of listDirectory(tmpdir()).filter(isOrphan)) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true, maxRetries: 5 });
  }
}

function isOrphan(name: string): boolean {
  const [, pid, started] = /^hf-(\d+)-(\d+)-\d+-/.exec(name) ?? [];
  return pid !== undefined && started !== String(startTime(Number(pid)));
}

/** When a process started, in clock ticks since boot (field 22 of /proc/pid/stat), or null when there is none: with the pid, it names a
 * process for ever. */
function startTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name, field 2, may hold blanks and parentheses; fields are counted from behind it.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return null;
  }
}

function listDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
