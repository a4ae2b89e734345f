/** The lab at a terminal: a table that follows the cluster, and keys that hurt it. */
import { emitKeypressEvents } from "node:readline";
import { explain } from "../errors.js";
import type { Lab } from "./lab.js";
import { NODES, VIPS } from "./plan.js";
import { columns } from "./report.js";

const HELP = [
  "k kill   r restart   c cut off / heal   m move an address to it   then 1, 2 or 3 for the node   q quit",
  "More may arrive than got a 250: a client that is cut off before it reads its 250 counts nothing, and the node delivers.",
];
const REDRAW_MS = 500;
const RECENT = 8;

/** Resolves with true when the person quits. */
export async function playByHand(lab: Lab): Promise<boolean> {
  for (const node of NODES) lab.cluster.start(node);
  lab.startMail();
  const table = new Table(lab);
  process.stdin.setRawMode(true).resume();
  emitKeypressEvents(process.stdin);
  const timer = setInterval(() => void table.draw(), REDRAW_MS);
  await new Promise<void>((resolve) => {
    let pending = "";
    process.stdin.on("keypress", (_: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }) => {
      const name = key.name ?? "";
      if (name === "q" || (key.ctrl === true && name === "c")) resolve();
      else if ("krcm".includes(name)) pending = name;
      else if (NODES.some((node) => node === `n${name}`)) {
        void table.act(pending, `n${name}`);
        pending = "";
      } else table.explainKeys(name);
    });
  });
  clearInterval(timer);
  process.stdin.setRawMode(false).pause();
  return true;
}

class Table {
  readonly #lab: Lab;
  readonly #cut = new Set<string>();
  readonly #recent: string[] = [];
  #drawing = false;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  explainKeys(name: string): void {
    this.#say(`"${name}" is no key of the lab: k, r, c or m, then 1, 2 or 3; q quits`);
  }

  async act(key: string, node: string): Promise<void> {
    try {
      await this.#carryOut(key, node);
    } catch (error) {
      this.#say(explain(error));
    }
  }

  async #carryOut(key: string, node: string): Promise<void> {
    const { cluster, network } = this.#lab;
    switch (key) {
      case "k":
        cluster.kill(node);
        return this.#say(`SIGKILL of ${node}`);
      case "r":
        cluster.start(node);
        return this.#say(`${node} starts`);
      case "c":
        if (this.#cut.delete(node)) {
          await network.heal(node);
          return this.#say(`${node} is connected again`);
        }
        this.#cut.add(node);
        await network.cut(node);
        return this.#say(`${node} is cut off`);
      case "":
        return this.#say(`${node}: press k, r, c or m first`);
      case "m": {
        const answers = this.#lab.prober.answers();
        const vip = VIPS.find(({ address, preference }) => preference === null && answers.get(address) !== node);
        if (vip === undefined) return this.#say(`${node} has them all`);
        const { elapsedMs } = await cluster.move(node, vip.address, node);
        return this.#say(`${vip.address} moved to ${node} in ${Math.round(elapsedMs)} ms`);
      }
    }
  }

  async draw(): Promise<void> {
    if (this.#drawing) return;
    this.#drawing = true;
    const rows = await Promise.all(NODES.map((node) => this.#row(node)));
    const answers = [...this.#lab.prober.answers().values()].filter((node) => node !== null);
    const text = [
      ...columns([["node", "state", "addresses", "messages queued"], ...rows]),
      "",
      `${answers.length} of ${VIPS.length} addresses answer 220`,
      answers.length < VIPS.length ? this.#waitsFor() : "",
      `${this.#lab.accepted} messages got a 250, ${this.#lab.sink.delivered.length} arrived`,
      "",
      ...this.#recent,
      "",
      ...HELP,
      `configurations and logs, until you quit: ${this.#lab.network.directory}`,
    ];
    process.stdout.write(`\x1b[2J\x1b[H${text.join("\r\n")}\r\n`);
    this.#drawing = false;
  }

  /** Why not every address answers: the next seconds will tell, or somebody has to. */
  #waitsFor(): string {
    const running = NODES.filter((node) => this.#lab.cluster.isRunning(node));
    if (running.length === 0) return "no node runs: r and a number start one";
    return "wait: nodes look for each other, agree, and take what nobody has";
  }

  async #row(node: string): Promise<readonly string[]> {
    const { cluster, prober } = this.#lab;
    const owned = [...prober.answers().values()].filter((owner) => owner === node).length;
    if (!cluster.isRunning(node)) return [node, "down", "-", "-"];
    const queues = await cluster.queues(node).catch(() => null);
    const queued = queues?.reduce((sum, row) => sum + row.active + row.delayed, 0);
    return [node, this.#cut.has(node) ? "cut off" : "up", String(owned), queued === undefined ? "?" : String(queued)];
  }

  #say(line: string): void {
    this.#recent.push(`${new Date().toISOString().slice(11, 23)}  ${line}`);
    this.#recent.splice(0, this.#recent.length - RECENT);
  }
}
