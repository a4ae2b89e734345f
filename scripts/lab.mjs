/** Sets up what the lab's programs need, then runs one of them. */
import { performance } from "node:perf_hooks";
import { prepare } from "./setup.mjs";

/** @param command as it was typed, for who has to type it again. @param script below dist/lab/. */
export async function runInLab(command, script) {
  try {
    // Said now, and not after two minutes of npm.
    if (process.getuid() !== 0) throw new Error(`the lab makes network namespaces, which needs root: sudo ${command}`);
    prepare({ packages: ["iproute2"] });
    process.stdout.write(`setup: ready after ${(performance.now() / 1000).toFixed(1)} s\n`);
    await import(`../dist/lab/${script}`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
