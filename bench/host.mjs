/** One host in a network namespace: programs in it, and a process that holds the kernel layer of holdfast (agent.mjs). */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { LabNetwork } from "../dist/lab/namespaces.js";

const HERE = import.meta.dirname;

export class Host {
  static async create() {
    const network = await LabNetwork.create([{ name: "bench", interfaces: [] }]);
    return new Host(network);
  }

  constructor(network) {
    this.network = network;
    this.namespace = network.namespace("bench");
    this.directory = network.directory;
  }

  async remove() {
    await this.network.remove();
  }

  /** A program in the namespace, which dies with this process. */
  start(words, stdio) {
    return spawn("ip", ["netns", "exec", this.namespace, "setpriv", "--pdeathsig", "KILL", ...words], { stdio });
  }

  /** @returns what it printed. */
  async run(words) {
    const child = this.start(words, ["ignore", "pipe", "inherit"]);
    const [out, [status]] = await Promise.all([text(child.stdout), once(child, "close")]);
    if (status !== 0) throw new Error(`${words.join(" ")} exits ${status}`);
    return out;
  }

  /** @returns milliseconds from start to end, with the start of `ip` and the reading of its file. */
  async ipBatch(file) {
    const startedAt = performance.now();
    const child = spawn("ip", ["-n", this.namespace, "-batch", file], { stdio: ["ignore", "ignore", "inherit"] });
    const [status] = await once(child, "close");
    if (status !== 0) throw new Error(`ip -batch ${file} exits ${status}`);
    return performance.now() - startedAt;
  }

  /** Writes a file for `ipBatch`, a command an address. @returns its path. */
  batchFile(name, addresses, command) {
    return this.writeLines(name, addresses.map(command));
  }

  /** @returns the path of the file. */
  writeLines(name, lines) {
    const path = join(this.directory, name);
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
  }

  /** Does `work` with a new interface, which is gone afterwards with all that is on it. @param work gets its index. */
  async withLink(work) {
    await this.run(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "peer1"]);
    try {
      await this.run(["ip", "link", "set", "peer1", "up"]);
      await this.run(["ip", "link", "set", "eth1", "up"]);
      const [{ ifindex }] = JSON.parse(await this.run(["ip", "-json", "link", "show", "eth1"]));
      return await work(ifindex);
    } finally {
      await this.run(["ip", "link", "delete", "eth1"]);
    }
  }

  async startAgent() {
    const child = this.start([process.execPath, join(HERE, "agent.mjs")], ["pipe", "pipe", "inherit"]);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const call = async (method, ...args) => {
      child.stdin.write(`${JSON.stringify({ method, args })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the agent ended within ${method}`);
      return JSON.parse(value);
    };
    const kill = async () => {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    };
    return { call, kill };
  }
}

/** `count` of them from 10.1.0.1 on. */
export function range(count) {
  const first = 0x0a010001;
  return Array.from({ length: count }, (_, i) => {
    const value = first + i;
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  });
}

/** Compiles a program of bench/floor. @returns its path, or null where there is no gcc. */
export function compileFloor(name) {
  const directory = join(HERE, "../out/bench");
  mkdirSync(directory, { recursive: true });
  const program = join(directory, name);
  const { status } = spawnSync("gcc", ["-O2", "-Wall", "-o", program, join(HERE, `floor/${name}.c`)], {
    stdio: "inherit",
  });
  return status === 0 ? program : null;
}
