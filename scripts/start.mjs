#!/usr/bin/env node
/**
 * `npm start`: sets up what is missing, then opens the lab: three mail nodes, a client and a sink on this host.
 *
 *     npm start                              play with it by hand
 *     npm start -- --once [--json FILE]      play the story; exit 0 only if every check held
 */
import { performance } from "node:perf_hooks";
import { prepare } from "./setup.mjs";

try {
  // Said now, and not after two minutes of npm.
  if (process.getuid() !== 0) throw new Error("the lab makes network namespaces, which needs root: sudo npm start");
  prepare({ packages: ["iproute2"] });
  process.stdout.write(`setup: ready after ${(performance.now() / 1000).toFixed(1)} s\n`);
  await import("../dist/lab/story-main.js");
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
