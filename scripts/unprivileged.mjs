#!/usr/bin/env node
/**
 * The tests of test/kernel once more, as a user without any privilege: in user namespaces, as far as the kernel lets such a user have
 * its own network. What needs root itself (TUN devices) is skipped by the tests, which say why. Run by root, who gives it up.
 *
 * That user may neither read a clone nor write to it, so it gets a copy of what the tests need, which is removed at the end.
 */
import { spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./setup.mjs";

/** "nobody" on Debian; no file of a host belongs to it. */
const USER = 65_534;
const NEEDED = [
  "binding.gyp",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
  "build/Release",
  "dist",
  "native",
  "node_modules",
  "src",
  "test",
];

function asUser(command, options) {
  const drop = ["--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"];
  return spawnSync("setpriv", [...drop, ...command], options);
}

function copyTo(folder) {
  for (const name of NEEDED) cpSync(join(ROOT, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  // Vitest and the compiler of the agents write here.
  for (const name of ["home", "out", "node_modules/.vite", "node_modules/.vite-temp"]) {
    mkdirSync(join(folder, name), { recursive: true });
    chownSync(join(folder, name), USER, USER);
  }
}

function main() {
  const wanted = process.env.HOLDFAST_TEST_COUNTS;
  const probe = asUser([process.execPath, "--version"], { encoding: "utf8" });
  if (probe.status !== 0) {
    process.stdout.write(`skipped: uid ${USER} cannot run ${process.execPath}: ${probe.error ?? probe.stderr}\n`);
    if (wanted !== undefined) writeFileSync(wanted, JSON.stringify({ passed: 0, failed: 0, skipped: 1 }));
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "holdfast-unprivileged-"));
  try {
    chownSync(folder, USER, USER);
    copyTo(folder);
    const counts = join(folder, "out/test-counts.json");
    const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "kernel"];
    const reporters = ["--reporter=default", "--reporter=./test/reporter.ts"];
    const env = {
      ...process.env,
      HOME: join(folder, "home"),
      TMPDIR: join(folder, "home"),
      HOLDFAST_TEST_COUNTS: counts,
    };
    const { status } = asUser([process.execPath, ...vitest, ...reporters, "test/kernel"], {
      cwd: folder,
      env,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (wanted !== undefined && existsSync(counts)) cpSync(counts, wanted);
    return status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main();
