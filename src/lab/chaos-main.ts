/** `npm run chaos`: faults drawn by seed on real nodes, until the time is over or something does not become well. */
import { Command, InvalidArgumentError } from "commander";
import { ERROR_CODES, explain, hasCode } from "../errors.js";
import { Random } from "../sim/random.js";
import { CHAOS_PROBING, playChaos } from "./chaos/chaos.js";
import { chaosPlan } from "./chaos/plan.js";
import { renderChaos } from "./chaos/report.js";
import { Lab } from "./lab.js";
import { startLoad } from "./load.js";
import { endOnSignals, positive, say } from "./main-parts.js";
import { remains } from "./namespaces.js";

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly nodes: number;
  readonly load?: true;
  readonly keep?: true;
}

const options = new Command("npm run chaos --")
  .description("Faults on three to nine real nodes with 200 addresses and mail, in network namespaces (needs root)")
  .option("--minutes <n>", "how long new faults are begun", positive, 2)
  .option("--seed <n>", "what is drawn; default: a new one", positive, 1 + Math.floor(Math.random() * 2 ** 31))
  .option("--nodes <n>", "how many nodes, 3 to 9", nodeCount, 3)
  .option("--load", "keep every core busy beside them")
  .option("--keep", "keep configurations, logs and spools")
  .parse()
  .opts<Options>();

endOnSignals();
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`seed ${options.seed}: ${explain(error)}\n`);
  process.exitCode = hasCode(error, "ERR_LAB") ? ERROR_CODES.ERR_LAB.exit : 1;
}

async function main(): Promise<number> {
  const { seed, nodes, minutes } = options;
  say(`seed ${seed}, ${nodes} nodes, ${minutes} minutes${options.load === true ? ", loaded" : ""}`);
  const plan = chaosPlan(nodes, new Random(seed).stream("plan"));
  for (const { block, plumbing, policy } of plan.topologies) say(`${block}: ${plumbing}, ${policy}`);
  const lab = await Lab.create(plan, CHAOS_PROBING);
  const endLoad = options.load === true ? startLoad() : () => {};
  let ok = false;
  try {
    const report = await playChaos(lab, plan, { seed, forMs: minutes * 60_000 }, say);
    ok = report.violations.length === 0;
    say(`\n${renderChaos(report)}\n\n${ok ? "All was well after each." : "NOT all was well."}`);
  } finally {
    endLoad();
    if (options.keep === true || !ok) say(`configurations, logs and spools: ${lab.network.keepDirectory()}`);
    await lab.network.remove();
  }
  const left = remains();
  for (const name of left) say(`FAILED: ${name} is still there`);
  return ok && left.length === 0 ? 0 : 1;
}

function nodeCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 3 || value > 9) throw new InvalidArgumentError("expected 3 to 9");
  return value;
}
