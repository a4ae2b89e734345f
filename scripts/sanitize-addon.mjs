#!/usr/bin/env node
/**
 * `npm run native:leaks`: the addon as Node loads it, built with ASan, LSan and UBSan, and test/native/every-call.mjs
 * through it, in a network namespace. Ends with a status that is not 0 for a memory error, undefined behaviour, a leak, or
 * a call that fails. Needs root, for the namespace and the TUN device.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./setup.mjs";

const BUILD = ["compile", "-O", "out/asan-addon/build", "-B", "Release", "--CDHOLDFAST_SANITIZE=address,undefined"];
const IN_NAMESPACE =
  "ip link add eth1 type veth peer name peer1 && ip link set eth1 up && ip link set peer1 up && ip link set lo up && exec";

run("npx", ["cmake-js", ...BUILD], {});
// The sanitizer has to come before everything else that is loaded, and libstdc++ has to be there when it looks for it.
const library = (name) => realpathSync(execFileSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" }).trim());
const program = [process.execPath, join(ROOT, "test/native/every-call.mjs")].join(" ");
run("unshare", ["--net", "sh", "-c", `${IN_NAMESPACE} env LD_PRELOAD="$SANITIZER" ${program}`], {
  SANITIZER: `${library("libasan.so")} ${library("libstdc++.so")}`,
  HOLDFAST_PREBUILD: join(ROOT, "out/asan-addon"),
  ASAN_OPTIONS: "detect_leaks=1",
  UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
});

/** Ends with the status of what failed. */
function run(command, words, environment) {
  const { status, error } = spawnSync(command, words, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  if (error !== undefined) process.stderr.write(`${command}: ${error.message}\n`);
  if (status !== 0) process.exit(status ?? 1);
}
