#!/usr/bin/env node
/**
 * `npm run chaos`: sets up what is missing, then lets faults loose on real nodes on this host; exit 0 only if all became well
 * after each of them.
 *
 *     npm run chaos -- --minutes 30 --seed 7 --nodes 5 --load
 */
import { performance } from "node:perf_hooks";
import { prepare } from "./setup.mjs";

try {
  // Said now, and not after two minutes of npm.
  if (process.getuid() !== 0) throw new Error("the lab makes network namespaces, which needs root: sudo npm run chaos");
  prepare({ packages: ["iproute2"] });
  process.stdout.write(`setup: ready after ${(performance.now() / 1000).toFixed(1)} s\n`);
  await import("../dist/lab/chaos-main.js");
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
