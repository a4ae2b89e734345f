/**
 * Network namespaces for tests. A namespace has no name and no file: it lives as long as the process that holds it, and
 * that process ends when its stdin does. So nothing is left behind, however the tests end.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { calls } from "./agent.js";

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? [] : ["--user", "--map-root-user"];

/** Why these tests cannot run here, with the remedy; null when they can. */
export const cannotRun: string | null =
  spawnSync("unshare", [...asRoot, "--net", "true"]).status === 0
    ? null
    : "needs root, or user namespaces: sysctl -w user.max_user_namespaces=1000 kernel.unprivileged_userns_clone=1";

/** Why a TUN device is not to be had here. */
export const cannotTun: string | null =
  cannotRun ?? (isRoot ? null : "needs root: /dev/net/tun is not open to other users");

export class Namespace {
  readonly #children = new Set<ChildProcessWithoutNullStreams>();

  private constructor(
    private readonly holder: ChildProcessWithoutNullStreams,
    readonly pid: number,
  ) {}

  /** @param beside another namespace of the same test, so that a veth pair may join the two. */
  static async create(beside?: Namespace): Promise<Namespace> {
    const hold = ["sh", "-c", "ip link set lo up && echo ready && exec cat"];
    const [command = "", ...args] =
      beside === undefined ? ["unshare", ...asRoot, "--net", ...hold] : beside.#enter(["unshare", "--net", ...hold]);
    const holder = spawn(command, args, { stdio: "pipe" });
    await once(createInterface({ input: holder.stdout }), "line");
    if (holder.pid === undefined) throw new Error(`${command} did not start`);
    return new Namespace(holder, holder.pid);
  }

  #enter(command: readonly string[]): string[] {
    const user = isRoot ? [] : [`--user=/proc/${this.pid}/ns/user`, "--preserve-credentials"];
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`, ...user, ...command];
  }

  /** Runs one command line of plain words and waits for its end. @returns stdout. */
  async run(line: string): Promise<string> {
    const [command = "", ...args] = this.#enter(line.split(" "));
    return (await promisify(execFile)(command, args)).stdout;
  }

  start(command: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
    const [first = "", ...args] = this.#enter(command);
    const child = spawn(first, args, { stdio: "pipe", env: { ...process.env, ...env } });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  async close(): Promise<void> {
    await Promise.all([this.holder, ...this.#children].map(kill));
  }
}

/** SIGKILL, and wait for the end. */
async function kill(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, "exit");
  child.kill("SIGKILL");
  await end;
}

type Calls = typeof calls;
type Answer = { readonly result: unknown } | { readonly error: string; readonly code: string | null };

/** A failure that the agent reported: the code, and the chain of causes as one line. */
export class AgentError extends Error {
  constructor(
    message: string,
    readonly code: string | null,
  ) {
    super(message);
  }
}

/** The kernel layer in a process inside a namespace (agent.ts). */
export class Agent {
  private constructor(
    readonly process: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /** @param options.protocol its tag, where it is not to be ours; `arpRefreshMs`, where it is to refresh; `wrap`, a
   *   command that runs it. */
  static async start(
    namespace: Namespace,
    options: { readonly protocol?: number; readonly arpRefreshMs?: number; readonly wrap?: readonly string[] } = {},
  ): Promise<Agent> {
    const env = {
      ...(options.protocol === undefined ? {} : { AGENT_PROTOCOL: String(options.protocol) }),
      ...(options.arpRefreshMs === undefined ? {} : { AGENT_ARP_REFRESH_MS: String(options.arpRefreshMs) }),
    };
    const child = namespace.start([...(options.wrap ?? []), process.execPath, compiled("agent")], env);
    child.stderr.pipe(process.stderr);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.value !== "ready") throw new Error("the agent did not start");
    return new Agent(child, lines);
  }

  /** One call at a time. */
  async call<M extends keyof Calls>(method: M, ...args: Parameters<Calls[M]>): Promise<Awaited<ReturnType<Calls[M]>>> {
    this.process.stdin.write(`${JSON.stringify({ method, args })}\n`);
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`the agent ended within ${method}`);
    const answer: Answer = JSON.parse(value);
    if ("error" in answer) throw new AgentError(answer.error, answer.code);
    // What JSON leaves of it: agent.ts returns plain data only.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return answer.result as Awaited<ReturnType<Calls[M]>>;
  }

  /** As the kernel kills: no handler runs. */
  async sigkill(): Promise<void> {
    await kill(this.process);
  }
}

let isCompiled = false;

/**
 * Node 20 runs no TypeScript, so the programs of this folder and what they import are compiled once a test file.
 *
 * @returns the path of one of them.
 */
export function compiled(program: "agent" | "teardown"): string {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  if (!isCompiled) {
    const tsc = spawnSync(`${root}/node_modules/.bin/tsc`, ["-p", `${root}/test/kernel/tsconfig.json`], {
      encoding: "utf8",
    });
    if (tsc.status !== 0) throw new Error(`test/kernel does not compile:\n${tsc.stdout}`);
    isCompiled = true;
  }
  return `${root}/out/kernel-agent/test/kernel/${program}.js`;
}
