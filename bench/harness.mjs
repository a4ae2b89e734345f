/** Runs the sides of a comparison by turns, and says what came of it. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

/**
 * @typedef {object} Side
 * @property {string} name
 * @property {() => Promise<number>} [run] does the work once from a fresh start; milliseconds. Only the work is timed.
 * @property {string} [install] instead of `run`: the Debian package that is not there.
 */

/**
 * The first side is ours; `ratio` of another is its median over ours: above 1, ours is faster.
 *
 * @param {{ bench: string, title: string, rounds: number, count: number, sides: readonly Side[] }} comparison
 *   count: how many things one run works on.
 */
export async function compare({ bench, title, rounds, count, sides }) {
  const running = sides.filter(({ run }) => run !== undefined);
  const samples = new Map(running.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Forwards and backwards by turns, so that nobody always runs after the same one.
    for (const { name, run } of round % 2 === 0 ? running : running.toReversed()) samples.get(name).push(await run());
  }
  const ours = median(samples.get(running[0].name));
  const result = {
    bench,
    title,
    count,
    sides: running.map(({ name }, i) => {
      const all = samples.get(name);
      const mid = median(all);
      return {
        name,
        min: Math.min(...all),
        median: mid,
        max: Math.max(...all),
        ...(i > 0 && { ratio: mid / ours }),
        all,
      };
    }),
    skipped: sides.flatMap(({ name, install }) => (install === undefined ? [] : [{ name, install }])),
  };
  print(result);
  return result;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function print({ bench, title, count, sides, skipped }) {
  const row = (...cells) => cells.map((cell, i) => (i === 0 ? `  ${cell}`.padEnd(30) : cell.padStart(11))).join("");
  const lines = [`${bench} ${title}`, row("milliseconds", "min", "median", "max", "ratio", "a second")];
  for (const { name, min, median: mid, max, ratio } of sides) {
    const times = [min, mid, max].map((value) => value.toFixed(value < 100 ? 2 : 0));
    const rate = Math.round((count * 1000) / mid).toLocaleString("en");
    lines.push(row(name, ...times, ratio === undefined ? "" : `${ratio.toFixed(2)}x`, rate));
  }
  for (const { name, install } of skipped) lines.push(`  ${name}: skipped; apt-get install ${install}`);
  process.stdout.write(`${lines.join("\n")}\n\n`);
}

/** Without it, no figure means anything. */
export function machine() {
  const [cpu] = cpus();
  return {
    kernel: release(),
    node: process.version,
    cores: cpus().length,
    cpu: cpu?.model ?? "unknown",
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    load: loadavg().map((value) => Number(value.toFixed(2))),
    virtual: /^flags.*\bhypervisor\b/m.test(readFileSync("/proc/cpuinfo", "utf8")),
    date: new Date().toISOString(),
  };
}
