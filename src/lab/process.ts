/** A program that runs inside a host of the lab and speaks JSON lines. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export interface LabProcessOptions<Line> {
  /** Path of a script below dist/, "lab/sink-main.js". */
  readonly script: string;
  readonly args: readonly string[];
  /** Everything that it prints is appended here. */
  readonly logFile: string;
  /** Called with each line of its standard output that is a JSON object: the lab trusts its own programs to print what
   * they say they do. Other lines go to the log file only. */
  readonly onLine?: (line: Line) => void;
}

export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LabProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Writes one JSON line to its standard input. */
  send(message: unknown): void;
  endInput(): void;
  kill(signal: NodeJS.Signals): void;
}

/** Compiled code; the lab's sources are run from here too, by the tests. */
const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));

export function startProcess<Line>(namespace: string, options: LabProcessOptions<Line>): LabProcess {
  const program = [process.execPath, DIST + options.script, ...options.args];
  // A session of its own: Ctrl-C at the terminal must not reach the daemons. The death signal ends it with the lab,
  // even where the lab gets SIGKILL. Both commands exec, so the child's pid is the program's.
  const child = spawn("ip", ["netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL", ...program], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const log = createWriteStream(options.logFile, { flags: "a" });
  readOutput(child, log, (line) => {
    let parsed: Line;
    try {
      parsed = JSON.parse(line);
    } catch {
      return;
    }
    options.onLine?.(parsed);
  });
  child.stdin.on("error", () => {}); // EPIPE: it is gone, which `exited` tells
  const exited = new Promise<Exit>((resolve) => {
    child.on("error", (error) => {
      log.end(`${error.message}\n`);
      resolve({ status: null, signal: null });
    });
    child.on("close", (status, signal) => log.end(() => resolve({ status, signal })));
  });
  return {
    pid: child.pid ?? 0,
    exited,
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    endInput: () => void child.stdin.end(),
    kill: (signal) => void child.kill(signal),
  };
}

function readOutput(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  log: Writable,
  onLine: (line: string) => void,
): void {
  child.stderr.on("data", (bytes: Buffer) => log.write(bytes));
  createInterface({ input: child.stdout }).on("line", (line) => {
    log.write(`${line}\n`);
    if (line.startsWith("{")) onLine(line);
  });
}
