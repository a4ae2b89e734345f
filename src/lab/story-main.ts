/** `npm start`: the lab, by hand or, with --once, as a story that plays by itself. */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { ERROR_CODES, explain, hasCode } from "../errors.js";
import { playByHand } from "./by-hand.js";
import { Lab } from "./lab.js";
import { remains } from "./namespaces.js";
import { renderReport } from "./report.js";
import { playStory } from "./story.js";

interface Options {
  readonly once?: true;
  readonly json?: string;
  readonly keep?: true;
}

const options = new Command("npm start --")
  .description("Three mail nodes, a client and a sink on this host, in network namespaces (needs root)")
  .option("--once", "play the story and exit 0 only if every check held")
  .option("--json <file>", "write the story's report to a file, as JSON")
  .option("--keep", "keep configurations, logs and spools")
  .parse()
  .opts<Options>();

// Whatever ends this process ends the lab: its exit handler removes it.
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = hasCode(error, "ERR_LAB") ? ERROR_CODES.ERR_LAB.exit : 1;
}

async function main(): Promise<number> {
  if (options.once === undefined && !process.stdin.isTTY) {
    say("The lab is played with keys, and standard input is no terminal. To play the story: npm start -- --once");
    return ERROR_CODES.ERR_USAGE.exit;
  }
  const lab = await Lab.create();
  let ok = false;
  try {
    ok = await (options.once === undefined ? playByHand(lab) : playOnce(lab));
  } finally {
    if (options.keep !== undefined || !ok) say(`configurations, logs and spools: ${lab.network.keepDirectory()}`);
    await lab.network.remove();
  }
  const left = remains();
  for (const name of left) say(`FAILED: ${name} is still there`);
  return ok && left.length === 0 ? 0 : 1;
}

async function playOnce(lab: Lab): Promise<boolean> {
  const report = await playStory(lab, say);
  say(`\n${renderReport(report)}`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  say(report.ok ? "\nEvery check held." : "\nNot every check held.");
  return report.ok;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
