/** A program that runs inside a host of the lab and speaks JSON lines. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface LabProcessOptions<Line> {
  /** Path of a script below dist/, "lab/sink-main.js". */
  readonly script: string;
  readonly args: readonly string[];
  /** What it prints is appended here. */
  readonly logFile: string;
  /** Takes its standard output, a JSON object a line, away from the log file. The lab trusts its own programs to print
   * what they say they do. */
  readonly onLine?: (line: Line) => void;
}

export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LabProcess {
  /** undefined when it could not be started. */
  readonly pid: number | undefined;
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
  // A file and not a pipe: a daemon that logs must never wait for the lab to read.
  const log = openSync(options.logFile, "a");
  // A session of its own: Ctrl-C at the terminal must not reach the daemons. The death signal ends it with the lab,
  // even where the lab gets SIGKILL. Both commands exec, so the child's pid is the program's.
  const child = spawn("ip", ["netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL", ...program], {
    detached: true,
    stdio: ["pipe", options.onLine === undefined ? log : "pipe", log],
  });
  closeSync(log);
  child.stdin?.on("error", () => {}); // EPIPE: it is gone, which `exited` tells
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const object: Line = JSON.parse(line);
      options.onLine?.(object);
    });
  }
  const exited = new Promise<Exit>((resolve) => {
    child.on("error", () => resolve({ status: null, signal: null }));
    child.on("close", (status, signal) => resolve({ status, signal }));
  });
  return {
    pid: child.pid,
    exited,
    send: (message) => void child.stdin?.write(`${JSON.stringify(message)}\n`),
    endInput: () => void child.stdin?.end(),
    kill: (signal) => void child.kill(signal),
  };
}
