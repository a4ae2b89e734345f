#!/usr/bin/env node
/**
 * `npm test`: sets up what is missing, then runs every check and every test, and closes with one line
 * "N passed, N failed, N skipped". A check (types, lint, format) counts as one test. Exit status 0 when nothing failed.
 *
 *     npm test -- --quick     without what changes the kernel of a host (namespaces, addresses)
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { prepare, ROOT } from "./setup.mjs";

const COUNTS_FILE = join(ROOT, "out/test-counts.json");

const vitest = (project) => ({
  name: `vitest ${project}`,
  command: ["npx", "vitest", "run", "--project", project, "--reporter=default", "--reporter=./test/reporter.ts"],
  count: countVitest,
});

const STAGES = [
  { name: "types", command: ["npm", "run", "--silent", "typecheck"], count: countCheck },
  { name: "lint", command: ["npm", "run", "--silent", "lint"], count: countCheck },
  { name: "format", command: ["npm", "run", "--silent", "format:check"], count: countCheck },
  { name: "native unit tests", command: ["npm", "run", "--silent", "native:test"], count: countCtest },
  { name: "native tests, ASan and UBSan", command: ["npm", "run", "--silent", "native:asan"], count: countCtest },
  { name: "native tests, TSan", command: ["npm", "run", "--silent", "native:tsan"], count: countCtest },
  vitest("unit"),
];

/** Real addresses, real nodes: root, or unprivileged user namespaces; by root, what test/kernel can be done without it too. */
const KERNEL_STAGES = [vitest("kernel")];
/** Needs a TUN device, and so root itself. */
const ROOT_STAGES = [
  {
    name: "test/kernel, without privileges",
    command: ["node", "scripts/unprivileged.mjs"],
    count: countVitest,
  },
  { name: "addon, ASan, LSan and UBSan", command: ["npm", "run", "--silent", "native:leaks"], count: countCheck },
];

function countCheck(status) {
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

/** ctest's own closing lines; the build before it fails as one test. */
function countCtest(status, output) {
  const summary = /(\d+) tests failed out of (\d+)/.exec(output);
  if (summary === null) return countCheck(status || 1);
  const failed = Number(summary[1]);
  const skipped = output.match(/\*\*\*(?:Skipped|Not Run)/g)?.length ?? 0;
  return { passed: Number(summary[2]) - failed - skipped, failed, skipped };
}

/** What test/reporter.ts wrote; without it vitest did not get to its end. */
function countVitest(status) {
  if (!existsSync(COUNTS_FILE)) return countCheck(status || 1);
  const counts = JSON.parse(readFileSync(COUNTS_FILE, "utf8"));
  return { ...counts, failed: Math.max(counts.failed, status === 0 ? 0 : 1) };
}

/** Runs one stage, its output passed on as it comes. */
async function runStage({ name, command: [program, ...words], count }) {
  process.stdout.write(`\n== ${name}\n`);
  rmSync(COUNTS_FILE, { force: true });
  const child = spawn(program, words, {
    cwd: ROOT,
    env: { ...process.env, HOLDFAST_TEST_COUNTS: COUNTS_FILE },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    process.stdout.write(text);
  });
  const status = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  return count(status, output);
}

async function runStages(stages) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const stage of stages) {
    const counts = await runStage(stage);
    for (const key of Object.keys(total)) total[key] += counts[key];
    if (counts.failed > 0) process.stdout.write(`== ${stage.name}: ${counts.failed} failed\n`);
  }
  return total;
}

/** Everything that cannot even be set up is one failure. */
async function main(quick) {
  try {
    prepare({ packages: ["cmake", "doctest-dev", ...(quick ? [] : ["iproute2"])] });
  } catch (error) {
    process.stdout.write(`${error.message}\n`);
    return countCheck(1);
  }
  mkdirSync(join(ROOT, "out"), { recursive: true });
  if (quick) return runStages(STAGES);
  return runStages([...STAGES, ...(process.getuid() === 0 ? ROOT_STAGES : []), ...KERNEL_STAGES]);
}

const { passed, failed, skipped } = await main(process.argv.includes("--quick"));
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
