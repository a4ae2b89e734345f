/**
 * Does the simulator see what it is there to see? Breaks the core in one place at a time, in a copy of the sources, and
 * runs test/sim on it, or the tests that the list names: `node test/sim/mutations.mjs`, some minutes; `node test/sim/mutations.mjs L3` only those whose
 * name has that in it. Not part of `npm test`. Exits with 1 when a broken core passes.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MUTATIONS } from "./mutation-list.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** One process for all files: what it takes to start one is most of what a scenario takes. */
const VITEST = ["run", "--project", "unit", "--no-isolate", "--no-file-parallelism", "--bail", "1"];
/** The scenarios first: they are quick, and see most. */
const SIMULATED = ["test/sim/scenarios", "test/sim/seeds"];
const copy = mkdtempSync(join(tmpdir(), "holdfast-mutations-"));
try {
  for (const part of ["src", "test", "vitest.config.ts", "tsconfig.json", "package.json"])
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  if (!passes(SIMULATED)) throw new Error("test/sim fails as it is: nothing can be learned from breaking more");
  const chosen = MUTATIONS.filter(([what]) => what.includes(process.argv[2] ?? ""));
  const missed = chosen.filter((mutation) => !isCaught(...mutation));
  process.stdout.write(`${chosen.length - missed.length} caught, ${missed.length} missed\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true });
}

function isCaught(what, file, text, instead, tests = null) {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  writeFileSync(path, source.replace(text, instead));
  const caught = !passes(tests === null ? SIMULATED : [tests]);
  writeFileSync(path, source);
  process.stdout.write(`${caught ? "caught" : "MISSED"}  ${what}\n`);
  return caught;
}

function passes(parts) {
  return parts.every((part) => {
    const vitest = join(copy, "node_modules/.bin/vitest");
    const { status } = spawnSync(vitest, [...VITEST, part], {
      cwd: copy,
      env: { ...process.env, SEED: "1", SEEDS: "60" },
      stdio: "ignore",
      timeout: 600_000,
    });
    return status === 0;
  });
}
