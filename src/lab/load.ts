/** Programs that only keep the cores busy: what a filter, a backup or a flood of mail does to a host. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

/** So many beside each core: the daemons get a small share of it. */
const BUSY_A_CORE = 2;

/** @returns what ends them. They end with this process, too. */
export function startLoad(): () => void {
  const busy = Array.from({ length: BUSY_A_CORE * availableParallelism() }, () =>
    spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, "--eval", "for (;;);"], { stdio: "ignore" }),
  );
  return () => {
    for (const child of busy) child.kill("SIGKILL");
  };
}
