#!/usr/bin/env node
/**
 * `npm run native:fuzz`: builds the fuzz targets of native/test/fuzz for libFuzzer (Debian: clang, libclang-rt-14-dev) and
 * runs each for a while, from the kept inputs on. An input that fails is written beside what was found, and its path
 * printed; copy it to native/test/corpus/TARGET under a name that says what it is, and every `npm test` plays it.
 *
 *     npm run native:fuzz -- [--seconds N] [--target NAME]...
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./setup.mjs";

const CORPUS = join(ROOT, "native/test/corpus");

const { seconds, target: targets } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    target: { type: "string", multiple: true, default: readdirSync(CORPUS) },
  },
}).values;

run("cmake", ["--workflow", "--preset", "fuzz"]);
for (const target of targets) {
  process.stdout.write(`\n== ${target}\n`);
  const found = join(ROOT, "out/fuzz/found", target);
  mkdirSync(found, { recursive: true });
  const limits = [`-max_total_time=${seconds}`, "-timeout=5", "-max_len=8192", `-artifact_prefix=${found}-`];
  run(join(ROOT, "out/fuzz", `fuzz_${target}`), [...limits, "-print_final_stats=1", found, join(CORPUS, target)]);
}

/** Ends with the status of what failed. */
function run(program, words) {
  const { status, error } = spawnSync(program, words, { cwd: ROOT, stdio: "inherit" });
  if (error !== undefined) process.stderr.write(`${program}: ${error.message}\n`);
  if (status !== 0) process.exit(status ?? 1);
}
